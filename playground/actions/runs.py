"""Runs: submit, cancel, and keep alive. Each writes rows first and rings on commit."""

import hashlib
import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from playground import catalog, remote, run_news
from playground.actions import branches, prompts
from playground.actions.doorbells import ring
from playground.actions.races import stored_once
from playground.actions.versions import version_of
from playground.errors import RUN_ERRORS, NotFound, Refusal
from playground.events import ask_to_cancel
from playground.limits import LIMITS
from playground.models import ApiKey, Comparison, Experiment, Run, SearchEntry, Team, WorkerLease
from playground.models.run import STOPPED, Kind, Outcome, RunQuerySet, Status
from playground.models.worker_lease import WorkerState
from playground.specs import PromptSpec, Settings

log = logging.getLogger(__name__)

GRACE = 2.0  # seconds in which a worker may take a run before it is rung for again


@dataclass(frozen=True)
class Cell:
    """Where in a comparison a run stands."""

    comparison: Comparison
    column: str
    row: str
    sample: int = 0


@dataclass(frozen=True)
class Submission:
    """What somebody asks for, before it is a Run: a prompt of their own, or an earlier run's.

    With ``begin`` the answer begins as it says. A run made from ``origin`` without it is a repeat.
    ``asked`` is the hash of the whole request when that is not the spec: it asks for several runs, or names
    a spec that may have changed when it comes again. A program's request has its ``api_key``.
    """

    user: User
    team: Team
    spec: PromptSpec | None
    idempotency_key: str
    experiment: Experiment | None = None
    kind: Kind = Kind.INTERACTIVE
    origin: Run | None = None
    begin: branches.Begin | None = None
    cell: Cell | None = None
    asked: str = ""
    api_key: ApiKey | None = None

    def request_hash(self) -> str:
        if self.asked:
            return self.asked
        source = self.spec.content_hash() if self.spec else self.origin and self.origin.pk
        whole = f"{source} {self.experiment and self.experiment.pk} {self.kind}"
        if self.begin:
            whole += f" begins {self.begin.at} {self.begin.id}"
        return hashlib.sha256(whole.encode()).hexdigest()


def submit(wanted: Submission) -> tuple[Run, bool]:
    """Queues a run and rings; (the run, whether it is new).

    The same key with the same request returns the run it made before. Raises Refusal: 409
    ``idempotency_conflict`` for the same key with another request, 422 for a prompt that is empty
    or does not fit or a model that is not there, 429 when the user has too many live runs, and what
    ``branches.begin`` raises.
    """
    if found := _find(wanted):
        return found, False
    columns = _columns(wanted)
    refuse_flood(wanted.user, wanted.kind)
    return stored_once(lambda: _insert(wanted, columns), lambda: _find(wanted))


def _find(wanted: Submission) -> Run | None:
    run = Run.objects.filter(user=wanted.user, idempotency_key=wanted.idempotency_key).first()
    if run is not None and run.request_hash != wanted.request_hash():
        message = "This idempotency key was used for another request."
        raise Refusal("idempotency_conflict", message, status=409)
    return run


def refuse_flood(user: User, kind: Kind = Kind.INTERACTIVE) -> None:
    """Refuses one more run of a person or of a program; those of comparisons have a limit of their own."""
    live = Run.objects.live().filter(user=user, kind=kind).count()
    most = LIMITS.live_api_runs_per_user if kind == Kind.API else LIMITS.live_runs_per_user
    if live >= most:
        message = f"You have {live} runs waiting or running; at most {most} are taken at once."
        raise Refusal("too_many_runs", message, status=429, retry_after=5)


def refuse_batch_flood(user: User, more: int) -> None:
    """Refuses ``more`` runs of a comparison, with the numbers."""
    live = Run.objects.live().filter(user=user, kind=Kind.BATCH).count()
    if live + more > (most := LIMITS.live_batch_runs_per_user):
        message = (
            f"This asks for {more:,} answers, and {live:,} of yours are waiting or running; at most {most:,} "
            "are taken at once. Run fewer cells or samples, or wait."
        )
        raise Refusal("too_many_runs", message, status=429, retry_after=30)


def _columns(wanted: Submission) -> branches.Columns:
    """The columns that say what the engine gets."""
    if wanted.origin is not None:
        columns = branches.columns_of(wanted.origin)
        if wanted.begin is None:
            return columns | {"again_of": wanted.origin}
    else:
        assert wanted.spec is not None
        columns = columns_of(wanted.spec)
    return branches.begin(columns, wanted.begin, wanted.origin) if wanted.begin else columns


def columns_of(spec: PromptSpec) -> branches.Columns:
    """The same of a prompt of one's own; raises Refusal when it is empty or does not fit."""
    prompts.refuse_empty(spec)
    fit = prompts.render(spec)
    prompts.refuse_overflow(fit)
    return {
        "model": spec.model,
        "settings": acting(spec.model, spec.settings),
        "spec": spec.as_json(),
        "asks_hash": spec.asks_hash(),
        "max_new_tokens": spec.settings.max_new_tokens,
        **fit.columns(),
    }


def acting(model: str, given: Settings) -> dict[str, Any]:
    """The settings that act: without those that the server of a remote model does not take."""
    source = catalog.remote_source(model)
    ignored = dict.fromkeys(remote.ignored(source)) if source else {}
    drawn = {"seed_drawn": False} if "seed" in ignored else {}
    return given.effective() | ignored | drawn


