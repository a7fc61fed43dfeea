"""The page's socket: watch runs, stop them. One per page (DESIGN: docs/events.md).

The receiving side only validates and acts; a sender task of its own moves every watched run's
cursor, so a slow browser never keeps a cancel waiting. Every frame that acts is authorised from
the database; grants that were only looked at are checked again every RECHECK seconds.
"""

import asyncio
import logging
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, parse_cookie

from playground.access import Verb, run_for
from playground.actions import runs
from playground.consumers.database import in_database
from playground.consumers.protocol import Ack, BadFrame, Cancel, Ping, Unwatch, Watch, read_frame, write_frame
from playground.consumers.reels import Reel, Reels
from playground.errors import Refusal
from playground.events import EntryId
from playground.limits import LIMITS
from playground.models import Run

log = logging.getLogger(__name__)

MALFORMED, SIGNED_OUT, LAGGING, TOO_FAST = 4400, 4401, 4408, 4429
BAD_FRAMES = 20  # in one socket's life; then it is closed
BURST = 200  # frames at once
WINDOW = 256 * 1024  # characters sent and not acknowledged
LAG_PATIENCE = 30.0  # seconds without an acknowledgement while the window is full
RECHECK = 15.0
WATCHES = 64

reels = Reels()


@dataclass
class Watching:
    """One run on this socket: where the browser is, and how much of it is unconfirmed."""

    reel: Reel
    cursor: EntryId | None
    sent: list[tuple[EntryId, int]] = field(default_factory=list)

    def acknowledge(self, upto: EntryId) -> None:
        self.sent = [(entry_id, size) for entry_id, size in self.sent if entry_id > upto]


@dataclass
class Pace:
    """A token bucket: LIMITS.frames_per_second on average, BURST at once."""

    left: float = BURST
    at: float = field(default_factory=time.monotonic)

    def allows(self) -> bool:
        now = time.monotonic()
        self.left = min(BURST, self.left + (now - self.at) * LIMITS.frames_per_second)
        self.at = now
        self.left -= 1
        return self.left >= 0


