"""The models of one machine: which of them are in memory, and what the others wait for.

A host loads a model when a run waits for it or somebody asks, and unloads the least recently used
ones when memory is short. It never loads torch: each model is a child process of its own, so memory
is given back for sure and no model's fault reaches another.
"""

import logging
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db.utils import Error as DatabaseError

from playground import catalog
from playground.actions.doorbells import ring
from playground.eviction import Evict, Fits, Resident, TooLarge, Wait, room_for
from playground.memory import in_words, needed_by
from playground.models import ModelWish, Run, WorkerLease
from playground.models.model_wish import Wish
from playground.models.run import Status
from playground.models.worker_lease import WorkerState
from playground.supervisor import Ended, Supervisor
from playground.threads import database

log = logging.getLogger(__name__)

LOOK = 0.5  # seconds between looks at children and rows
SERVING = (WorkerState.WARM, WorkerState.LOADING)


@dataclass(frozen=True)
class Picture:
    """What the database says at one moment."""

    leases: tuple[WorkerLease, ...]  # of all machines
    wishes: tuple[ModelWish, ...]
    queued: frozenset[str]  # models with waiting runs
    live: frozenset[str]  # models with waiting or running runs

    @classmethod
    def now(cls) -> Self:
        runs = set(Run.objects.live().values_list("model", "status").distinct())
        return cls(
            leases=tuple(WorkerLease.objects.alive()),
            wishes=tuple(ModelWish.objects.all()),
            queued=frozenset(model for model, status in runs if status == Status.QUEUED),
            live=frozenset(model for model, _ in runs),
        )

    def lease_of(self, supervisor: Supervisor) -> WorkerLease | None:
        return next((lease for lease in self.leases if lease.pk == supervisor.worker_id), None)

    def is_for(self, supervisor: Supervisor) -> bool:
        """Whether this machine is the one to load the model: no other serves it, and of several that
        could, the one with the oldest row takes it."""
        mine = supervisor.worker_id
        others = [lease for lease in self.leases if lease.model == supervisor.model and lease.pk != mine]
        if any(lease.state in SERVING for lease in others):
            return False
        idle = [lease.pk for lease in others if lease.state == WorkerState.ABSENT]
        return not idle or (supervisor.state == WorkerState.ABSENT and mine < min(idle))


