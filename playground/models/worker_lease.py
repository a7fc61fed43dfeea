"""WorkerLease: one row for each worker process, touched while it lives.

A host also keeps a row for each model that it could load, so that the page knows what it may ask for
and why something does not happen; the process that is started later takes that row over.
"""

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from playground.models.ids import new_id


class WorkerState(models.TextChoices):
    ABSENT = "absent"  # a host could load it
    WAITING = "waiting"  # for memory
    LOADING = "loading"
    WARM = "warm"
    DRAINING = "draining"
    FAILED = "failed"


class WorkerLeaseQuerySet(models.QuerySet["WorkerLease"]):
    def alive(self) -> Self:
        """Workers heard of within the lease time."""
        return self.filter(seen_at__gt=timezone.now() - timedelta(seconds=settings.LEASE))

    def beat(self) -> None:
        """Touches the rows that no process of their own touches."""
        self.exclude(state__in=[WorkerState.WARM, WorkerState.DRAINING]).update(seen_at=timezone.now())


class WorkerLease(models.Model):
    """``progress`` is the engine's step counter: standing still while work exists means it hangs."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=120)  # host and model: stays the same over restarts
    model = models.CharField(max_length=80)
    state = models.CharField(max_length=10, choices=WorkerState, default=WorkerState.LOADING)
    detail = models.CharField(max_length=500, blank=True)
    on_demand = models.BooleanField(default=False)  # its host loads and unloads it when asked
    device = models.CharField(max_length=40, blank=True)
    dtype = models.CharField(max_length=20, blank=True)
    window = models.PositiveIntegerField(default=0)
    capacity = models.PositiveIntegerField(default=0)
    running = models.PositiveIntegerField(default=0)
    progress = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(default=timezone.now)

    objects = WorkerLeaseQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["model", "-seen_at"])]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"

    @property
    def serves(self) -> bool:
        """Whether it takes runs: the engine of a remote model fails while its server does, and goes on."""
        return self.state in (WorkerState.WARM, WorkerState.FAILED) and self.capacity > 0
