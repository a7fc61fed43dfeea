"""Sitting: what one socket has to do with the room of its page's experiment."""

import asyncio
import time
import uuid

from django.contrib.auth.models import User

from playground.access import experiment_for
from playground.consumers.database import in_database
from playground.consumers.live_room import BadEdit, Frame, LiveRoom, Seat
from playground.consumers.protocol import BadFrame, Cursor, Edit, Join
from playground.consumers.rooms import Rooms
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Experiment
from playground.people import name_of
from playground.room_events import Event

rooms = Rooms()


class Sitting:
    def __init__(self, listener: asyncio.Event) -> None:
        self.listener = listener
        self.room: LiveRoom | None = None
        self.seat: Seat | None = None

    async def join(self, frame: Join, experiment: uuid.UUID | None, user: int | None) -> None:
        """Takes a seat, or the same one again for a page that has to have everything anew."""
        if experiment is None or user is None:
            raise BadFrame("Only the page of an experiment has a room.")
        if self.seat is None:
            row, name = await in_database(who_and_where)(user, experiment)
            self.seat = Seat(str(uuid.uuid4()), user, name, self.listener)
            self.room = await rooms.enter(row, self.seat)
        assert self.room is not None
        if len(self.room.seats) > LIMITS.people:
            await self.leave()
            raise Refusal("room_full", f"At most {LIMITS.people} pages can be in one room.", status=409)
        self.seat.vector = frame.vector if frame.room == self.room.id else None
        self.seat.place = None
        self.listener.set()

    async def take(self, frame: Edit | Cursor, may_do: dict[str, bool]) -> None:
        """One frame of the page; ``may_do`` is what its user may do at this moment."""
        if self.room is None or self.seat is None:
            raise BadFrame("Join the room first.")
        match frame:
            case Edit():
                await self._edit(self.room, self.seat, frame, may_do)
            case Cursor():
                await rooms.show(self.room, self.seat, member_of(self.seat, frame, may_do))

    async def _edit(self, room: LiveRoom, seat: Seat, frame: Edit, may_do: dict[str, bool]) -> None:
        if not may_do.get("may_edit"):
            raise Refusal("forbidden", "You may read this experiment, but not change it.", status=403)
        try:
            update = seat.whole(frame.update, frame.more)
            # A page that has not heard yet that the document began anew will merge into it what it has.
            if update is not None and frame.room == room.id:
                await rooms.edit(room, seat, frame.n, update)
        except BadEdit as error:
            raise BadFrame(str(error)) from None

    def frames(self) -> list[Frame]:
        """What has happened since the last call."""
        return self.room.frames_for(self.seat) if self.room and self.seat else []

    async def leave(self) -> None:
        room, seat = self.room, self.seat
        self.room = self.seat = None
        if room and seat:
            await rooms.leave(room, seat)


def member_of(seat: Seat, frame: Cursor, may_do: dict[str, bool]) -> Event:
    """What others are shown: what the page says of itself, stamped with what only the server knows."""
    said = frame.model_dump(mode="json", exclude={"op"}, exclude_none=True)
    if frame.away:
        said["since"] = seat.member.get("since") or int(time.time())
    who = {"id": seat.user, "name": seat.name}
    return said | {"seat": seat.id, "user": who, "may_edit": may_do.get("may_edit", False)}


def who_and_where(user: int, experiment: uuid.UUID) -> tuple[Experiment, str]:
    found = User.objects.get(pk=user)
    return experiment_for(found, experiment), name_of(found)
