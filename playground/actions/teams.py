"""Teams: everybody has a personal one, with something to press Run on."""

from django.contrib.auth.models import User
from django.db import transaction

from playground.actions.experiments import make_from_starter
from playground.models import Membership, Role, Team
from playground.starters import FIRST


@transaction.atomic
def make_personal_team(user: User) -> Team:
    """The personal team of ``user``, made with a starter experiment if it is missing."""
    team, is_new = Team.objects.get_or_create(personal_of=user, defaults={"name": team_name(user.username)})
    Membership.objects.get_or_create(team=team, user=user, defaults={"role": Role.OWNER})
    if is_new:
        make_from_starter(team, user, FIRST)
    return team


def username_of(name: str) -> str:
    """The name to sign in with that belongs to a display name."""
    return name.replace(" ", ".").lower()


@transaction.atomic
def take_up_account(user: User, name: str, password: str) -> None:
    """The name and (unless empty) the password that somebody chose; an unnamed personal team follows."""
    Team.objects.filter(personal_of=user, name=team_name(user.username)).update(name=team_name(name))
    user.first_name, user.username = name, username_of(name)
    if password:
        user.set_password(password)
    user.save(update_fields=["first_name", "username", "password"])


def team_name(person: str) -> str:
    return f"{person}'s team"


def ensure_owner() -> User:
    """The first owner of this instance: made without a password on the first start."""
    owner = User.objects.filter(is_superuser=True).order_by("pk").first()
    if owner is None:
        owner = User.objects.create_superuser("owner")
    make_personal_team(owner)
    return owner
