"""Reels: this web process's picture of the tapes that its sockets watch.

One tailing task reads all watched tapes with one blocking read; any number of sockets look at a
reel, each with its own cursor. A cursor is a place, not a queue, so a slow browser costs nothing.
"""

import asyncio
import logging
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import redis

from playground.actions.runs import Place, places_in_queue
from playground.consumers.database import in_database
from playground.consumers.protocol import write_frame
from playground.events import Entry, EntryId, Reader
from playground.models import Run
from playground.models.run import Status

log = logging.getLogger(__name__)

PLACES = 64  # whose frames are kept as text; pages may ask from anywhere
POLL = 1.0  # seconds between looks at the rows of live runs: heals what a broker lost
Frame = dict[str, Any]
Written = tuple[EntryId, str]  # a frame with an id, as text


class Reel:
    """One run as seen so far: the entries of the current attempt, folded text, and the row's end."""

    def __init__(self, run_id: uuid.UUID) -> None:
        self.run_id = run_id
        self.status = Status.QUEUED.value
        self.attempt = 0
        self.tokens: list[dict[str, Any]] = []
        self.entries: list[Entry] = []  # of this attempt, above `base`
        self.base = EntryId(0, 0)  # the place that a snapshot of this reel begins from
        self.top = EntryId(0, 0)
        self.ending: Frame | None = None
        self.place: Place | None = None
        self.listeners: set[asyncio.Event] = set()
        self.loaded = asyncio.Event()
        self._torn = False  # the tape began in the middle: only the row knows the whole text
        self._written: dict[EntryId | None, list[Written]] = {}  # by cursor, until the reel moves

    def apply(self, entry: Entry) -> None:
        """Takes one tape entry; repeats and older attempts are ignored."""
        if entry.id <= self.top or self.ending is not None:
            return
        gap = entry.id != (self.attempt, self.top.seq + 1)
        self.top = entry.id
        self._written = {}
        kind = entry.event["type"]
        if kind == "start":
            self._begin(entry.id)
        elif kind == "snapshot":
            self._begin(entry.id)
            self.base = entry.id
            self.tokens = list(entry.event["tokens"])
        elif gap:  # another attempt, or a broker that came back without its last seconds
            self._begin(entry.id)
            self._torn = True
        if kind == "delta":
            self.tokens.extend(entry.event["tokens"])
        elif kind == "end" and not self._torn:
            self.status = entry.event["status"]
            self.ending = {key: value for key, value in entry.event.items() if key != "type"}
        self.entries.append(entry)

    def _begin(self, entry_id: EntryId) -> None:
        self.status = Status.RUNNING.value
        self.attempt = entry_id.attempt
        self._torn = False
        self.entries, self.tokens = [], []
        self.base = EntryId(entry_id.attempt, entry_id.seq - 1)

    def take_row(self, run: Run) -> None:
        """The row is terminal: whatever the tape lacks comes from it."""
        self.attempt = run.attempt
        self.status = run.status
        self.tokens = list(run.tokens or ([{"t": run.text}] if run.text else []))
        self.entries = []
        self.base = self.top = EntryId(run.attempt, max(self.top.seq, run.last_seq) + 1)
        self.ending = run.ending
        self._written = {}

    @property
    def text(self) -> str:
        return "".join(record["t"] for record in self.tokens)

    def written_after(self, cursor: EntryId | None) -> list[Written]:
        """The same as ``frames_after``, as sockets send it: once for all that are at the same place."""
        if cursor not in self._written:
            if len(self._written) == PLACES:
                self._written.clear()
            frames = self.frames_after(cursor)
            self._written[cursor] = [(EntryId.parse(frame["id"]), write_frame(**frame)) for frame in frames]
        return self._written[cursor]

    def frames_after(self, cursor: EntryId | None) -> list[Frame]:
        """What a browser at ``cursor`` must be told to be where the reel is."""
        if cursor == self.top:
            return []
        if cursor is None:
            return [self._reset(), *self._end()]
        behind = cursor < self.base
        if cursor > self.top or (behind and not self._has_start):
            return [self._reset(), *self._end()]
        # A browser that is behind a whole attempt gets it from its `start`, which voids what it shows.
        news = [entry for entry in self.entries if behind or entry.id > cursor]
        return [*self._starts(news), *self._delta(news), *self._end()]

    @property
    def _has_start(self) -> bool:
        return bool(self.entries) and self.entries[0].event["type"] == "start"

    def _reset(self) -> Frame:
        snapshot = {"status": self.status, "attempt": self.attempt, "text": self.text, "tokens": self.tokens}
        return {"op": "reset", "run": str(self.run_id), "id": str(self.top), "snapshot": snapshot}

    def _starts(self, news: list[Entry]) -> list[Frame]:
        return [
            {"op": "start", "run": str(self.run_id), "id": str(entry.id), "attempt": entry.id.attempt}
            | {key: value for key, value in entry.event.items() if key != "type"}
            for entry in news
            if entry.event["type"] == "start"
        ]

    def _delta(self, news: list[Entry]) -> list[Frame]:
        deltas = [entry for entry in news if entry.event["type"] == "delta"]
        if not deltas:
            return []
        tokens = [record for entry in deltas for record in entry.event["tokens"]]
        text = "".join(entry.event["text"] for entry in deltas)
        frame = {
            "op": "delta",
            "run": str(self.run_id),
            "id": str(deltas[-1].id),
            "text": text,
            "tokens": tokens,
        }
        return [frame | {"at": deltas[0].event["at"]}]

    def _end(self) -> list[Frame]:
        if self.ending is None:
            return []
        return [{"op": "end", "run": str(self.run_id), "id": str(self.top), **self.ending}]

    def wake(self) -> None:
        for listener in self.listeners:
            listener.set()


