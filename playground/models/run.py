"""Run: one generation. Its row is the truth; every queue message only says "look".

``queued -> running -> succeeded | failed | cancelled | expired``; every move is one conditional
update, so of any number of claimers, finishers and cancellers exactly one wins, and terminal
states never change.
"""

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Min, Q, Sum
from django.utils import timezone

from playground.errors import RUN_ERRORS
from playground.models.api_key import ApiKey
from playground.models.comparison import KEY, Comparison
from playground.models.experiment import Experiment, Version
from playground.models.ids import new_id
from playground.models.packed import PackedJSONField
from playground.models.published_prompt import PublishedPrompt
from playground.models.team import Team
from playground.specs import settings_words

FAIR_WINDOW = timedelta(minutes=5)  # "served lately" in the fair order
RACERS = 4  # rows that a claimer tries before it looks again whose turn it is


class Status(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


LIVE = (Status.QUEUED, Status.RUNNING)


class Kind(models.TextChoices):
    INTERACTIVE = "interactive"
    BATCH = "batch"
    API = "api"


@dataclass(frozen=True)
class Outcome:
    """How a run ended: a terminal status, and what finish writes beside it."""

    status: Status
    finish_reason: str
    error_code: str = ""
    error_message: str = ""


STOPPED = Outcome(Status.CANCELLED, "cancelled", "cancelled", RUN_ERRORS["cancelled"])


class RunQuerySet(models.QuerySet["Run"]):
    def live(self) -> Self:
        return self.filter(status__in=LIVE)

    def newest_first(self) -> Self:
        return self.order_by("-queued_at", "-pk")

    def older_than(self, run: "Run") -> Self:
        """What follows ``run`` in the order of newest_first."""
        return self.filter(Q(queued_at__lt=run.queued_at) | Q(queued_at=run.queued_at, pk__lt=run.pk))

    def queued(self, model: str) -> Self:
        return self.filter(status=Status.QUEUED, model=model)

    def in_fair_order(self, model: str) -> list["Run"]:
        """Queued runs in the order workers take them: interactive before batch, then the user
        with the fewest tokens served lately, then age."""
        runs = list(self.queued(model).only("id", "kind", "user_id", "queued_at", "attempt", "deadline"))
        served = self._tokens_served_lately({run.user_id for run in runs})
        runs.sort(key=lambda run: (run.kind == Kind.BATCH, served[run.user_id], run.queued_at, run.id))
        return runs

    def _tokens_served_lately(self, users: set[int]) -> dict[int, int]:
        """Tokens that each user's runs took in FAIR_WINDOW; a running one counts what it may still take."""
        rows = (
            Run.objects.filter(user_id__in=users)
            .filter(Q(status=Status.RUNNING) | Q(finished_at__gt=timezone.now() - FAIR_WINDOW))
            .values_list("user_id", "status")
            .annotate(Sum("completion_tokens"), Sum("max_new_tokens"))
        )
        served: dict[int, int] = defaultdict(int)
        for user, status, written, reserved in rows:
            served[user] += reserved if status == Status.RUNNING else written
        return served

    def claim_next(self, model: str, worker: uuid.UUID, *, batch: bool = True) -> "Run | None":
        """Claims the next fair row for ``worker``, without ``batch`` none of a batch; None if none is left.

        Costs the same however many wait: it looks at the first few rows of the user whose turn it is.
        """
        queued = self.queued(model)
        turns = [queued.exclude(kind=Kind.BATCH)] + ([queued.filter(kind=Kind.BATCH)] if batch else [])
        for waiting in turns:
            while candidates := waiting._of_whose_turn_it_is():
                for candidate in candidates:
                    if candidate.claim(worker):
                        return candidate
        return None

    def _of_whose_turn_it_is(self) -> list["Run"]:
        """The oldest rows of the user who comes first in fair order, of rows of one kind."""
        oldest = dict(self.values_list("user_id").annotate(Min("queued_at")).order_by())
        if not oldest:
            return []
        served = self._tokens_served_lately(set(oldest)) if len(oldest) > 1 else defaultdict(int)
        user = min(oldest, key=lambda user: (served[user], oldest[user]))
        return list(self.filter(user_id=user).order_by("queued_at", "id")[:RACERS])

    def request_cancel(self) -> int:
        """Asks for cancellation in any phase: queued ends at once, running when the engine sees it.

        Returns how many runs were asked; in this order, so that one that is claimed between is asked too.
        """
        now = timezone.now()
        waiting = self.filter(status=Status.QUEUED).update(cancel_requested_at=now, **_ending(STOPPED))
        running = self.filter(status=Status.RUNNING, cancel_requested_at=None)
        return waiting + running.update(cancel_requested_at=now)

    def beat(self, worker: uuid.UUID) -> int:
        """Renews the lease of everything ``worker`` runs."""
        lease = timezone.now() + timedelta(seconds=settings.LEASE)
        return self.filter(worker=worker, status=Status.RUNNING).update(lease_until=lease)

    def release(self, worker: uuid.UUID) -> int:
        """Ends the leases of a worker that is known to be gone, so that nobody waits for them."""
        return self.filter(worker=worker, status=Status.RUNNING).update(lease_until=timezone.now())


class Run(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="runs")
    # Runs from a terminal or a program belong to a team without belonging to an experiment.
    experiment = models.ForeignKey(Experiment, null=True, on_delete=models.CASCADE, related_name="runs")
    version = models.ForeignKey(Version, null=True, on_delete=models.PROTECT, related_name="runs")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="runs")
    # A run of a comparison stands in one of its cells, as one of the samples of that cell.
    comparison = models.ForeignKey(Comparison, null=True, on_delete=models.SET_NULL, related_name="runs")
    column = models.CharField(max_length=KEY, blank=True)
    row = models.CharField(max_length=KEY, blank=True)
    sample = models.PositiveSmallIntegerField(default=0)
    # A run that a program asked for belongs to its key, too, and has messages or a bare prompt for a spec.
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="runs")
    # By what name it asked, if it named a published prompt; such a run has experiment, version and spec.
    published_prompt = models.ForeignKey(
        PublishedPrompt, null=True, on_delete=models.SET_NULL, related_name="runs"
    )
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.INTERACTIVE)
    model = models.CharField(max_length=80)
    model_revision = models.CharField(max_length=80, blank=True)

    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=1)  # the tape refuses entry id 0-0
    worker = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    deadline = models.DateTimeField()
    rung_at = models.DateTimeField(null=True)
    idempotency_key = models.CharField(max_length=80)
    request_hash = models.CharField(max_length=64)

    settings = models.JSONField()  # those that act, with the seed that was drawn
    spec = models.JSONField(default=dict)
    asks_hash = models.CharField(max_length=64, blank=True)  # of ``spec``, as PromptSpec.asks_hash
    # What a remote chat model gets, and a program asked: ``prompt_text`` is made of it.
    messages = models.JSONField(null=True)
    prompt_text = models.TextField()
    prompt_ids = PackedJSONField()
    prompt_tokens = models.PositiveIntegerField(null=True)  # a remote server tells them at the end, or never
    max_new_tokens = models.PositiveIntegerField()

    # What people chose of the answer before the model went on: records like those in ``tokens``.
    begun = PackedJSONField(null=True)
    branch_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="branches")
    again_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="repeats")
    verdict = models.JSONField(null=True)  # of a repeat, as playground/actions/receipts.py makes it

    text = models.TextField(blank=True)
    tokens = PackedJSONField(null=True)  # records as playground/events.py makes them
    # The same for programs: of the tokens of the ``prompt`` they asked for, and of the ``ending`` one.
    scores = PackedJSONField(null=True)
    last_seq = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    # Of the tokens of the text that the model wrote, in the raw softmax: tables need it without reading them
    # all. They are fewer than the completion's, which counts the one that ended the answer, too.
    logprob_sum = models.FloatField(null=True)
    scored_tokens = models.PositiveIntegerField(default=0)
    finish_reason = models.CharField(max_length=16, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    receipt = models.JSONField(default=dict)

    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    first_token_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)  # can be undone until the keeper removes the row

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="one_run_per_idempotency_key")
        ]
        indexes = [
            models.Index(fields=["status", "model"]),
            models.Index(fields=["experiment", "-queued_at"]),
            # Lists and counts leave out deleted runs; their column stands behind the long ones of a row.
            models.Index(
                fields=["experiment", "-queued_at"], condition=Q(deleted_at=None), name="runs_shown"
            ),
            models.Index(fields=["user", "-finished_at"]),
            models.Index(fields=["team", "-queued_at"], condition=Q(kind="api"), name="runs_of_programs"),
            models.Index(fields=["comparison", "column", "row"]),
        ]

    def __str__(self) -> str:
        return f"run {self.id} ({self.status})"

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def settings_words(self) -> str:
        """The effective settings as people read them."""
        return settings_words(self.settings)

    @property
    def usage(self) -> dict[str, int | None]:
        """The given tokens of the answer are neither those of the prompt nor written by the model."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "given_tokens": len(self.begun or []),
            "completion_tokens": self.completion_tokens,
        }

    @property
    def timing(self) -> dict[str, float | None]:
        """Milliseconds since the run was queued, and tokens per second after the first one."""
        return {
            "queued_ms": milliseconds(self.queued_at, self.started_at),
            "first_token_ms": milliseconds(self.queued_at, self.first_token_at),
            "total_ms": milliseconds(self.queued_at, self.finished_at),
            "engine_first_token_ms": self.receipt.get("engine_first_token_ms"),
            "tokens_per_second": speed(self.first_token_at, self.finished_at, self.completion_tokens),
        }

    @property
    def ending(self) -> dict[str, Any]:
        """What everybody is told when the run has ended."""
        error = {"code": self.error_code, "message": self.error_message} if self.error_code else None
        return {
            "status": self.status,
            "finish_reason": self.finish_reason,
            "error": error,
            "usage": self.usage,
            "timing": self.timing,
        }

    def _moves(self, expected: Status, /, **changes: Any) -> bool:
        """Applies ``changes`` if the row still has the expected status and this attempt."""
        rows = type(self).objects.filter(pk=self.pk, status=expected, attempt=self.attempt)
        return rows.update(**changes) == 1

    def claim(self, worker: uuid.UUID) -> bool:
        """Makes a queued run that of ``worker``; False means that somebody else has taken or ended it."""
        now = timezone.now()
        changes = {
            "status": Status.RUNNING,
            "worker": worker,
            "started_at": now,
            "lease_until": now + timedelta(seconds=settings.LEASE),
        }
        if won := self._moves(Status.QUEUED, **changes):
            for name, value in changes.items():
                setattr(self, name, value)
        return won

    def checkpoint(self, text: str, last_seq: int, first_token_at: datetime | None) -> bool:
        """Stores the text so far; False means that another attempt owns the row."""
        return self._moves(Status.RUNNING, text=text, last_seq=last_seq, first_token_at=first_token_at)

    def finish(self, outcome: Outcome, **fields: Any) -> bool:
        """Ends a running attempt; False means that somebody else has ended or taken it."""
        return self._moves(Status.RUNNING, **_ending(outcome), **fields)

    def hand_back(self) -> bool:
        """Queues a running attempt again, for another worker, as the next attempt."""
        return self._moves(
            Status.RUNNING,
            status=Status.QUEUED,
            attempt=self.attempt + 1,
            worker=None,
            lease_until=None,
            rung_at=None,
            text="",
            last_seq=0,
            started_at=None,
            first_token_at=None,
        )

    def request_cancel(self) -> bool:
        """As that of a query, for this run; False when there was nothing left to ask."""
        return type(self).objects.filter(pk=self.pk).request_cancel() == 1

    def expire(self, outcome: Outcome) -> bool:
        """Ends a queued attempt that nobody took."""
        return self._moves(Status.QUEUED, **_ending(outcome))


def milliseconds(start: datetime, moment: datetime | None) -> float | None:
    return None if moment is None else round((moment - start).total_seconds() * 1000, 1)


def speed(first_token_at: datetime | None, finished_at: datetime | None, tokens: int) -> float | None:
    """Tokens per second after the first one."""
    if first_token_at is None or finished_at is None or tokens < 2:
        return None
    seconds = (finished_at - first_token_at).total_seconds()
    return round((tokens - 1) / seconds, 1) if seconds > 0 else None


def _ending(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "finish_reason": outcome.finish_reason,
        "error_code": outcome.error_code,
        "error_message": outcome.error_message,
        "finished_at": timezone.now(),
        "lease_until": None,
    }
