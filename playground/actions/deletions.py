"""Deleting and undoing it: rows are hidden at once, and removed by the keeper after KEPT."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Left
from django.utils import timezone

from playground.actions import audit, runs
from playground.models import Comment, Comparison, Experiment, Run, Team

Deletable = Experiment | Comparison | Run
KEPT = timedelta(days=7)
BATCH = 200  # runs that one transaction of the keeper removes
LISTED = 100  # of each kind on the page of a team
PREVIEW = 120  # characters of an answer


@transaction.atomic
def delete(row: Deletable, user: User) -> None:
    """Hides ``row`` with everything in it, and stops its runs. Repeating it is harmless."""
    if _rows(row).filter(deleted_at=None).update(deleted_at=timezone.now()):
        runs.stop(Run.objects.filter(pk=row.pk) if isinstance(row, Run) else row.runs.all())
        _record(row, user, "deleted")


@transaction.atomic
def restore(row: Deletable, user: User) -> None:
    """Undoes a deletion; what is there already stays as it is."""
    if _rows(row).exclude(deleted_at=None).update(deleted_at=None):
        _record(row, user, "restored")


def _rows(row: Deletable) -> QuerySet[Any]:
    return type(row).objects.filter(pk=row.pk)


def _record(row: Deletable, user: User, what: str) -> None:
    match row:
        case Run():
            audit.record(row.team, user, f"runs_{what}")
        case Experiment():
            audit.record(row.team, user, f"experiment_{what}", title=row.title)
        case Comparison():
            audit.record(row.experiment.team, user, f"comparison_{what}", title=row.title)


def listed(team: Team) -> dict[str, list[Any]]:
    """What can be brought back, the newest deletion first."""
    recent = {"deleted_at__gt": timezone.now() - KEPT}
    experiments = team.experiments.filter(**recent).only("title", "deleted_at")
    comparisons = Comparison.objects.filter(experiment__team=team, experiment__deleted_at=None, **recent)
    runs = team.runs.filter(experiment__deleted_at=None, **recent).annotate(preview=Left("text", PREVIEW))
    return {
        "experiments": _newest(experiments),
        "comparisons": _newest(
            comparisons.select_related("experiment").only("title", "deleted_at", "experiment__title")
        ),
        "runs": _newest(
            runs.select_related("experiment").only("status", "model", "deleted_at", "experiment__title")
        ),
    }


def _newest(rows: QuerySet[Any]) -> list[Any]:
    return list(rows.order_by("-deleted_at")[:LISTED])


def purge() -> int:
    """Removes a batch of what was deleted more than KEPT ago, and says how many rows that was.

    Runs go first, since versions are protected while a run points to them. The keeper calls this again
    and again, so that no transaction grows with the table.
    """
    before = timezone.now() - KEPT
    for path in ("deleted_at", "comparison__deleted_at", "experiment__deleted_at"):
        if removed := remove_runs(Run.objects.filter(**{f"{path}__lt": before})):
            return removed
    for model in (Comparison, Experiment):
        if gone := model.objects.filter(deleted_at__lt=before).only("pk").first():
            gone.delete()
            return 1
    return _forget_comments(Comment.objects.filter(deleted_at__lt=before))


def _forget_comments(gone: QuerySet[Comment]) -> int:
    """Removes deleted comments; one that others have answered keeps its place and loses its words."""
    is_answered = Exists(Comment.objects.filter(parent=OuterRef("pk"), deleted_at=None))
    batch = list(gone.filter(~is_answered).order_by().values_list("pk", flat=True)[:BATCH])
    Comment.objects.filter(pk__in=batch).delete()
    return len(batch) + gone.filter(is_answered).exclude(text="").update(text="")


def remove_runs(runs: QuerySet[Run]) -> int:
    """Removes at most BATCH of ``runs``; how many."""
    batch = list(runs.order_by().values_list("pk", flat=True)[:BATCH])
    if batch:
        Run.objects.filter(pk__in=batch).only("pk").delete()
    return len(batch)
