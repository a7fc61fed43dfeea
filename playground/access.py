"""The only way to get a row: each function proves a right before it answers.

A miss is the same answer as no access (404), so ids cannot be probed; a role that may read but not
do the verb gets 403.
"""

import uuid
from enum import StrEnum

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from playground.errors import Forbidden, NotFound
from playground.models import Experiment, Membership, Preset, Role, Run, Team


class Verb(StrEnum):
    READ = "read"
    RUN = "run"
    EDIT = "edit"
    MANAGE = "manage"


MAY = {
    Role.VIEWER: {Verb.READ},
    Role.EDITOR: {Verb.READ, Verb.RUN, Verb.EDIT},
    Role.OWNER: {Verb.READ, Verb.RUN, Verb.EDIT, Verb.MANAGE},
}
Actor = User | AnonymousUser


def experiments_of(user: Actor) -> QuerySet[Experiment]:
    """Experiments that ``user`` may read, newest first."""
    return Experiment.objects.filter(team__in=_teams_of(user)).order_by("-updated_at")


def experiment_for(user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ) -> Experiment:
    experiment = experiments_of(user).select_related("team").filter(pk=pk).first()
    if experiment is None:
        raise NotFound("experiment")
    _prove(user, experiment.team_id, verb, "experiment")
    return experiment


def runs_of(user: Actor) -> QuerySet[Run]:
    """Runs that ``user`` may read."""
    return Run.objects.filter(team__in=_teams_of(user))


def run_for(user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ) -> Run:
    run = runs_of(user).select_related("user").filter(pk=pk).first()
    if run is None:
        raise NotFound("run")
    _prove(user, run.team_id, verb, "run")
    return run


def presets_of(user: Actor) -> QuerySet[Preset]:
    """Presets that ``user`` may apply."""
    return Preset.objects.filter(team__in=_teams_of(user))


def preset_for(user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ) -> Preset:
    preset = presets_of(user).filter(pk=pk).first()
    if preset is None:
        raise NotFound("preset")
    _prove(user, preset.team_id, verb, "preset")
    return preset


def team_for(user: Actor, verb: Verb = Verb.READ) -> Team:
    """The team that new work of ``user`` belongs to: the personal one."""
    if not isinstance(user, User):
        raise NotFound("team")
    team = Team.objects.filter(personal_of=user).first()
    if team is None:
        raise NotFound("team")
    _prove(user, team.pk, verb, "team")
    return team


def _teams_of(user: Actor) -> QuerySet[Membership, uuid.UUID]:
    return Membership.objects.filter(user_id=user.pk or 0).values_list("team_id", flat=True)


def may(user: Actor, team: uuid.UUID, verb: Verb) -> bool:
    """Whether ``user`` has the right; for what a page offers, never instead of a proof."""
    membership = Membership.objects.filter(user_id=user.pk or 0, team_id=team).first()
    return membership is not None and verb in MAY[Role(membership.role)]


def _prove(user: Actor, team: uuid.UUID, verb: Verb, kind: str) -> None:
    membership = Membership.objects.filter(user_id=user.pk or 0, team_id=team).first()
    if membership is None:
        raise NotFound(kind)
    if verb not in MAY[Role(membership.role)]:
        raise Forbidden(kind, verb)
