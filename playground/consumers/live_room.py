"""A live room: its document, who is here and what happened lately, as one web process has it.

Each socket has a seat: a place in what happened, as a cursor and no queue, so a slow browser costs nothing.
Without tasks, database or broker: rooms.py moves it.
"""

import asyncio
import base64
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pycrdt import Doc

from playground import documents
from playground.limits import LIMITS
from playground.room_events import Event, Happening

KEPT = 1000  # happenings that a slow socket can be behind; then it gets the whole room anew
PROCESS = str(uuid.uuid4())
Frame = dict[str, Any]


class BadEdit(ValueError):
    """An edit that is none; the message says why."""


@dataclass(eq=False)
class Seat:
    """One socket in a room: where it is in what happened, and what it has written."""

    id: str
    user: int
    name: str
    listener: asyncio.Event
    member: Event = field(default_factory=dict)  # what others are shown of it
    place: int | None = None  # None: it needs the whole room
    vector: bytes | None = None  # what its page had when it came
    written: int = 0  # the page's number of its last edit
    told: tuple[int, str] = (0, "")  # the last edit that it knows to be kept, and the fault it knows of
    parts: list[str] = field(default_factory=list)  # of an edit that comes in several frames

    def whole(self, part: str, more: bool) -> bytes | None:
        """The edit, once its last part is there; raises BadEdit when it is too large or no base64."""
        self.parts.append(part)
        if sum(map(len, self.parts)) > LIMITS.edit_bytes * 4 / 3:
            self.parts.clear()
            raise BadEdit(f"One edit has at most {LIMITS.edit_bytes:,} bytes.")
        if more:
            return None
        text, self.parts = "".join(self.parts), []
        return decoded(text)


class LiveRoom:
    """One room as seen so far: the document, who is here, and what happened lately."""

    def __init__(self, experiment: uuid.UUID) -> None:
        self.experiment = experiment
        self.id = uuid.UUID(int=0)
        self.document: Doc[Any] = Doc()
        self.seats: set[Seat] = set()
        self.members: dict[str, Event] = {}
        self.happened: list[Event] = []
        self.base = 0  # number of the first of them
        self.cursor = "0-0"  # in the stream
        self.loaded = asyncio.Event()
        self.saving: asyncio.Task[None] | None = None
        self.is_dirty = False
        self.is_behind = False  # the document has begun anew elsewhere
        self.editor: int | None = None  # who wrote last
        self.fault = ""
        self.draft_version = 0
        self.saved: dict[Seat, int] = {}  # the last edit of each that is kept

    @property
    def top(self) -> int:
        return self.base + len(self.happened)

    def take(self, happening: Happening) -> None:
        """Takes one entry of the stream; what was said in this process has been applied."""
        self.cursor = happening.id
        if happening.event.get("process") != PROCESS:
            self.apply(happening.event)

    def apply(self, event: Event) -> None:
        match event["kind"]:
            case "edit" if event["room"] != str(self.id):
                self.is_behind = True
                return
            case "edit" if event.get("process") != PROCESS:  # else the document has it
                with suppress(ValueError):
                    self.document.apply_update(decoded(event["update"]))
            case "here":
                self.members[event["member"]["seat"]] = event["member"]
            case "gone":
                self.members.pop(event["seat"], None)
        self.happened.append(event)
        if len(self.happened) > 2 * KEPT:
            self.happened, self.base = self.happened[-KEPT:], self.top - KEPT

    def write(self, seat: Seat, number: int, update: bytes) -> Event:
        """Applies an edit and returns what others must hear; raises BadEdit for bytes that are none."""
        try:
            self.document.apply_update(update)
        except ValueError:
            raise BadEdit("That is not an edit of this room. Reload the page.") from None
        seat.written, self.editor, self.is_dirty = number, seat.user, True
        text = base64.b64encode(update).decode()
        return {"kind": "edit", "room": str(self.id), "update": text, "seat": seat.id}

    def begin_anew(self, id: uuid.UUID, state: bytes) -> None:
        """Another document: every page gets it whole, and merges into it what it has."""
        self.id, self.document = id, documents.document_of(state)
        for seat in self.seats:
            seat.place = seat.vector = None

    def frames_for(self, seat: Seat) -> list[Frame]:
        """What the page of ``seat`` must be told to be where the room is."""
        if seat.place is None or seat.place < self.base:
            seat.place = self.top
            return [self._joined(seat), *self._saved(seat)]
        news = self.happened[seat.place - self.base :]
        seat.place = self.top
        edits = [e["update"] for e in news if e["kind"] == "edit" and e.get("seat") != seat.id]
        moved = {e["member"]["seat"]: e["member"] for e in news if e["kind"] == "here"}
        gone = [e["seat"] for e in news if e["kind"] == "gone"]
        here = [member for id, member in moved.items() if id != seat.id and id not in gone]
        frames: list[Frame] = [{"op": "edits", "updates": edits}] if edits else []
        if here or gone:
            frames.append({"op": "presence", "members": here, "gone": gone})
        frames += [{"op": "note", **e["note"]} for e in news if e["kind"] == "note"]
        return frames + self._saved(seat)

    def _joined(self, seat: Seat) -> Frame:
        update = self.document.get_update(seat.vector) if seat.vector else self.document.get_update()
        others = [member for id, member in self.members.items() if id != seat.id]
        return {
            "op": "joined",
            "room": str(self.id),
            "seat": seat.id,
            "part": seat.vector is not None,
            "update": base64.b64encode(update).decode(),
            "vector": base64.b64encode(self.document.get_state()).decode(),
            "members": others,
        }

    def _saved(self, seat: Seat) -> list[Frame]:
        now = (self.saved.get(seat, seat.told[0]), self.fault)
        if now == seat.told:
            return []
        seat.told = now
        return [{"op": "saved", "n": now[0], "fault": now[1], "draft_version": self.draft_version}]

    def wake(self) -> None:
        for seat in self.seats:
            seat.listener.set()


def decoded(text: str) -> bytes:
    """Raises BadEdit for anything but base64."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise BadEdit("An edit must be base64.") from None
