"""The page's socket: watch runs, stop them, sit in a room. One per page (docs/events.md).

The receiving side only validates and acts; a sender task of its own moves every watched run's
cursor, so a slow browser never keeps a cancel waiting. Every frame that acts is authorised from
the database; what was granted before is asked again as soon as its rows change (rights.py). The page of
an experiment opens ``/ws/?experiment=<id>``: its socket ends when the page may not be read any more.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer

from playground.access import Verb, run_for
from playground.actions import runs
from playground.consumers.database import in_database
from playground.consumers.protocol import (
    Ack,
    BadFrame,
    Cancel,
    Cursor,
    Edit,
    Join,
    Leave,
    Ping,
    Unwatch,
    Watch,
    read_frame,
    write_frame,
)
from playground.consumers.reels import Reel, reels
from playground.consumers.rights import Ground, rights
from playground.consumers.sitting import Sitting
from playground.consumers.standing import experiment_of, session_key_of, standing_of, user_of_session
from playground.errors import Refusal
from playground.events import EntryId
from playground.limits import LIMITS
from playground.models import Run

log = logging.getLogger(__name__)

MALFORMED, SIGNED_OUT, ACCESS_LOST, LAGGING, TOO_FAST = 4400, 4401, 4403, 4408, 4429
BAD_FRAMES = 20  # in one socket's life; then it is closed
BURST = 200  # frames at once
WINDOW = 256 * 1024  # characters sent and not acknowledged
LAG_PATIENCE = 30.0  # seconds without an acknowledgement while the window is full
PATIENCE = 1.0  # seconds before a question to the database is put again
WATCHES = 64


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

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without what Channels does before each frame: all frames of all sockets would wait for one thread.

        It closes connections to the database there, and no socket has any there.
        """
        await getattr(self, get_handler_name(message))(message)

    async def websocket_connect(self, event: dict[str, Any]) -> None:
        self.watching: dict[uuid.UUID, Watching] = {}
        self.moved = asyncio.Event()
        self.pace = Pace()
        self.sitting = Sitting(self.moved)
        self.faults = 0
        self.full_since: float | None = None
        self.closed = False
        self.tasks: list[asyncio.Task[None]] = []
        self.doubted: set[Ground] = set()
        self.doubts = asyncio.Event()
        self.may_do: dict[str, bool] | None = None  # what the page has been told
        await self.send({"type": "websocket.accept"})
        self.session_key = session_key_of(self.scope)
        self.experiment = experiment_of(self.scope)
        self.user_id: int | None = None
        await self.recheck(set())
        if not self.closed:
            self.tasks = [asyncio.create_task(work()) for work in (self.send_forever, self.recheck_forever)]
            rights.join(self)

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
        await self.sitting.leave()
        raise StopConsumer

    def leave(self) -> None:
        self.closed = True
        rights.leave(self)
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
            case Join() as frame:
                await self.sitting.join(frame, self.experiment, self.user_id)
            case Edit() | Cursor() as frame:
                await self.sitting.take(frame, self.may_do or {})
            case Leave():
                await self.sitting.leave()

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
        user = await in_database(user_of_session)(self.session_key)
        if not user.is_authenticated:
            await self.sign_out()
            raise Refusal("signed_out", "You are signed out.", status=401)
        return await in_database(run_for)(user, run_id, verb)

    async def fault(self, code: str, message: str) -> None:
        self.faults += 1
        if self.faults > BAD_FRAMES:
            await self.close(MALFORMED, code, message)
        else:
            await self.tell("error", code=code, message=message)

    # Sending

    async def tell(self, op: str, **fields: Any) -> None:
        await self.send({"type": "websocket.send", "text": write_frame(op, **fields)})

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
                async with asyncio.timeout(5.0):  # wait_for would make a task for each frame of each socket
                    await self.moved.wait()
            except TimeoutError:
                if self.is_lagging():
                    await self.close(LAGGING, "lagging", "This page could not keep up; it connects again.")
                    return
            self.moved.clear()
            for frame in self.sitting.frames():
                await self.tell(**frame)
            for watching in list(self.watching.values()):
                await self.advance(watching)

    async def advance(self, watching: Watching) -> None:
        """Tells the browser what is new for one run, in as few frames as there can be."""
        reel = watching.reel
        if self.window_is_full():
            return
        if reel.place is not None and reel.status == "queued":
            await self.tell("queue", run=str(reel.run_id), **queue_fields(reel))
        frames, watching.cursor = reel.written_after(watching.cursor), reel.top
        for entry_id, text in frames:
            if self.watching.get(reel.run_id) is not watching:
                return  # the right was lost while an earlier frame was on its way
            await self.send({"type": "websocket.send", "text": text})
            watching.sent.append((entry_id, len(text)))

    def window_is_full(self) -> bool:
        unconfirmed = sum(size for watching in self.watching.values() for _, size in watching.sent)
        if unconfirmed <= WINDOW:
            self.full_since = None
            return False
        self.full_since = self.full_since or time.monotonic()
        return True

    def is_lagging(self) -> bool:
        return self.full_since is not None and time.monotonic() - self.full_since > LAG_PATIENCE

    # Rights

    def grounds(self) -> set[Ground]:
        """What the rights of this socket stand on: its session, its user, the page's experiment, its runs."""
        page = {("experiment", str(self.experiment))} if self.experiment else set()
        runs_watched = {("run", str(run_id)) for run_id in self.watching}
        return {("session", self.session_key), ("user", str(self.user_id)), *page, *runs_watched}

    def doubt(self, changed: Set[Ground]) -> None:
        self.doubted |= changed
        self.doubts.set()

    async def recheck_forever(self) -> None:
        """Asks again for what may be lost; a question that the database cannot answer is put again."""
        while not self.closed:
            await self.doubts.wait()
            self.doubts.clear()
            changed, self.doubted = self.doubted, set()
            try:
                await self.recheck(changed)
            except Exception:
                log.exception("A socket's rights could not be checked; trying again.")
                await asyncio.sleep(PATIENCE)
                self.doubt(changed)

    async def recheck(self, changed: Set[Ground]) -> None:
        """Ends what is lost: runs of which a ground has changed, the page, or all with the session."""
        all_doubted = any(kind in ("session", "user") for kind, _ in changed)
        doubted = [run for run in self.watching if all_doubted or ("run", str(run)) in changed]
        standing = await in_database(standing_of)(self.session_key, self.experiment, doubted)
        if standing.user_id is None:
            await self.sign_out()
            return
        self.user_id = standing.user_id
        for run_id in set(doubted) - standing.readable:
            if watching := self.watching.pop(run_id, None):
                reels.unwatch(watching.reel, self.moved)
                message = "You have no access to this run any more."
                await self.tell("error", run=str(run_id), code="access_lost", message=message)
        await self.tell_rights(standing.may_do)

    async def tell_rights(self, may_do: dict[str, bool] | None) -> None:
        """Says what the page may do, whenever that is not what it was."""
        if self.experiment is None or self.closed:
            return
        if may_do is None:
            message = "You have no access to this experiment any more."
            await self.close(ACCESS_LOST, "access_lost", message)
        elif may_do != self.may_do:
            self.may_do = may_do
            await self.tell("rights", experiment=str(self.experiment), **may_do)

    async def sign_out(self) -> None:
        await self.close(SIGNED_OUT, "signed_out", "You are signed out. Sign in again to go on.")


def queue_fields(reel: Reel) -> dict[str, Any]:
    assert reel.place is not None
    return {
        "position": reel.place.position,
        "ahead": reel.place.ahead,
        "eta_seconds": reel.place.eta_seconds,
        "note": reel.place.note,
    }
