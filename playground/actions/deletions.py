"""Deleting and undoing it: rows are hidden at once, and removed by the keeper after KEPT."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.utils import timezone

from playground.actions import audit
from playground.events import ask_to_cancel
from playground.models import Comparison, Experiment, Run, Team

KEPT = timedelta(days=7)
BATCH = 200  # runs that one transaction of the keeper removes
LISTED = 100  # of each kind on the page of a team
PREVIEW = 120  # characters of an answer


@transaction.atomic
def delete_experiment(experiment: Experiment, user: User) -> None:
    """Hides an experiment with everything in it, and stops its runs. Repeating it is harmless."""
    rows = Experiment.objects.filter(pk=experiment.pk, deleted_at=None)
    if not rows.update(deleted_at=timezone.now()):
        return
    for run in experiment.runs.live():
        _stop(run)
    audit.record(experiment.team, user, "experiment_deleted", title=experiment.title)


@transaction.atomic
def restore_experiment(experiment: Experiment, user: User) -> None:
    rows = Experiment.objects.filter(pk=experiment.pk).exclude(deleted_at=None)
    if rows.update(deleted_at=None):
        audit.record(experiment.team, user, "experiment_restored", title=experiment.title)


@transaction.atomic
def delete_run(run: Run, user: User) -> None:
    """Hides a run; one that is live is stopped first."""
    if Run.objects.filter(pk=run.pk, deleted_at=None).update(deleted_at=timezone.now()):
        _stop(run)
        audit.record(run.team, user, "runs_deleted", count=1)


@transaction.atomic
def restore_run(run: Run, user: User) -> None:
    if Run.objects.filter(pk=run.pk).exclude(deleted_at=None).update(deleted_at=None):
        audit.record(run.team, user, "runs_restored", count=1)


def _stop(run: Run) -> None:
    if run.request_cancel():
        transaction.on_commit(partial(ask_to_cancel, run.pk))


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
    return 0


def remove_runs(runs: QuerySet[Run]) -> int:
    """Removes at most BATCH of ``runs``; how many."""
    batch = list(runs.order_by().values_list("pk", flat=True)[:BATCH])
    if batch:
        Run.objects.filter(pk__in=batch).only("pk").delete()
    return len(batch)
