"""Drafts: a writer names the save that they last saw, so an old tab cannot overwrite a newer draft."""

from typing import Any

from django.db.models import F
from django.utils import timezone

from playground.errors import Refusal
from playground.models import Comparison, Experiment

Drafted = Experiment | Comparison


def store(row: Drafted, seen: int, **changes: Any) -> int | None:
    """Stores ``changes`` as the save after ``seen`` and returns its number; None if there is a newer one."""
    rows: Any = type(row).objects.filter(pk=row.pk, draft_version=seen)
    saved = rows.update(draft_version=F("draft_version") + 1, updated_at=timezone.now(), **changes)
    return seen + 1 if saved else None


def conflict(current: Drafted, **stored: Any) -> Refusal:
    """What somebody is told who would have overwritten ``current``; ``stored`` is what it holds."""
    message = f"This {current._meta.verbose_name} was changed in another place since you opened it."
    return Refusal("draft_conflict", message, status=409, draft_version=current.draft_version, **stored)
