"""The only way to get a row: each function proves a right before it answers.

A miss is the same answer as no access (404), so ids cannot be probed; a role that may read but not
do the verb gets 403. An API key has the rights of its user, and those in its own team alone.
"""

import uuid
from collections.abc import Callable
from enum import StrEnum

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Case, Q, QuerySet, When

from playground.errors import Forbidden, NotFound, Refusal
from playground.models import (
    ApiKey,
    Comment,
    Comparison,
    Experiment,
    Invitation,
    Membership,
    Preset,
    PublishedPrompt,
    Role,
    Run,
    Scope,
    ShareLink,
    Team,
    Version,
)
from playground.models.api_key import ApiKeyQuerySet
from playground.models.published_prompt import PublishedPromptQuerySet
from playground.models.secrets import digest
from playground.models.share_link import Target


class Verb(StrEnum):
    READ = "read"
    COMMENT = "comment on"  # and react; whoever may read may talk about it
    JUDGE = "judge"  # vote on answers and rate them: everybody's own opinion, so viewers have it too
    RUN = "run"
    EDIT = "edit"
    MANAGE = "manage"


MAY = {
    Role.VIEWER: {Verb.READ, Verb.COMMENT, Verb.JUDGE},
    Role.EDITOR: {Verb.READ, Verb.COMMENT, Verb.JUDGE, Verb.RUN, Verb.EDIT},
    Role.OWNER: set(Verb),
}
NEEDS = {Scope.READ: Verb.READ, Scope.RUN: Verb.RUN, Scope.WRITE: Verb.EDIT}  # of the key's user, too
Person = User | AnonymousUser
Actor = Person | ApiKey


def memberships_of(user: Person) -> QuerySet[Membership]:
    """What ``user`` is where: the personal team first, then by name."""
    rows = Membership.objects.filter(user_id=user.pk or 0).select_related("team")
    return rows.order_by(Case(When(team__personal_of=user.pk or 0, then=0), default=1), "team__name", "pk")


def teams_of(user: Person, verb: Verb) -> list[Team]:
    """Teams in which ``user`` has the right, in the order of memberships_of."""
    return [row.team for row in memberships_of(user) if verb in MAY[Role(row.role)]]


def team_for(user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ) -> Team:
    team = Team.objects.filter(pk__in=_team_ids_of(user)).filter(pk=pk).first()
    if team is None:
        raise NotFound("team")
    _prove(user, team.pk, verb, "team")
    return team


def team_to_change(user: Actor, pk: uuid.UUID, verb: Verb) -> Team:
    """As team_for, with the row locked until the transaction ends.

    Whatever takes or gives rights goes through here, so two owners who change each other at once
    come one after the other, and the second is asked again whether they may.
    """
    team = Team.objects.select_for_update().filter(pk=pk).first()
    if team is None:
        raise NotFound("team")
    _prove(user, pk, verb, "team")
    return team


def personal_team_for(user: Actor, verb: Verb = Verb.READ) -> Team:
    """The team that work of ``user`` belongs to where none is named."""
    team = Team.objects.filter(personal_of=user).first() if isinstance(user, User) else None
    if team is None:
        raise NotFound("team")
    _prove(user, team.pk, verb, "team")
    return team


def member_of(team: Team, user_id: int) -> Membership:
    """The membership of one member of a team that was fetched for the one who asks."""
    member = Membership.objects.select_related("user").filter(team=team, user_id=user_id).first()
    if member is None:
        raise NotFound("member")
    return member


def invitation_for(user: Actor, pk: uuid.UUID, verb: Verb = Verb.MANAGE) -> Invitation:
    """An invitation to manage; to accept one, its secret alone is needed."""
    rows = Invitation.objects.filter(team__in=_team_ids_of(user)).select_related("team")
    invitation = rows.filter(pk=pk).first()
    if invitation is None:
        raise NotFound("invitation")
    _prove(user, invitation.team_id, verb, "invitation")
    return invitation


def experiments_of(user: Actor, *, deleted: bool = False) -> QuerySet[Experiment]:
    """Experiments that ``user`` may read, newest first; or those whose deletion can be undone."""
    rows = Experiment.objects.filter(team__in=_team_ids_of(user), deleted_at__isnull=not deleted)
    return rows.order_by("-updated_at")