class PageSocket(AsyncConsumer):
    """Connects, reads frames, and sends; every method named ``websocket_*`` is an ASGI event."""

    async def websocket_connect(self, event: dict[str, Any]) -> None:
        self.watching: dict[uuid.UUID, Watching] = {}
        self.moved = asyncio.Event()
        self.pace = Pace()
        self.faults = 0
        self.full_since: float | None = None
        self.closed = False
        self.tasks: list[asyncio.Task[None]] = []
        await self.send({"type": "websocket.accept"})
        self.session_key = session_key_of(self.scope)
        if not (await self.user()).is_authenticated:
            await self.close(SIGNED_OUT, "signed_out", "You are signed out. Sign in again to go on.")
            return
        self.tasks = [asyncio.create_task(self.send_forever()), asyncio.create_task(self.recheck_forever())]

    async def websocket_receive(self, event: dict[str, Any]) -> None:
        if self.closed:
            return
        if not self.pace.allows():
            await self.close(TOO_FAST, "too_fast", "This page sends more than it should. Reload it.")
            return
        try:
            await self.act(event.get("text"))
        except BadFrame as error:
            await self.fault("bad_frame", str(error))
        except Refusal as error:
            if not self.closed:  # being signed out has been told with the close
                await self.tell("error", code=error.code, message=error.message)
        except Exception:
            log.exception("A frame failed.")
            await self.tell("error", code="internal", message="That failed on the server. Try again.")

    async def websocket_disconnect(self, event: dict[str, Any]) -> None:
        self.leave()
        raise StopConsumer

    def leave(self) -> None:
        self.closed = True
        for task in self.tasks:
            task.cancel()
        for watching in self.watching.values():
            reels.unwatch(watching.reel, self.moved)
        self.watching.clear()

    # Frames

    async def act(self, text: str | None) -> None:
        match read_frame(text):
            case Watch() as frame:
                await self.watch(frame)
            case Unwatch(run=run_id):
                if watching := self.watching.pop(run_id, None):
                    reels.unwatch(watching.reel, self.moved)
            case Cancel(run=run_id):
                await self.cancel(run_id)
            case Ack(run=run_id, id=entry_id):
                if watching := self.watching.get(run_id):
                    watching.acknowledge(EntryId.parse(entry_id))
                    self.moved.set()
            case Ping():
                await self.tell("pong")

    async def watch(self, frame: Watch) -> None:
        if len(self.watching) >= WATCHES and frame.run not in self.watching:
            raise BadFrame(f"One page watches at most {WATCHES} runs.")
        run = await self.run(frame.run, Verb.READ)
        reel = await reels.watch(run, self.moved)
        self.watching[frame.run] = Watching(reel, frame.cursor)
        self.moved.set()

    async def cancel(self, run_id: uuid.UUID) -> None:
        run = await self.run(run_id, Verb.RUN)
        run = await in_database(runs.cancel)(run)
        await self.tell("cancelling", run=str(run.pk), status=run.status)

    async def run(self, run_id: uuid.UUID, verb: Verb) -> Run:
        user = await self.user()
        if not user.is_authenticated:
            await self.close(SIGNED_OUT, "signed_out", "You are signed out. Sign in again to go on.")
            raise Refusal("signed_out", "You are signed out.", status=401)
        return await in_database(run_for)(user, run_id, verb)

    async def user(self) -> User | AnonymousUser:
        return await in_database(user_of_session)(self.session_key)

    async def fault(self, code: str, message: str) -> None:
        self.faults += 1
        if self.faults > BAD_FRAMES:
            await self.close(MALFORMED, code, message)
        else:
            await self.tell("error", code=code, message=message)

    # Sending

    async def tell(self, op: str, **fields: Any) -> int:
        text = write_frame(op, **fields)
        await self.send({"type": "websocket.send", "text": text})
        return len(text)

    async def close(self, code: int, reason: str, message: str) -> None:
        if self.closed:
            return
        self.closed = True
        await self.tell("error", code=reason, message=message)
        await self.send({"type": "websocket.close", "code": code, "reason": reason})
        self.leave()  # last: it may cancel the task that runs this

    async def send_forever(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self.moved.wait(), timeout=5.0)
            except TimeoutError:
                if self.is_lagging():
                    await self.close(LAGGING, "lagging", "This page could not keep up; it connects again.")
                    return
            self.moved.clear()
            for watching in list(self.watching.values()):
                await self.advance(watching)

    async def advance(self, watching: Watching) -> None:
        """Tells the browser what is new for one run, in as few frames as there can be."""
        reel = watching.reel
        if self.window_is_full():
            return
        if reel.place is not None and reel.status == "queued":
            await self.tell("queue", run=str(reel.run_id), **queue_fields(reel))
        frames, watching.cursor = reel.frames_after(watching.cursor), reel.top
        for frame in frames:
            size = await self.tell(**frame)
            watching.sent.append((EntryId.parse(frame["id"]), size))

    def window_is_full(self) -> bool:
        unconfirmed = sum(size for watching in self.watching.values() for _, size in watching.sent)
        if unconfirmed <= WINDOW:
            self.full_since = None
            return False
        self.full_since = self.full_since or time.monotonic()
        return True

    def is_lagging(self) -> bool:
        return self.full_since is not None and time.monotonic() - self.full_since > LAG_PATIENCE

    async def recheck_forever(self) -> None:
        """Drops a socket whose user signed out, and runs whose access was lost."""
        while not self.closed:
            await asyncio.sleep(RECHECK)
            try:
                await self.recheck_all()
            except DatabaseError:  # a grant that cannot be looked at is looked at again, not forgotten
                log.exception("A socket's grants could not be checked; trying again.")

    async def recheck_all(self) -> None:
        user = await self.user()
        if not user.is_authenticated:
            await self.close(SIGNED_OUT, "signed_out", "You are signed out. Sign in again to go on.")
        for run_id in list(self.watching):
            await self.recheck(user, run_id)

    async def recheck(self, user: User | AnonymousUser, run_id: uuid.UUID) -> None:
        try:
            await in_database(run_for)(user, run_id, Verb.READ)
        except Refusal as error:
            if watching := self.watching.pop(run_id, None):
                reels.unwatch(watching.reel, self.moved)
            await self.tell("error", run=str(run_id), code="access_lost", message=error.message)


def queue_fields(reel: Reel) -> dict[str, Any]:
    assert reel.place is not None
    return {
        "position": reel.place.position,
        "ahead": reel.place.ahead,
        "eta_seconds": reel.place.eta_seconds,
        "note": reel.place.note,
    }


def session_key_of(scope: dict[str, Any]) -> str:
    """The session cookie of a socket's handshake."""
    # Other programs of this host name set cookies too, some of which http.cookies would not read.
    cookies = [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
    return parse_cookie("; ".join(cookies)).get(settings.SESSION_COOKIE_NAME, "")


def user_of_session(session_key: str) -> User | AnonymousUser:
    """Who this session belongs to now: signing out or a new password ends it for open sockets too."""
    request = HttpRequest()
    request.session = SessionStore(session_key or None)
    user = get_user(request)
    return user if isinstance(user, User) else AnonymousUser()
