"""Versions: found or made for a run, saved with a label, restored, and forked."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from django.contrib.auth.models import User
from django.db.models import Count, QuerySet
from django.utils import timezone
from pydantic import AfterValidator, StringConstraints

from playground.actions.experiments import made
from playground.actions.races import nothing, stored_once
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Experiment, Run, Team, Version
from playground.people import name_of
from playground.specs import PromptSpec, Strict, clean

PAGE = 200  # versions in one answer
Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LIMITS.label_chars),
    AfterValidator(clean),
]
Message = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=LIMITS.message_chars),
    AfterValidator(clean),
]


class Naming(Strict):
    """What somebody says about a version; it is said once."""

    label: Label
    message: Message = ""


class NewVersion(Naming):
    spec: PromptSpec


@dataclass(frozen=True)
class Work:
    """What a fork takes along: of an experiment as it is, or of what a share link kept of one."""

    title: str
    spec: PromptSpec
    scope: str = ""
    inputs: list[dict[str, str]] = field(default_factory=list)


def version_of(experiment: Experiment, spec: PromptSpec, author: User) -> Version:
    """The newest version that holds exactly ``spec``; made with the next number if there is none.

    Call inside a transaction: two writers that choose one number meet in the unique constraint.
    """
    content_hash = spec.content_hash()
    if found := experiment.versions.filter(content_hash=content_hash).order_by("-number").first():
        return found
    return _next(experiment, spec.as_json(), content_hash, author)


def save(experiment: Experiment, author: User, wanted: NewVersion) -> Version:
    """Saves ``wanted.spec``: as a label of the newest version if that holds it, else as a version of its own.

    Raises Refusal 409 ``already_saved`` when the newest version holds it and has a label.
    """
    content_hash = wanted.spec.content_hash()

    def saved() -> Version:
        newest = experiment.versions.order_by("-number").first()
        if newest is not None and newest.content_hash == content_hash:
            return name(newest, wanted)
        version = _next(experiment, wanted.spec.as_json(), content_hash, author)
        return name(version, wanted)

    return _numbered(saved)


def name(version: Version, wanted: Naming) -> Version:
    """Gives an automatic version its label and message; raises Refusal 409 when it has them already."""
    words = {"label": wanted.label, "message": wanted.message, "saved_at": timezone.now()}
    if not Version.objects.filter(pk=version.pk, saved_at=None).update(**words):
        message = f"Version {version.number} has a label already, and a saved version does not change."
        raise Refusal("already_saved", message, status=409)
    for key, value in words.items():
        setattr(version, key, value)
    return version


def restore(version: Version, author: User) -> Version:
    """A new version that holds what ``version`` holds; the newest one is answered as it is."""

    def restored() -> Version:
        experiment = version.experiment
        newest = experiment.versions.order_by("-number").first()
        if newest is not None and newest.content_hash == version.content_hash:
            return newest
        return _next(experiment, version.spec, version.content_hash, author, restored_from=version)

    return _numbered(restored)


def of_draft(experiment: Experiment, author: User) -> Version:
    """The version that holds the stored draft, made if there is none; share links and forks point to it."""
    spec = PromptSpec.model_validate(experiment.draft)
    return _numbered(lambda: version_of(experiment, spec, author))


def fork(team: Team, user: User, work: Work, source: Version | None = None) -> Experiment:
    """An experiment of ``team`` that begins with ``work``; ``source`` is where it says it comes from.

    The caller has proved that ``user`` may read the source and edit in ``team``.
    """
    return made(
        team=team,
        created_by=user,
        title=work.title[: LIMITS.title_chars],
        scope=work.scope,
        draft=work.spec.as_json(),
        inputs=work.inputs,
        forked_from=source,
    )


def fork_experiment(experiment: Experiment, team: Team, user: User) -> Experiment:
    """A fork of the stored draft with its inputs; tags, runs and versions stay where they are."""
    work = Work(
        title=f"Fork of {experiment.title}",
        spec=PromptSpec.model_validate(experiment.draft),
        scope=experiment.scope,
        inputs=experiment.inputs,
    )
    return fork(team, user, work, of_draft(experiment, user))


def listed(experiment: Experiment, before: int | None = None) -> dict[str, Any]:
    """Versions, newest first and without their specs; ``before`` is the last number that the reader has."""
    rows: QuerySet[Version] = experiment.versions.defer("spec").select_related("author")
    rows = (
        rows.select_related("restored_from")
        .defer("spec", "restored_from__spec")
        .order_by("-number")
        .prefetch_related("published_as")
    )
    if before is not None:
        rows = rows.filter(number__lt=before)
    found = list(rows[: PAGE + 1])
    counts = run_counts(found[:PAGE])
    versions = [as_json(version) | {"runs": counts.get(version.pk, 0)} for version in found[:PAGE]]
    return {"versions": versions, "more": len(found) > PAGE}


def run_counts(versions: list[Version]) -> dict[uuid.UUID | None, int]:
    rows = Run.objects.filter(version__in=versions, deleted_at=None).order_by().values_list("version")
    return dict(rows.annotate(Count("pk")))


def as_json(version: Version) -> dict[str, Any]:
    return {
        "id": str(version.pk),
        "number": version.number,
        "label": version.label,
        "message": version.message,
        "author": name_of(version.author),
        "created_at": version.created_at.isoformat(),
        "saved_at": version.saved_at and version.saved_at.isoformat(),
        "restored_from": version.restored_from and version.restored_from.number,
        "published": sorted(prompt.name for prompt in version.published_as.all()),
    }


def _next(
    experiment: Experiment, spec: dict[str, Any], content_hash: str, author: User, **more: Any
) -> Version:
    last = experiment.versions.order_by("-number").values_list("number", flat=True).first() or 0
    return experiment.versions.create(
        number=last + 1, spec=spec, content_hash=content_hash, author=author, **more
    )


def _numbered(make: Callable[[], Version]) -> Version:
    """What ``make`` makes; a writer that lost the race for a number looks again."""
    return stored_once(make, nothing)[0]
