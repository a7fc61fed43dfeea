"""WorkerLease: one row for each worker process, touched while it lives."""

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from playground.models.ids import new_id


class WorkerState(models.TextChoices):
    LOADING = "loading"
    WARM = "warm"
    DRAINING = "draining"
    FAILED = "failed"


class WorkerLeaseQuerySet(models.QuerySet["WorkerLease"]):
    def alive(self) -> Self:
        """Workers heard of within the lease time."""
        return self.filter(seen_at__gt=timezone.now() - timedelta(seconds=settings.LEASE))


class WorkerLease(models.Model):
    """``progress`` is the engine's step counter: standing still while work exists means it hangs."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=120)  # host and model: stays the same over restarts
    model = models.CharField(max_length=80)
    state = models.CharField(max_length=10, choices=WorkerState, default=WorkerState.LOADING)
    detail = models.CharField(max_length=500, blank=True)
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