class Host:
    """Supervises the children of ``models``. ``kept`` ones are loaded from the start, and tried again
    when they cannot be loaded; without ``on_demand`` nothing else is loaded, and nothing unloaded."""

    def __init__(self, models: Iterable[str], kept: Iterable[str], *, budget: int, on_demand: bool) -> None:
        self.supervisors = {model: Supervisor(model, on_demand=on_demand) for model in models}
        self.needs = {
            model: needed_by(catalog.model_spec(model), settings.ENGINE_SLOTS) for model in self.supervisors
        }
        self.kept = frozenset(kept)
        self.budget = budget
        self.on_demand = on_demand
        self._wanted = set(self.kept)  # in memory, or to be brought there whatever happens
        self._last_used = dict.fromkeys(self.supervisors, 0.0)
        self._progress: dict[str, int] = {}
        self._warm: set[str] = set()
        self._heeded: dict[str, datetime] | None = None  # the wishes that were acted on
        self._stopping = False  # a plain flag: a handler that takes a lock can meet itself

    @classmethod
    def of_machine(cls) -> Self:
        """All models of models.toml within the memory budget; the first one from the start."""
        registry = catalog.registry()
        return cls(registry.names(), [registry.default], budget=settings.MODEL_MEMORY, on_demand=True)

    @classmethod
    def of_one(cls, model: str) -> Self:
        """One model that is always loaded."""
        return cls([model], [model], budget=sys.maxsize, on_demand=False)

    # Life of the process

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT; then lets every child drain."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self.stop)
        beat_at = 0.0
        while not self._stopping:
            self._try(self.look)
            if time.monotonic() >= beat_at:
                self._try(self._beat)
                beat_at = time.monotonic() + settings.HEARTBEAT
            time.sleep(LOOK)
        self._drain()

    def stop(self, *_: Any) -> None:
        self._stopping = True
        for supervisor in self.supervisors.values():
            supervisor.terminate()

    def _try(self, step: Callable[[], None]) -> None:
        try:
            with database():
                step()
        except DatabaseError:
            log.exception("The database does not answer; trying again.")

    def _drain(self) -> None:
        """Waits for every child; their supervisors kill those that hang."""
        self.stop()  # again: the signal may have come while a child was being started
        while any(supervisor.child for supervisor in self.supervisors.values()):
            self._try(self._look_at_children)
            time.sleep(0.1)
        self._try(self._forget_rows)

    def _look_at_children(self) -> None:
        for supervisor in self.supervisors.values():
            self._take_ending(supervisor, supervisor.look())

    def _forget_rows(self) -> None:
        for supervisor in self.supervisors.values():
            supervisor.release()

    def _beat(self) -> None:
        """Touches the rows of models without a child, and of children that are not up yet."""
        WorkerLease.objects.filter(pk__in=[s.worker_id for s in self.supervisors.values()]).beat()

    # One look

    def look(self) -> None:
        """Sees what has changed, and does the next thing for every model."""
        self._look_at_children()
        picture = Picture.now()
        for supervisor in self.supervisors.values():
            self._take_use(supervisor, picture)
        if self.on_demand:
            self._heed(picture)
        for model, supervisor in self.supervisors.items():
            if supervisor.child is not None:
                continue
            if model in self._wanted or (model in picture.queued and picture.is_for(supervisor)):
                self._bring(supervisor, picture)
            elif supervisor.state != WorkerState.FAILED:
                self._say_absent(supervisor)

    def _take_ending(self, supervisor: Supervisor, ended: Ended | None) -> None:
        if ended is None:
            return
        self._warm.discard(supervisor.model)
        if ended is Ended.UNLOADABLE and supervisor.model not in self.kept:
            self._wanted.discard(supervisor.model)  # until somebody asks again

    def _take_use(self, supervisor: Supervisor, picture: Picture) -> None:
        """Notes when a model was used, and rings for runs that waited until it was warm."""
        model, lease = supervisor.model, picture.lease_of(supervisor)
        progress = lease.progress if lease else 0
        if model in picture.live or progress != self._progress.get(model):
            self._last_used[model] = time.monotonic()
        self._progress[model] = progress
        if lease and lease.serves and model not in self._warm:
            self._warm.add(model)
            ring(model, Run.objects.queued(model).count())

    def _heed(self, picture: Picture) -> None:
        """Obeys every wish that is new since the last look; those from before this host's time are old."""
        stamps = {wish.model: wish.asked_at for wish in picture.wishes}
        heeded, self._heeded = self._heeded, stamps
        if heeded is None:
            return
        for wish in picture.wishes:
            supervisor = self.supervisors.get(wish.model)
            if supervisor is None or heeded.get(wish.model) == wish.asked_at:
                continue
            if wish.wanted == Wish.UNLOAD:
                self._let_go(supervisor, "being unloaded")
            elif picture.is_for(supervisor):
                supervisor.hurry()
                self._wanted.add(wish.model)
                self._last_used[wish.model] = time.monotonic()

    # What can be done for a model

    def _bring(self, supervisor: Supervisor, picture: Picture) -> None:
        """Loads a model, or takes the next step towards room for it."""
        if supervisor.is_resting:
            return
        model = supervisor.model
        match room_for(self.needs[model], self._residents(picture), self.budget):
            case Fits():
                self._wanted.add(model)
                self._last_used[model] = time.monotonic()
                supervisor.start()
            case Evict(models):
                for name in models:
                    self._let_go(self.supervisors[name], f"making room for {model}")
                self._say_waiting(supervisor, models)
            case Wait(models):
                self._say_waiting(supervisor, models)
            case TooLarge():
                self._wanted.discard(model)
                supervisor.say(WorkerState.FAILED, self._too_large(model))

    def _residents(self, picture: Picture) -> list[Resident]:
        return [
            Resident(
                model,
                self.needs[model],
                self._last_used[model],
                busy=model in picture.live or model not in self._warm,
                leaving=supervisor.is_leaving,
            )
            for model, supervisor in self.supervisors.items()
            if supervisor.child is not None
        ]

    def _let_go(self, supervisor: Supervisor, why: str) -> None:
        self._wanted.discard(supervisor.model)
        if supervisor.child is None:
            self._say_absent(supervisor)
        elif not supervisor.is_leaving:
            log.info("%s is %s.", supervisor.model, why)
            supervisor.stop(why)

    def _say_absent(self, supervisor: Supervisor) -> None:
        words = f"not loaded (about {in_words(self.needs[supervisor.model])})"
        if catalog.remote_source(supervisor.model):
            words = "not connected"
        supervisor.say(WorkerState.ABSENT, words)

    def _say_waiting(self, supervisor: Supervisor, models: tuple[str, ...]) -> None:
        going = all(self.supervisors[model].is_leaving for model in models)
        what = f"{'is' if len(models) == 1 else 'are'} {'being unloaded' if going else 'in use'}"
        supervisor.say(WorkerState.WAITING, f"waiting for memory: {' and '.join(models)} {what}")

    def _too_large(self, model: str) -> str:
        needs, budget = in_words(self.needs[model]), in_words(self.budget)
        return f"it needs about {needs} of memory, and this machine gives its models {budget}"
