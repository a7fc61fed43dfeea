"""Published prompts: a name in a team means a version; publish, switch, end, and fill one with values."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from typing import Annotated, Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Max, Prefetch, Sum
from django.utils.text import slugify
from pydantic import AfterValidator, StringConstraints

from playground.actions import audit
from playground.actions.races import nothing, stored_once
from playground.errors import NotFound, Refusal
from playground.limits import LIMITS
from playground.models import Experiment, Publication, PublishedPrompt, Run, Team, Version
from playground.models.published_prompt import PREFIX, PublishedPromptQuerySet
from playground.specs import PromptSpec, Strict

SLUG_CHARS = 32  # of a team, before the number that tells two teams apart
PromptName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=LIMITS.prompt_name_chars,
        pattern=r"^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$",
    ),
    AfterValidator(str.lower),
]


class Wanted(Strict):
    """``version`` is the one to publish; without it, the draft."""

    name: PromptName
    version: uuid.UUID | None = None


class Switch(Strict):
    version: uuid.UUID


@dataclass(frozen=True)
class Usage:
    """Of the runs that are kept, whatever came of them."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    last: datetime | None = None


def publish(version: Version, user: User, name: str) -> PublishedPrompt:
    """From the commit on ``name`` means ``version``, for every request that comes after it.

    Raises Refusal 409: ``prompt_name`` when another experiment has the name, ``too_many_prompts`` when the
    team has as many names as it may.
    """
    return stored_once(lambda: _publish(version, user, name), nothing)[0]


def _publish(version: Version, user: User, name: str) -> PublishedPrompt:
    team = version.experiment.team
    _give_slug(team)
    if not version.experiment.hold(team):
        raise NotFound("experiment")
    prompt = team.published_prompts.select_for_update().filter(name=name).first()
    if prompt is None:
        _refuse_crowd(team)
        prompt = team.published_prompts.create(name=name)
    holder = prompt.version.experiment if prompt.version and prompt.is_open else version.experiment
    if holder != version.experiment:
        message = f"“{holder.title}” is published as {name}. End that first, or choose another name."
        raise Refusal("prompt_name", message, status=409, field="name")
    _put(prompt, version, user)
    return prompt


def _refuse_crowd(team: Team) -> None:
    if team.published_prompts.count() >= LIMITS.published_prompts:
        message = (
            f"The team has {LIMITS.published_prompts} names of published prompts; use one of them again."
        )
        raise Refusal("too_many_prompts", message, status=409)


def _put(prompt: PublishedPrompt, version: Version, user: User) -> None:
    if prompt.version_id == version.pk:
        return
    prompt.put(version, user)
    about = {"title": version.experiment.title, "number": version.number, "address": prompt.address}
    audit.record(prompt.team, user, "prompt_published", **about)


def _give_slug(team: Team) -> None:
    """Made of the name; a number behind it where another team was first."""
    nameless = Team.objects.filter(pk=team.pk, slug=None)
    if nameless.exists():
        base = slugify(team.name)[:SLUG_CHARS].strip("-_") or "team"
        taken = set(Team.objects.filter(slug__startswith=base).values_list("slug", flat=True))
        numbered = (f"{base}-{number}" for number in count(2))
        nameless.update(slug=next(slug for slug in chain([base], numbered) if slug not in taken))
    team.refresh_from_db(fields=["slug"])


@transaction.atomic
def switch(prompt: PublishedPrompt, user: User, version: uuid.UUID) -> Version:
    """Goes back, or forth, to what had the name before. Raises NotFound for what never had it."""
    held = PublishedPrompt.objects.select_for_update(of=("self",)).select_related("team").get(pk=prompt.pk)
    rows = held.publications.filter(version=version, version__experiment__deleted_at=None)
    found = rows.select_related("version__experiment__team").first()
    if found is None or found.version is None or not found.version.experiment.hold(held.team):
        raise NotFound("publication")
    _put(held, found.version, user)
    return found.version


@transaction.atomic
def end(prompt: PublishedPrompt, user: User | None) -> None:
    """The name means nothing any more; what runs goes on to its end. Repeating it is harmless."""
    held = PublishedPrompt.objects.select_for_update(of=("self",)).select_related("team").get(pk=prompt.pk)
    if held.version_id is not None:
        held.put(None, user)
        audit.record(held.team, user, "prompt_unpublished", address=held.address)


def end_those_of(experiment: Experiment, team: Team, user: User) -> None:
    for prompt in team.published_prompts.filter(version__experiment=experiment):
        end(prompt, user)


def spec_of(prompt: PublishedPrompt, values: Mapping[str, str]) -> PromptSpec:
    """The published spec with ``values`` as its input. Raises Refusal for a missing or an unknown one."""
    assert prompt.version is not None
    spec = PromptSpec.model_validate(prompt.version.spec)
    known = ", ".join(spec.fields)
    if missing := [name for name in spec.fields if name not in values]:
        message = f"The field {missing[0]!r} has no value; {prompt.address} takes {known}."
        raise Refusal("missing_required_parameter", message, field=f"fields.{missing[0]}")
    if unknown := [name for name in values if name not in spec.fields]:
        message = f"There is no field {unknown[0]!r}; {prompt.address} takes {known}."
        raise Refusal("unsupported_parameter", message, field=f"fields.{unknown[0]}")
    return spec.model_copy(update={"input": dict(values)})


def listed(prompts: PublishedPromptQuerySet) -> list[dict[str, Any]]:
    """Each with its usage and its history, newest first; those that answer stand before those that ended."""
    history = Publication.objects.select_related("by", "version__experiment").defer("version__spec")
    entries = Prefetch("publications", history.order_by("-pk"))
    found = list(prompts.defer("version__spec").prefetch_related(entries))
    usage = _usage(found)
    rows = [{"prompt": one, "usage": usage.get(one.pk, Usage())} for one in found]
    return sorted(rows, key=lambda row: not row["prompt"].is_open)


def _usage(prompts: list[PublishedPrompt]) -> dict[uuid.UUID | None, Usage]:
    rows = Run.objects.filter(published_prompt__in=prompts).order_by().values_list("published_prompt")
    sums = (Count("pk"), Sum("prompt_tokens"), Sum("completion_tokens"), Max("queued_at"))
    return {
        pk: Usage(calls, read or 0, written or 0, last)
        for pk, calls, read, written, last in rows.annotate(*sums)
    }


def names_of(experiment: Experiment) -> list[PublishedPrompt]:
    """What is published of an experiment now."""
    rows = experiment.team.published_prompts.filter(version__experiment=experiment).order_by("name")
    return list(rows.select_related("team", "version").defer("version__spec"))


def suggested_name(experiment: Experiment) -> str:
    return slugify(experiment.title).strip("-_")[: LIMITS.prompt_name_chars].replace("_", "-") or "prompt"


def is_address(model: str) -> bool:
    return model.startswith(PREFIX)
