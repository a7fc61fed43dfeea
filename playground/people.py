"""People: how a user is called on pages, in logs and in files."""

from django.contrib.auth.models import User


def name_of(user: User | None) -> str:
    """The name they chose, or the one they sign in with."""
    return "somebody who left" if user is None else user.get_short_name() or user.username
