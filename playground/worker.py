"""The worker process: one engine, its lease, and the runs that it follows.

Only this file imports the engine, or what holds a remote model instead. Threads: one per run (Celery's
pool), the engine's own, the publisher's, those that answer probes, and the pulse, which renews leases and
watches over the engine.
"""

import logging
import os
import signal
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.utils import Error as DatabaseError
from django.utils import timezone

from inference.registry import ModelSpec, Registry, RemoteSource
from playground.following import Following
from playground.memory import in_words, weight_bytes
from playground.models import Run, WorkerLease
from playground.models.worker_lease import WorkerState
from playground.prober import Prober
from playground.publisher import Line, Publisher
from playground.threads import database

if TYPE_CHECKING:
    from inference.engine import Engine
    from inference.remote import RemoteEngine

log = logging.getLogger(__name__)

FREE_THREADS = 2  # for runs that somebody waits for
HANG = 60.0  # seconds without a step while work exists; then the process ends and its leases lapse


class Worker:
    """Serves one model. Made once per process, by ``tasks``."""

    def __init__(self, model: str, worker_id: uuid.UUID, name: str) -> None:
        self.model = model
        self.id = worker_id
        self.name = name
        self.draining = threading.Event()
        self._drain_deadline = float("inf")
        self._following: dict[uuid.UUID, Line] = {}
        self._engine: Engine | RemoteEngine | None = None
        self._publisher = Publisher()
        self._stopped = threading.Event()
        # Some threads never take a run of a batch: whoever presses Run has one waiting.
        self._batch_threads = threading.BoundedSemaphore(max(1, settings.ENGINE_SLOTS - FREE_THREADS))
        self._supervisor = os.getppid()
        self.say("starting")
        self._pulse = threading.Thread(target=self._pulse_loop, name="pulse", daemon=True)
        self._pulse.start()

    # Life of the process

    def load(self) -> None:
        """Starts the engine. Raises what the loader raises, after reporting it."""
        spec = Registry.load(settings.MODELS_FILE, settings.DATA_DIR)[self.model]
        try:
            if isinstance(spec.source, RemoteSource):
                self._engine = self._connect(spec, spec.source)
            else:
                self._engine = local = self._load_weights(spec)
                Prober(local, self.model, self.draining).start()
        except Exception as error:
            self._report(WorkerState.FAILED, detail=str(error)[:500])
            raise
        self._report(*self._standing())

    def _standing(self) -> tuple[WorkerState, str]:
        """How the engine stands, and why it is slow, or its server cannot be used."""
        if error := self.engine.stats().error:
            return WorkerState.FAILED, error[:500]
        return WorkerState.WARM, self.engine.info.note[:500]

    def say(self, words: str) -> None:
        """Tells everybody how far the loading is."""
        self._report(WorkerState.LOADING, detail=words)

    def _connect(self, spec: ModelSpec, source: RemoteSource) -> "RemoteEngine":
        from inference.remote import RemoteEngine

        self.say("connecting")
        key = os.environ.get(source.key_env, "") if source.key_env else ""
        if source.key_env and not key:
            raise ValueError(f"the environment variable {source.key_env} with its key is not set")
        engine = RemoteEngine(source, key, capacity=settings.ENGINE_SLOTS, window=spec.window)
        engine.start()
        return engine

    def _load_weights(self, spec: ModelSpec) -> "Engine":
        began = time.monotonic()
        self.say(f"loading weights ({in_words(weight_bytes(spec.folder))})")
        # Not where the fault is caught: it keeps the first model in memory.
        engine = self._build_fast_engine(spec) or self._build_engine(spec, accelerate=False)
        self.say("warming up")
        engine.start()
        log.info("%s is warm after %.1f s.", self.model, time.monotonic() - began)
        return engine

    def _build_fast_engine(self, spec: ModelSpec) -> "Engine | None":
        from inference.self_test import SwappedModulesError  # here: this loads torch

        try:
            return self._build_engine(spec, accelerate=True)
        except SwappedModulesError as fault:
            log.warning("%s is loaded again without faster modules: %s", self.model, str(fault))
            return None

    def _build_engine(self, spec: ModelSpec, *, accelerate: bool) -> "Engine":
        from inference.config import EngineConfig
        from inference.engine import Engine
        from inference.loader import load_model

        loaded = load_model(spec.folder, dtype=spec.dtype, device=spec.device, family=spec.family)
        self.say("testing the fast path")
        config = EngineConfig(
            max_running=settings.ENGINE_SLOTS,
            window=spec.window or 0,
            sharing=settings.PREFIX_SHARING,
            accelerate=accelerate,
        )
        return Engine(loaded.model, loaded.tokenizer, config)

    def drain(self) -> None:
        """Stops claiming; runs get DRAIN seconds to finish and are then handed back."""
        self._drain_deadline = time.monotonic() + settings.DRAIN
        self.draining.set()

    def close(self) -> None:
        """Stops the engine. The row stays until the supervisor has seen this process end."""
        self._stopped.set()
        if self._engine is not None:
            self._engine.stop()
        self._publisher.stop()

    @property
    def engine(self) -> "Engine | RemoteEngine":
        assert self._engine is not None, "runs are claimed only after load()"
        return self._engine

    def prefetch(self, user: str, prompt_ids: list[int]) -> None:
        """Computes a prompt that is still being written, if the engine has nothing else to do."""
        if self._engine is not None and not self.draining.is_set():
            self._engine.prefetch(prompt_ids, user=user)

    # Claiming and following runs (one thread per run)

    def serve(self) -> None:
        """Claims and follows runs until none is left for this model, or for this thread."""
        may_batch = self._batch_threads.acquire(blocking=False)
        try:
            while not self.draining.is_set():
                with database():
                    run = Run.objects.claim_next(self.model, self.id, batch=may_batch)
                if run is None:
                    return
                self.follow(run)
        finally:
            if may_batch:
                self._batch_threads.release()

    def follow(self, run: Run) -> None:
        """Follows one claimed run to its end."""
        line = self._publisher.open(run)
        self._following[run.pk] = line
        try:
            Following(self, run, line).to_the_end()
        except Exception:
            log.exception("Run %s could not be followed; its lease will lapse.", run.pk)
            self._publisher.drop(line)
        finally:
            del self._following[run.pk]

    @property
    def must_hand_back(self) -> bool:
        return self.draining.is_set() and time.monotonic() > self._drain_deadline

    def drop(self, line: Line) -> None:
        self._publisher.drop(line)

    # The pulse

    def _pulse_loop(self) -> None:
        last_step, moved_at = -1, time.monotonic()
        while not self._stopped.wait(min(1.0, settings.HEARTBEAT)):
            try:
                with database():
                    self._look_for_cancels()
                    self._beat()
            except DatabaseError:
                log.exception("The database does not answer; leases may lapse.")
            if os.getppid() != self._supervisor and not self.draining.is_set():
                log.error("The supervisor is gone; this worker drains and ends.")
                os.kill(os.getpid(), signal.SIGTERM)
            stats = self._engine.stats() if self._engine else None
            if stats is None:
                continue
            if stats.progress != last_step or not (stats.running or stats.waiting):
                last_step, moved_at = stats.progress, time.monotonic()
            if not stats.alive or time.monotonic() - moved_at > HANG:
                self._die(stats.error or "the engine stands still")

    def _look_for_cancels(self) -> None:
        """The column is what counts: the broker's copy may be lost."""
        if self._following:
            asked = Run.objects.filter(pk__in=list(self._following)).exclude(cancel_requested_at=None)
            for run_id in asked.values_list("pk", flat=True):
                if line := self._following.get(run_id):
                    line.cancel_asked.set()

    def _beat(self) -> None:
        lease = WorkerLease.objects.filter(pk=self.id)
        seen = lease.values_list("seen_at", flat=True).first()
        if seen and (timezone.now() - seen).total_seconds() < settings.HEARTBEAT:
            return
        Run.objects.beat(self.id)
        if self._engine is None:
            lease.update(seen_at=timezone.now())
            return
        stats = self._engine.stats()
        lease.update(seen_at=timezone.now(), running=stats.running, progress=stats.progress)
        if self.draining.is_set():
            lease.update(state=WorkerState.DRAINING)
        else:
            state, detail = self._standing()
            lease.update(state=state, detail=detail)

    def _die(self, reason: str) -> None:
        """A dead engine spoils its process: say so, let runs end, and let the supervisor start a new one."""
        log.critical("The engine of %s is dead (%s); this worker ends.", self.model, reason)
        with database():
            self._report(WorkerState.FAILED, detail=reason[:500])
        time.sleep(2.0)  # the run threads are storing their failed rows
        os._exit(70)

    def _report(self, state: WorkerState, detail: str = "") -> None:
        fields: dict[str, Any] = {"state": state, "detail": detail, "seen_at": timezone.now()}
        if self._engine is not None:
            info = self._engine.info
            fields |= {"device": info.device, "dtype": info.dtype, "window": info.window}
            fields["capacity"] = self._engine.stats().capacity
        WorkerLease.objects.update_or_create(
            pk=self.id, defaults={"name": self.name, "model": self.model, **fields}
        )
