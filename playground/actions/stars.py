"""Stars: what one person wants at hand; nobody else sees them."""

from django.contrib.auth.models import User

from playground.models import Experiment


def put(experiment: Experiment, user: User, *, starred: bool) -> None:
    """Twice is as once."""
    if starred:
        experiment.starred_by.add(user)
    else:
        experiment.starred_by.remove(user)
