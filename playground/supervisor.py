"""One model on this machine: at most one child, a Celery process with the thread pool and torch.

A supervisor never blocks, so that a host can look after several. It knows at once when its child is
gone, so it ends the child's leases instead of letting users wait until they lapse. While there is no
child, it says why in the row that the next one will take over.
"""

import logging
import os
import socket
import subprocess
import sys
import time
from enum import Enum, auto

from django.conf import settings
from django.db import transaction

from playground.celery import queue_of
from playground.models import Run, WorkerLease
from playground.models.ids import new_id
from playground.models.worker_lease import WorkerState

log = logging.getLogger(__name__)

SHORT_LIFE = 60.0  # a child that died younger than this makes the pause longer
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
KILL_AFTER = 15.0  # seconds above the drain that a child gets to end
NEVER = float("inf")


class Ended(Enum):
    """How a child ended."""

    AS_TOLD = auto()
    UNLOADABLE = auto()  # it could not load its model, and said why
    DIED = auto()


class Supervisor:
    """Starts, watches and ends the child of one model. Not thread-safe."""

    def __init__(self, model: str, *, on_demand: bool) -> None:
        self.model = model
        self.name = f"{socket.gethostname()}:{model}"
        self.on_demand = on_demand
        self.worker_id = new_id()
        self.child: subprocess.Popen[bytes] | None = None
        self.state: WorkerState | None = None  # as last said here; the child says its own
        self._detail = ""
        self._born = 0.0
        self._pause = FIRST_PAUSE
        self._rests_until = 0.0
        self._kill_at = NEVER

    @property
    def is_leaving(self) -> bool:
        """Whether the child was told to go."""
        return self._kill_at != NEVER

    @property
    def is_resting(self) -> bool:
        """Whether the pause after a child's death still lasts."""
        return time.monotonic() < self._rests_until

    def start(self) -> None:
        """Starts a child, which takes over the row."""
        assert self.child is None, "one child at a time"
        self.say(WorkerState.LOADING, "starting")
        self._born = time.monotonic()
        # Its own session: a terminal's Ctrl-C reaches this parent, which passes on one SIGTERM.
        self.child = subprocess.Popen(  # noqa: S603
            self._command(), env=self._environment(), cwd=settings.BASE_DIR, start_new_session=True
        )

    def stop(self, why: str) -> None:
        """Lets the child drain and end."""
        self.terminate()
        rows = WorkerLease.objects.filter(pk=self.worker_id)
        rows.update(state=WorkerState.DRAINING, detail=why)

    def terminate(self) -> None:
        """What a signal handler may do of ``stop``: no lock, no database. Repeating it is harmless."""
        if self.child is not None and not self.is_leaving:
            self._kill_at = time.monotonic() + settings.DRAIN + KILL_AFTER
            self.child.terminate()

    def hurry(self) -> None:
        """Ends the pause after a child's death."""
        self._rests_until = 0.0

    def say(self, state: WorkerState, detail: str) -> None:
        """Writes the row of a model that has no child, if that is news."""
        if (state, detail) == (self.state, self._detail):
            return
        row = {"name": self.name, "model": self.model, "on_demand": self.on_demand}
        told = {"state": state, "detail": detail[:500]}
        WorkerLease.objects.update_or_create(pk=self.worker_id, defaults=row | told)
        self.state, self._detail = state, detail

    def look(self) -> Ended | None:
        """How the child ended, if it has ended since the last look."""
        if self.child is None:
            return None
        if (code := self.child.poll()) is None:
            if time.monotonic() > self._kill_at:
                self.child.kill()
            return None
        lease = WorkerLease.objects.filter(pk=self.worker_id).first()
        ended = self._judge(lease)
        self.release()
        if ended is not Ended.AS_TOLD:
            self._rest(code, lease.detail if lease and ended is Ended.UNLOADABLE else "")
        return ended

    def _judge(self, lease: WorkerLease | None) -> Ended:
        if self.is_leaving:
            return Ended.AS_TOLD
        never_warm = lease is not None and lease.state == WorkerState.FAILED and not lease.capacity
        return Ended.UNLOADABLE if never_warm else Ended.DIED

    def release(self) -> None:
        """Ends the leases of the child and forgets it; the next one has another id."""
        with transaction.atomic():
            Run.objects.release(self.worker_id)
            WorkerLease.objects.filter(pk=self.worker_id).delete()
        self.child, self.state, self._kill_at = None, None, NEVER
        self.worker_id = new_id()

    def _rest(self, code: int, reason: str) -> None:
        lived = time.monotonic() - self._born
        self._pause = FIRST_PAUSE if lived > SHORT_LIFE else min(self._pause * 2, LONGEST_PAUSE)
        self._rests_until = time.monotonic() + self._pause
        log.error("The worker of %s ended (%s); not before %.0f s again.", self.model, code, self._pause)
        if reason:
            self.say(WorkerState.FAILED, reason)
        else:
            self.say(WorkerState.LOADING, f"its process ended ({code}); starting again")

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "FEWSHOT_MODEL": self.model,
            "FEWSHOT_WORKER_ID": str(self.worker_id),
            "FEWSHOT_WORKER_NAME": self.name,
        }

    def _command(self) -> list[str]:
        options = {
            "--pool": "threads",
            "--concurrency": str(settings.ENGINE_SLOTS),
            "--queues": queue_of(self.model),
            "--hostname": f"{self.worker_id}@{self.name}",
            "--loglevel": "WARNING",
        }
        words = [word for option in options.items() for word in option]
        celery = [sys.executable, "-m", "celery", "--quiet", "--app", "playground", "worker"]
        return [*celery, *words, "--without-gossip", "--without-mingle", "--without-heartbeat"]
