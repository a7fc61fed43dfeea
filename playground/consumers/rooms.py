"""All live rooms of this web process: opened, tailed, saved and left.

What one socket writes goes to all others of this web process, through the room's stream (room_events.py)
to the live rooms of other processes, and half a second later into the database.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import redis

from playground import documents
from playground.actions.rooms import Kept, keep, opened
from playground.consumers.database import in_database
from playground.consumers.live_room import PROCESS, LiveRoom, Seat
from playground.models import Experiment
from playground.room_events import Event, Happening, Line

log = logging.getLogger(__name__)

SAVE_AFTER = 0.4  # seconds of edits that one save takes
SAVE_AGAIN = 2.0  # seconds until a save that failed is tried again
LOOK = 4.0  # seconds between signs of life


class Rooms:
    """All live rooms of one web process, and the tasks that keep them going."""

    def __init__(self) -> None:
        self._rooms: dict[uuid.UUID, LiveRoom] = {}
        self._line: Line | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def enter(self, experiment: Experiment, seat: Seat) -> LiveRoom:
        """Takes ``seat`` in the room of ``experiment``, read up to now."""
        self._ensure_going()
        room = self._rooms.get(experiment.pk)
        if room is None:
            room = self._rooms[experiment.pk] = LiveRoom(experiment.pk)
            await self._open(room, experiment)
        await room.loaded.wait()
        if self._rooms.get(experiment.pk) is not room:  # it could not be read, or has been left meanwhile
            return await self.enter(experiment, seat)
        room.seats.add(seat)
        return room

    async def _open(self, room: LiveRoom, experiment: Experiment) -> None:
        assert self._line is not None
        try:
            await self._load(room, experiment)
        except BaseException:
            del self._rooms[experiment.pk]
            raise
        finally:
            room.loaded.set()
        with suppress(redis.RedisError):  # after that: the next tail reads this room, too
            await self._line.wake()

    async def leave(self, room: LiveRoom, seat: Seat) -> None:
        room.seats.discard(seat)
        room.saved.pop(seat, None)
        if not room.seats and room.saving is None:
            self._rooms.pop(room.experiment, None)
        with suppress(redis.RedisError):
            assert self._line is not None
            await self._line.note_gone(room.experiment, seat.id)
        await self.say(room, {"kind": "gone", "seat": seat.id})

    async def edit(self, room: LiveRoom, seat: Seat, number: int, update: bytes) -> None:
        event = room.write(seat, number, update)
        if room.saving is None:
            room.saving = asyncio.create_task(self._save(room))
        await self.say(room, event)

    async def show(self, room: LiveRoom, seat: Seat, member: Event) -> None:
        """Tells others where somebody is now; the first time also those who come later."""
        is_new, seat.member = not seat.member, member
        if is_new:
            with suppress(redis.RedisError):
                assert self._line is not None
                await self._line.note_here(room.experiment, [member])
        await self.say(room, {"kind": "here", "member": member})

    async def say(self, room: LiveRoom, event: Event) -> None:
        """To the sockets of this web process at once, and through the stream to those of others.

        Each process may have another order of what came at the same time; edits are made for that.
        """
        assert self._line is not None
        event = event | {"process": PROCESS}
        room.apply(event)
        room.wake()
        with suppress(redis.RedisError):
            await self._line.write(room.experiment, event)

    async def _load(self, room: LiveRoom, experiment: Experiment) -> None:
        """The stream is read first: an edit that is in neither has not been taken from anybody yet."""
        assert self._line is not None
        happened: list[Happening] = []
        with suppress(redis.RedisError):
            happened = await self._line.read(experiment.pk)
            room.members = await self._line.who_is_here(experiment.pk)
        row = await in_database(opened)(experiment)
        room.id, room.document = row.pk, documents.document_of(bytes(row.state))
        for happening in happened:
            if happening.event["kind"] == "edit":
                room.take(happening)
            room.cursor = happening.id
        room.is_behind = False  # what is left of an earlier document

    async def _save(self, room: LiveRoom) -> None:
        """Saves until nothing is new; edits that come meanwhile are for the next round."""
        pause = SAVE_AFTER
        while room.is_dirty:
            await asyncio.sleep(pause)
            room.is_dirty, pause = False, SAVE_AFTER
            written = {seat: seat.written for seat in room.seats}
            work = (room.experiment, room.id, room.document.get_update(), room.editor)
            try:
                kept = await in_database(keep)(*work)
            except Experiment.DoesNotExist:
                break
            except Exception:
                log.exception("A room could not be saved; trying again.")
                room.is_dirty, pause = True, SAVE_AGAIN
                continue
            await self._take_save(room, kept, written)
        room.saving = None
        if not room.seats:
            self._rooms.pop(room.experiment, None)

    async def _take_save(self, room: LiveRoom, kept: Kept, written: dict[Seat, int]) -> None:
        if kept.room != room.id:
            await self._begin_anew(room)
        else:
            room.fault, room.draft_version = kept.fault, kept.draft_version
            room.saved.update({seat: n for seat, n in written.items() if seat in room.seats})
        room.wake()

    async def _begin_anew(self, room: LiveRoom) -> None:
        id, state = await in_database(room_of)(room.experiment)
        room.is_behind = False
        if id != room.id:
            room.begin_anew(id, state)
            room.wake()

    # The tasks

    def _ensure_going(self) -> None:
        if not self._tasks or any(task.done() for task in self._tasks):
            for task in self._tasks:
                task.cancel()
            self._line = Line()
            work: list[Callable[[], Any]] = [self._tail_forever, self._look_forever]
            self._tasks = [asyncio.create_task(one()) for one in work]

    async def _tail_forever(self) -> None:
        assert self._line is not None
        while True:
            try:
                cursors = {id: room.cursor for id, room in self._rooms.items() if room.loaded.is_set()}
                for id, happened in (await self._line.tail(cursors, wait=5.0)).items():
                    if room := self._rooms.get(id):
                        for happening in happened:
                            room.take(happening)
                        if room.is_behind:
                            await self._begin_anew(room)
                        room.wake()
            except redis.RedisError as error:
                log.warning("The broker does not answer (%s); trying again.", error)
                await asyncio.sleep(0.5)

    async def _look_forever(self) -> None:
        """Signs of life of those who sit here, and a look at who is still there."""
        while True:
            await asyncio.sleep(LOOK)
            for room in list(self._rooms.values()):
                with suppress(redis.RedisError):
                    await self._look(room)

    async def _look(self, room: LiveRoom) -> None:
        assert self._line is not None
        await self._line.note_here(room.experiment, [seat.member for seat in room.seats if seat.member])
        here = await self._line.who_is_here(room.experiment)
        for seat in set(room.members) - set(here):
            room.apply({"kind": "gone", "seat": seat})
        for seat, member in here.items():
            if seat not in room.members:
                room.apply({"kind": "here", "member": member})
        room.wake()


def room_of(experiment: uuid.UUID) -> tuple[uuid.UUID, bytes]:
    row = opened(Experiment.objects.get(pk=experiment))
    return row.pk, bytes(row.state)
