"""Experiments: make, and save the draft."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from playground import catalog
from playground.actions import audit, drafts, published_prompts, rooms, tags
from playground.errors import NotFound, Refusal
from playground.models import Experiment, SearchEntry, ShareLink, Team
from playground.people import name_of
from playground.specs import Inputs, PromptSpec, Scope, Strict, Title
from playground.starters import STARTERS


class NewExperiment(Strict):
    """What one begins with; without a spec with an empty one, on the default model."""

    title: Title = ""
    scope: Scope = ""
    spec: PromptSpec | None = None
    inputs: Inputs = []


class Heading(Strict):
    """A new title, a new scope, or both; null leaves what is there."""

    title: Title | None = None
    scope: Scope | None = None


class Draft(rooms.Content):
    """What a program saves at once. ``draft_version`` is the number that it last saw."""

    draft_version: int


def make_from_starter(team: Team, user: User, key: str) -> Experiment:
    """An experiment that runs as it is, on the default model; raises NotFound for an unknown key."""
    starter = STARTERS.get(key)
    if starter is None:
        raise NotFound("starter")
    return made(
        team=team,
        created_by=user,
        title=starter.title,
        scope=starter.scope,
        draft=starter.spec(catalog.registry().default).as_json(),
        inputs=starter.inputs,
    )


def make_blank(team: Team, user: User) -> Experiment:
    """An untitled experiment on the default model."""
    return make(team, user, NewExperiment())


def make(team: Team, user: User, wanted: NewExperiment) -> Experiment:
    spec = wanted.spec or PromptSpec(model=catalog.registry().default)
    content = rooms.Content(title=wanted.title, scope=wanted.scope, spec=spec, inputs=wanted.inputs)
    return made(team=team, created_by=user, **content.as_rows())


def made(**fields: Any) -> Experiment:
    """A new row, and its words for the search."""
    experiment = Experiment.objects.create(**fields)
    SearchEntry.of_experiment(experiment.pk, experiment.title, experiment.scope, experiment.draft)
    return experiment


@transaction.atomic
def save_draft(experiment: Experiment, draft: Draft, user: User) -> int:
    """Stores the draft and returns its new number; whoever is in the experiment's room sees it there.

    Raises Refusal ``draft_conflict`` with the stored draft when somebody saved in between.
    """
    rows = draft.as_rows()
    saved = drafts.store(experiment, draft.draft_version, edited_by=user, **rows)
    if saved is None:
        raise conflict(Experiment.objects.select_related("edited_by").get(pk=experiment.pk))
    SearchEntry.of_experiment(experiment.pk, rows["title"], rows["scope"], rows["draft"])
    rooms.take_in(experiment, draft)
    return saved


def change_heading(experiment: Experiment, wanted: Heading, user: User, seen: int) -> int:
    """Saves the draft with another heading, as ``save_draft`` does."""
    changes = wanted.model_dump(exclude_none=True)
    content = rooms.held_by(experiment) | changes | {"draft_version": seen}
    return save_draft(experiment, Draft.model_validate(content), user)


def conflict(current: Experiment) -> Refusal:
    stored: dict[str, Any] = {
        "title": current.title,
        "scope": current.scope,
        "spec": current.draft,
        "inputs": current.inputs,
        "by": {"id": current.edited_by_id, "name": name_of(current.edited_by)},
    }
    return drafts.conflict(current, **stored)


@transaction.atomic
def move(experiment: Experiment, team: Team, actor: User) -> None:
    """Gives an experiment and everything in it to another team; tags are found or made there by name.

    What the first team has published of it ends: the address names that team.
    """
    source = experiment.team
    tags.lock(source, team)
    if team == source or not Experiment.objects.filter(pk=experiment.pk, team=source).update(team=team):
        return  # it is there, or somebody else has just moved it
    inside = ("experiment", "version__experiment", "run__experiment", "comparison__experiment")
    links = Q(*((path, experiment) for path in inside), _connector=Q.OR)
    experiment.runs.update(team=team)
    ShareLink.objects.filter(links).update(team=team)
    published_prompts.end_those_of(experiment, source, actor)
    experiment.tags.set(tags.called(team, tags.of_experiment(experiment)))
    tags.forget_unused(source)
    audit.record(source, actor, "experiment_moved_away", title=experiment.title, team=team.name)
    audit.record(team, actor, "experiment_moved_here", title=experiment.title, team=source.name)