def experiment_for(
    user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ, *, deleted: bool = False
) -> Experiment:
    experiment = experiments_of(user, deleted=deleted).select_related("team").filter(pk=pk).first()
    if experiment is None:
        raise NotFound("experiment")
    _prove(user, experiment.team_id, verb, "experiment")
    return experiment


def versions_of(user: Actor) -> QuerySet[Version]:
    """Versions that ``user`` may read."""
    return Version.objects.filter(
        experiment__team__in=_team_ids_of(user), experiment__deleted_at=None
    ).select_related("experiment__team")


def version_for(user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ) -> Version:
    version = versions_of(user).filter(pk=pk).first()
    if version is None:
        raise NotFound("version")
    _prove(user, version.experiment.team_id, verb, "version")
    return version


def comparisons_of(user: Actor, *, deleted: bool = False) -> QuerySet[Comparison]:
    """Comparisons that ``user`` may read, newest first; or those whose deletion can be undone."""
    rows = Comparison.objects.filter(
        experiment__team__in=_team_ids_of(user), experiment__deleted_at=None, deleted_at__isnull=not deleted
    )
    return rows.select_related("experiment__team").order_by("-updated_at")


def comparison_for(
    user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ, *, deleted: bool = False
) -> Comparison:
    comparison = comparisons_of(user, deleted=deleted).filter(pk=pk).first()
    if comparison is None:
        raise NotFound("comparison")
    _prove(user, comparison.experiment.team_id, verb, "comparison")
    return comparison


def runs_of(user: Actor, *, deleted: bool = False) -> QuerySet[Run]:
    """Runs that ``user`` may read; or those whose deletion can be undone."""
    return Run.objects.filter(
        Q(experiment=None) | Q(experiment__deleted_at=None),
        team__in=_team_ids_of(user),
        deleted_at__isnull=not deleted,
    )


def run_for(user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ, *, deleted: bool = False) -> Run:
    run = (
        runs_of(user, deleted=deleted)
        .select_related("user", "version")
        .defer("version__spec")
        .filter(pk=pk)
        .first()
    )
    if run is None:
        raise NotFound("run")
    _prove(user, run.team_id, verb, "run")
    return run


def comments_of(user: Actor, *, deleted: bool = False) -> QuerySet[Comment]:
    """Comments that ``user`` may read; or those whose deletion can be undone."""
    return Comment.objects.filter(
        experiment__team__in=_team_ids_of(user), experiment__deleted_at=None, deleted_at__isnull=not deleted
    )


def comment_for(user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ, *, deleted: bool = False) -> Comment:
    rows = comments_of(user, deleted=deleted).select_related("experiment__team", "author", "parent")
    comment = rows.filter(pk=pk).first()
    if comment is None:
        raise NotFound("comment")
    _prove(user, comment.experiment.team_id, verb, "comment")
    return comment


def presets_of(user: Actor) -> QuerySet[Preset]:
    """Presets that ``user`` may apply."""
    return Preset.objects.filter(team__in=_team_ids_of(user))


def preset_for(user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ) -> Preset:
    preset = presets_of(user).filter(pk=pk).first()
    if preset is None:
        raise NotFound("preset")
    _prove(user, preset.team_id, verb, "preset")
    return preset


def published_prompts_of(user: Actor) -> PublishedPromptQuerySet:
    """Prompts that programs of ``user`` may know by name, also ended ones."""
    rows = PublishedPrompt.objects.filter(team__in=_team_ids_of(user))
    return rows.select_related("team", "version__experiment", "published_by").order_by("name")


def published_prompt_for(user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ) -> PublishedPrompt:
    prompt = published_prompts_of(user).filter(pk=pk).first()
    if prompt is None:
        raise NotFound("published prompt")
    _prove(user, prompt.team_id, verb, "published prompt")
    return prompt


def published_prompt_called(user: Actor, address: str, verb: Verb = Verb.RUN) -> PublishedPrompt:
    """The one that answers at ``address``.

    Raises Refusal ``unknown_model``, since it stands where programs name a model.
    """
    prompt = published_prompts_of(user).open().called(address).first()
    if prompt is None:
        message = f"Nothing is published as {address!r}, or you have no access to it."
        raise Refusal("unknown_model", message, field="model")
    _prove(user, prompt.team_id, verb, "published prompt")
    return prompt


def share_links_of(user: Actor) -> QuerySet[ShareLink]:
    """Share links that ``user`` may see in a list, newest first; opening one needs its secret alone."""
    return ShareLink.objects.filter(team__in=_team_ids_of(user)).order_by("-created_at")