def _insert(wanted: Submission, columns: branches.Columns) -> Run:
    if wanted.experiment and not wanted.experiment.hold(wanted.team):
        raise NotFound("experiment")
    if wanted.spec and wanted.experiment:
        columns = columns | {"version": version_of(wanted.experiment, wanted.spec, wanted.user)}
    run = made_of(wanted, columns)
    run.save(force_insert=True)
    SearchEntry.of_new_runs([run])
    transaction.on_commit(partial(ring, run.model))
    transaction.on_commit(partial(run_news.tell, run.pk))
    return run


def made_of(wanted: Submission, columns: branches.Columns) -> Run:
    """The row of a submission, which is not stored yet."""
    batch = wanted.kind == Kind.BATCH
    seconds = settings.BATCH_DEADLINE if batch else settings.RUN_DEADLINE
    return Run(
        team=wanted.team,
        user=wanted.user,
        experiment=wanted.experiment,
        kind=wanted.kind,
        model_revision=catalog.revision(columns["model"]),
        deadline=timezone.now() + timedelta(seconds=seconds),
        idempotency_key=wanted.idempotency_key,
        request_hash=wanted.request_hash(),
        api_key=wanted.api_key,
        **(vars(wanted.cell) if wanted.cell else {}),
        **columns,
    )


def cancel(run: Run) -> Run:
    """Asks for cancellation, valid in every phase; the answer is the row as it is now."""
    asked = run.request_cancel()
    if asked:
        ask_to_cancel(run.pk)
    run.refresh_from_db(fields=["status", "finish_reason", "cancel_requested_at"])
    if asked and not run.is_live:
        run_news.tell(run.pk)
    return run


def stop(runs: RunQuerySet) -> int:
    """Asks for cancellation of those of ``runs`` that are live; how many were asked."""
    ids = list(runs.live().values_list("pk", flat=True))
    chosen = Run.objects.filter(pk__in=ids)
    asked = chosen.request_cancel()
    running = chosen.filter(status=Status.RUNNING).values_list("pk", flat=True)
    transaction.on_commit(partial(ask_to_cancel, *running))
    return asked


@dataclass(frozen=True)
class Place:
    """Where a queued run stands; ``eta_seconds`` is None while nothing has been measured."""

    position: int
    ahead: int
    eta_seconds: float | None
    note: str | None


def place_in_queue(run: Run) -> Place:
    """The position of a queued run in the same order that workers claim by."""
    return places_in_queue([run])[run.pk]


def places_in_queue(runs: Iterable[Run]) -> dict[uuid.UUID, Place]:
    """The same of many runs, at the cost of one for each model."""
    by_model: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_model[run.model].append(run)
    found = {}
    for model, waiting in by_model.items():
        ahead = {other.pk: place for place, other in enumerate(Run.objects.in_fair_order(model))}
        leases = list(WorkerLease.objects.alive().filter(model=model))
        capacity = sum(lease.capacity for lease in leases if lease.state == WorkerState.WARM)
        turn, note = _turn(model, capacity), catalog.waits_for(leases)
        for run in waiting:
            place = ahead.get(run.pk, 0)
            eta = None if turn is None else round(turn * (place + 1), 1)
            found[run.pk] = Place(place + 1, place, eta, note)
    return found


def _turn(model: str, capacity: int) -> float | None:
    """Seconds between two runs that begin, from the duration of the latest runs; None if nothing is known."""
    recent = Run.objects.filter(model=model, status=Status.SUCCEEDED).order_by("-finished_at")
    rows = recent.values_list("started_at", "finished_at")[:20]
    spans = [(end - start).total_seconds() for start, end in rows if start and end]
    if not spans or not capacity:
        return None
    return sum(spans) / len(spans) / capacity


def keep_alive() -> None:
    """One round of the keeper: lost leases, lost doorbells, missed deadlines. Safe to run twice at once."""
    _release_lost_leases()
    _end_overdue()
    _ring_again()


def _release_lost_leases() -> None:
    for run in Run.objects.filter(status=Status.RUNNING, lease_until__lt=timezone.now()):
        if run.cancel_requested_at:
            _end(run, STOPPED)
        elif run.attempt < settings.MAX_ATTEMPTS and run.deadline > timezone.now():
            log.warning("Run %s lost its worker; it is queued again.", run.pk)
            run.hand_back()
        else:
            _end(run, Outcome(Status.FAILED, "failed", "worker_lost", RUN_ERRORS["worker_lost"]))


def _end(run: Run, outcome: Outcome) -> None:
    """Ends a run that its worker has left, with the text so far."""
    if run.finish(outcome):
        SearchEntry.of_run(run)
        run_news.tell(run.pk)


def _end_overdue() -> None:
    overdue = Run.objects.filter(deadline__lt=timezone.now())
    for run in overdue.filter(status=Status.QUEUED):
        if run.expire(Outcome(Status.EXPIRED, "failed", "queue_deadline", RUN_ERRORS["queue_deadline"])):
            run_news.tell(run.pk)


def _ring_again() -> None:
    """For runs that nobody has taken. Who submits one rings without a note, so that nobody waits for it."""
    now = timezone.now()
    fresh, before = now - timedelta(seconds=GRACE), now - timedelta(seconds=settings.DOORBELL_REPEAT)
    unheard = Run.objects.filter(Q(rung_at=None) | Q(rung_at__lt=before), status=Status.QUEUED)
    by_model: dict[str, list[uuid.UUID]] = defaultdict(list)
    for model, id in unheard.filter(queued_at__lt=fresh).values_list("model", "pk"):
        by_model[model].append(id)
    for model, ids in by_model.items():
        if ring(model, len(ids)):
            Run.objects.filter(pk__in=ids).update(rung_at=now)
