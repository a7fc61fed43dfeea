"""Teams: everybody has a personal one, with something to press Run on; others have members.

What changes the roles of a team takes it as access.team_to_change gives it: locked, so that the last owner
cannot be lost between looking and writing.
"""

from typing import Annotated

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from pydantic import AfterValidator, StringConstraints

from playground.actions import audit
from playground.actions.experiments import make_from_starter
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Membership, Role, Team
from playground.people import name_of
from playground.specs import Strict, clean
from playground.starters import FIRST

TeamName = Annotated[
    str,
    AfterValidator(clean),
    AfterValidator(lambda name: " ".join(name.split())),  # one line: it stands in the subject of e-mails
    StringConstraints(min_length=1, max_length=LIMITS.team_name_chars),
]


class Named(Strict):
    name: TeamName


class NewRole(Strict):
    role: Role


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


@transaction.atomic
def make(user: User, name: str) -> Team:
    """A team that ``user`` owns."""
    team = Team.objects.create(name=name)
    Membership.objects.create(team=team, user=user, role=Role.OWNER)
    audit.record(team, user, "team_made")
    return team


@transaction.atomic
def rename(team: Team, actor: User, name: str) -> None:
    if name == team.name:
        return
    audit.record(team, actor, "team_renamed", before=team.name, name=name)
    team.name = name
    team.save(update_fields=["name"])


def change_role(team: Team, actor: User, member: Membership, role: Role) -> None:
    """Raises Refusal 409 for the last owner, and for the first one of a personal team."""
    before = Role(member.role)
    if role == before:
        return
    if before == Role.OWNER:
        _end_ownership(team, member)
    member.role = role
    member.save(update_fields=["role"])
    audit.record(team, actor, "member_role", member=name_of(member.user), role=role, before=before)


def remove(team: Team, actor: User, member: Membership) -> None:
    """Takes somebody out of the team, or oneself. Raises what change_role does."""
    if member.role == Role.OWNER:
        _end_ownership(team, member)
    member.delete()
    if member.user_id == actor.pk:
        audit.record(team, actor, "member_left", role=member.role)
    else:
        audit.record(team, actor, "member_removed", member=name_of(member.user), role=member.role)


def transfer(team: Team, owner: Membership, heir: Membership) -> None:
    """``heir`` becomes an owner and ``owner`` an editor. Raises Refusal 409 in one's own personal team."""
    if heir.pk == owner.pk:
        raise Refusal("own_heir", "You are an owner already; choose somebody else.", status=409)
    heir.role = Role.OWNER
    heir.save(update_fields=["role"])
    _end_ownership(team, owner)
    owner.role = Role.EDITOR
    owner.save(update_fields=["role"])
    audit.record(team, owner.user, "ownership_transferred", member=name_of(heir.user))


def _end_ownership(team: Team, owner: Membership) -> None:
    """Proves that ``owner`` may stop being one. Their open invitations end: they could come back by one."""
    if team.personal_of_id == owner.user_id:
        message = "A personal team keeps its first owner."
        raise Refusal("first_owner", message, status=409)
    if not team.memberships.filter(role=Role.OWNER).exclude(pk=owner.pk).exists():
        message = "A team needs an owner: make somebody else an owner first."
        raise Refusal("last_owner", message, status=409)
    team.invitations.open().filter(created_by=owner.user).update(revoked_at=timezone.now())


def delete(team: Team, name: str) -> None:
    """Deletes a team with everything in it. ``name`` is what somebody typed to confirm.

    Raises Refusal: 409 for a personal team, 422 for another name.
    """
    if team.personal_of_id is not None:
        raise Refusal("personal_team", "A personal team goes with its account.", status=409)
    if " ".join(name.split()) != team.name:
        message = "That is not the name of the team, so nothing was deleted."
        raise Refusal("name_differs", message, field="name")
    team.runs.only("pk").delete()  # first: a version cannot be deleted while runs point to it
    team.delete()


def ensure_owner() -> User:
    """The first owner of this instance: made without a password on the first start."""
    owner = User.objects.filter(is_superuser=True).order_by("pk").first()
    if owner is None:
        owner = User.objects.create_superuser("owner")
    make_personal_team(owner)
    return owner