def share_link_for(user: Actor, pk: uuid.UUID, verb: Verb = Verb.READ) -> ShareLink:
    link = share_links_of(user).filter(pk=pk).first()
    if link is None:
        raise NotFound("share link")
    _prove(user, link.team_id, verb, "share link")
    return link


def target_for(user: Actor, kind: str, pk: uuid.UUID, verb: Verb = Verb.READ) -> Target:
    """What a share link may lead to, by its kind as ShareLink.kind says it."""
    fetch: dict[str, Callable[[Actor, uuid.UUID, Verb], Target]] = {
        "experiment": experiment_for,
        "version": version_for,
        "run": run_for,
        "comparison": comparison_for,
    }
    return fetch[kind](user, pk, verb)


def link_of(secret: str) -> ShareLink:
    """The link that whoever has its secret may open: without an account, for what it names alone.

    A secret that never was one, and that of a link which was revoked, has expired or shows what was
    deleted, are the same miss.
    """
    link = ShareLink.objects.by_secret(secret)
    if link is None:
        raise NotFound("share link")
    return link


def api_keys_of(user: Person) -> QuerySet[ApiKey]:
    """Keys that ``user`` may see in a list, newest first: their own, and all of the teams that they own."""
    owned = Membership.objects.filter(user_id=user.pk or 0, role=Role.OWNER).values_list("team_id", flat=True)
    rows = ApiKey.objects.filter(Q(team__in=owned) | Q(user_id=user.pk or 0, team__in=_team_ids_of(user)))
    return rows.select_related("team", "user").order_by("-created_at")


def api_key_for(user: Person, pk: uuid.UUID) -> ApiKey:
    """A key to revoke: one's own, or one of a team that one owns."""
    key = api_keys_of(user).filter(pk=pk).first()
    if key is None:
        raise NotFound("API key")
    return key


def api_key_of(secret: str, scope: Scope | None) -> ApiKey:
    """The key that a program has sent, proved to be in force and to have ``scope`` (None: any will do).

    Raises Refusal 401, with the reason, for one that opens nothing; 403 without the scope, or when the role
    of its user does not go so far.
    """
    return _in_force(ApiKey.objects.filter(secret_hash=digest(secret)), scope)


def prove_api_key(key: ApiKey, scope: Scope | None) -> None:
    """Raises what ``api_key_of`` does if the key has lost what it was proved to have."""
    _in_force(ApiKey.objects.filter(pk=key.pk), scope)


def _in_force(rows: ApiKeyQuerySet, scope: Scope | None) -> ApiKey:
    key = rows.in_force().select_related("team", "user").first()
    if key is None:
        found = rows.first()
        message = "There is no such API key." if found is None else found.ending
        message = message or "The user of this API key has left the team."
        raise Refusal("invalid_api_key", message, status=401)
    if scope is not None and scope not in key.scopes:
        message = f"This API key does not have the scope {scope}."
        raise Refusal("insufficient_scope", message, status=403)
    if scope is not None and (verb := NEEDS[scope]) not in MAY[Role(key.role)]:
        raise Forbidden("team", verb)
    return key


def _team_ids_of(user: Actor) -> QuerySet[Membership, uuid.UUID]:
    return _held_by(user).values_list("team_id", flat=True)


def _held_by(actor: Actor) -> QuerySet[Membership]:
    """The memberships that rights come from."""
    if isinstance(actor, ApiKey):
        return Membership.objects.filter(user=actor.user_id, team=actor.team_id)
    return Membership.objects.filter(user_id=actor.pk or 0)


def may(user: Actor, team: uuid.UUID, verb: Verb) -> bool:
    """Whether ``user`` has the right; for what a page offers, never instead of a proof."""
    return verb in rights(user, team)


def rights(user: Actor, team: uuid.UUID) -> set[Verb]:
    """All that ``user`` may do in the team; for what a page offers, never instead of a proof."""
    membership = _held_by(user).filter(team_id=team).first()
    return MAY[Role(membership.role)] if membership else set()


def _prove(user: Actor, team: uuid.UUID, verb: Verb, kind: str) -> None:
    membership = _held_by(user).filter(team_id=team).first()
    if membership is None:
        raise NotFound(kind)
    if verb not in MAY[Role(membership.role)]:
        raise Forbidden(kind, verb)
