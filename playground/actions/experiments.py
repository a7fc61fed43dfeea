"""Experiments: make, and save the draft."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from playground import catalog
from playground.errors import Refusal
from playground.models import Experiment, Team, Version
from playground.specs import Example, Layout, PromptSpec, Scope, Settings, Strict, Title

STARTER = PromptSpec(
    instruction="Decide whether the review is positive or negative. Answer with one word.",
    fields=["review"],
    output_name="sentiment",
    examples=[
        Example(
            id="e1", values={"review": "A joy from start to end, I bought a second one."}, output="positive"
        ),
        Example(id="e2", values={"review": "Dull, loud and far too warm after an hour."}, output="negative"),
        Example(
            id="e3",
            values={"review": "Does what it says. The strap is better than the old one."},
            output="positive",
        ),
    ],
    input={"review": "The screen scratches if you look at it, and the battery is worse."},
    layout=Layout.PLAIN,
    model="-",
    settings=Settings(max_new_tokens=16, stop=["\n"]),
)


class Draft(Strict):
    """What the page saves while people type. ``draft_version`` is the number that they last saw."""

    draft_version: int
    title: Title
    scope: Scope = ""
    spec: PromptSpec


def make_starter(team: Team, user: User) -> Experiment:
    """A few-shot sentiment experiment that runs as it is."""
    spec = STARTER.model_copy(update={"model": catalog.registry().default})
    return Experiment.objects.create(
        team=team,
        created_by=user,
        title="Review sentiment",
        scope="Label shop reviews positive or negative; nothing else.",
        draft=spec.as_json(),
    )


def make_blank(team: Team, user: User) -> Experiment:
    """An untitled experiment on the default model."""
    spec = PromptSpec(model=catalog.registry().default, fields=["input"], output_name="output")
    return Experiment.objects.create(team=team, created_by=user, title="Untitled", draft=spec.as_json())


def save_draft(experiment: Experiment, draft: Draft) -> int:
    """Stores the draft and returns its new number.

    Raises Refusal ``draft_conflict`` with the stored draft when somebody saved in between.
    """
    rows = Experiment.objects.filter(pk=experiment.pk, draft_version=draft.draft_version)
    saved = rows.update(
        title=draft.title.strip() or "Untitled",
        scope=draft.scope,
        draft=draft.spec.as_json(),
        draft_version=F("draft_version") + 1,
        updated_at=timezone.now(),
    )
    if not saved:
        raise conflict(Experiment.objects.get(pk=experiment.pk))
    return draft.draft_version + 1


def conflict(current: Experiment) -> Refusal:
    stored: dict[str, Any] = {"title": current.title, "scope": current.scope, "spec": current.draft}
    message = "This experiment was changed in another place since you opened it."
    return Refusal("draft_conflict", message, status=409, draft_version=current.draft_version, **stored)


def version_of(experiment: Experiment, spec: PromptSpec, author: User) -> Version:
    """The version that holds exactly ``spec``; made with the next number if there is none.

    Call inside a transaction: two writers that choose one number meet in the unique constraint.
    """
    content_hash = spec.content_hash()
    if found := experiment.versions.filter(content_hash=content_hash).first():
        return found
    last = experiment.versions.order_by("-number").values_list("number", flat=True).first() or 0
    return experiment.versions.create(
        number=last + 1, spec=spec.as_json(), content_hash=content_hash, author=author
    )
