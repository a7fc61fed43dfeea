"""The row of a run in lists, and the news of it that the pages in its experiment's room hear.

News hold the whole row: a room of two hundred pages that each asked the server for it would be a storm.
"""

import uuid
from typing import Any

from django.db.models.functions import Left
from django.urls import reverse

from playground import room_events
from playground.models import Run
from playground.models.run import RunQuerySet
from playground.people import name_of
from playground.specs import PromptSpec

PREVIEW = 200  # characters of an answer
SHOWN = (
    "comparison",
    "kind",
    "experiment",  # Django looks it up for every row that came through its experiment without it
    "model",
    "status",
    "settings",
    "prompt_tokens",
    "completion_tokens",
    "error_message",
    "queued_at",
)
NAMES = (
    "user__first_name",
    "user__username",
    "comparison__title",
    "comparison__deleted_at",
    "version__number",
)


def shown(runs: RunQuerySet, *more: str) -> RunQuerySet:
    """``runs`` with what ``row_of`` needs, and the columns ``more``."""
    rows = runs.select_related("user", "comparison", "version").only(*SHOWN, *NAMES, *more)
    return rows.annotate(preview=Left("text", PREVIEW))


def row_of(run: Any) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "status": run.status,
        "kind": run.kind,
        "version": run.version and run.version.number,
        "model": run.model,
        "preview": run.preview,
        "error": run.error_message,
        "settings": run.settings,
        "prompt_tokens": run.prompt_tokens,
        "completion_tokens": run.completion_tokens,
        "user_id": run.user_id,
        "user_name": name_of(run.user),
        "queued_at": run.queued_at.isoformat(),
        "comparison": comparison_of(run),
    }


def comparison_of(run: Run) -> dict[str, str] | None:
    """Where a run stands side by side with others; without an address once that was deleted."""
    comparison = run.comparison
    if comparison is None:
        return None
    url = "" if comparison.deleted_at else reverse("comparison", args=[comparison.pk])
    return {"title": comparison.title, "url": url}


def tell(pk: uuid.UUID) -> None:
    """Tells the room how a run stands now: that it is there, or how it ended.

    Those of comparisons are many, and stand on boards that look for themselves.
    """
    runs = Run.objects.filter(pk=pk, deleted_at=None, experiment__isnull=False, comparison=None)
    run: Any = shown(runs, "spec").first()
    if run is None:
        return
    shots = len(PromptSpec.model_validate(run.spec).placed)
    row = row_of(run) | {"settings_words": run.settings_words, "shots": shots}
    room_events.note(run.experiment_id, "run", row=row)