@dataclass
class Reels:
    """All reels of one web process, and the task that keeps them turning."""

    _reels: dict[uuid.UUID, Reel] = field(default_factory=dict)
    _reader: Reader | None = None
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    async def watch(self, run: Run, listener: asyncio.Event, *, placed: bool = True) -> Reel:
        """The reel of ``run``, read up to now; ``listener`` is set whenever it moves.

        Its place in the queue is worked out at once if ``placed``, else with the next poll.
        """
        self._ensure_turning()
        reel = self._reels.get(run.pk)
        if reel is None:
            reel = self._reels[run.pk] = Reel(run.pk)
            reel.listeners.add(listener)
            await self._load(reel, run)
            if placed and run.status == Status.QUEUED:
                reel.place = (await _places([run]))[run.pk]
            reel.loaded.set()
        reel.listeners.add(listener)
        await reel.loaded.wait()
        return reel

    def unwatch(self, reel: Reel, listener: asyncio.Event) -> None:
        reel.listeners.discard(listener)
        if not reel.listeners:
            self._reels.pop(reel.run_id, None)

    async def _load(self, reel: Reel, run: Run) -> None:
        assert self._reader is not None
        with suppress(redis.RedisError):  # a silent broker: the polls go on without it
            for entry in await self._reader.read(run.pk):
                reel.apply(entry)
            await self._reader.wake()
        if reel.ending is None and not run.is_live:
            reel.take_row(run)

    def _ensure_turning(self) -> None:
        if not self._tasks or any(task.done() for task in self._tasks):
            for task in self._tasks:
                task.cancel()
            self._reader = Reader()
            self._tasks = [
                asyncio.create_task(self._tail_forever()),
                asyncio.create_task(self._poll_forever()),
            ]

    def _turning(self) -> list[Reel]:
        return [reel for reel in self._reels.values() if reel.ending is None]

    async def _tail_forever(self) -> None:
        assert self._reader is not None
        while True:
            try:
                cursors = {reel.run_id: reel.top for reel in self._turning()}
                for run_id, entries in (await self._reader.tail(cursors, wait=5.0)).items():
                    self._apply(run_id, entries)
            except redis.RedisError as error:
                log.warning("The broker does not answer (%s); trying again.", error)
                await asyncio.sleep(0.5)

    def _apply(self, run_id: uuid.UUID, entries: list[Entry]) -> None:
        if reel := self._reels.get(run_id):
            for entry in entries:
                reel.apply(entry)
            reel.wake()

    async def _poll_forever(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            try:
                await self._poll()
            except Exception:
                log.exception("Looking at the rows of watched runs failed; trying again.")

    async def _poll(self) -> None:
        rows = await _rows([reel.run_id for reel in self._turning()])
        places = await _places([run for run in rows if run.status == Status.QUEUED])
        for run in rows:
            reel = self._reels.get(run.pk)
            if reel is None or reel.ending is not None:
                continue
            if not run.is_live:
                await self._heal(reel, run)
            elif run.pk in places:
                reel.place = places[run.pk]
                reel.wake()

    async def _heal(self, reel: Reel, run: Run) -> None:
        """The row has ended and the tape did not say so: read it once more, then believe the row."""
        assert self._reader is not None
        with suppress(redis.RedisError):
            self._apply(run.pk, await self._reader.read(run.pk, reel.top))
        if reel.ending is None:
            reel.take_row(run)
        reel.wake()


reels = Reels()  # of this process


async def _places(runs: list[Run]) -> dict[uuid.UUID, Place]:
    return await in_database(places_in_queue)(runs) if runs else {}


async def _rows(ids: list[uuid.UUID]) -> list[Run]:
    return await in_database(_rows_now)(ids) if ids else []


def _rows_now(ids: list[uuid.UUID]) -> list[Run]:
    return list(Run.objects.filter(pk__in=ids))
