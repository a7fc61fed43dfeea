"""What happens in a room, as it passes between web programs: one Redis stream and one hash per room.

The stream carries edits, cursors and news for a short time, for all web programs that have somebody in the
room; the hash says who is here. Neither is the only copy of anything: pages and the room's row hold the text.
"""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

import redis
import redis.asyncio
from django.conf import settings

from playground.events import connect

MOST = 2000  # entries of a stream: far more than are written between two saves
LIFE = 60 * 60  # seconds after the last entry
GONE_AFTER = 12.0  # seconds without a sign of life
Event = dict[str, Any]


class Happening(NamedTuple):
    """An entry of the stream; ids grow."""

    id: str
    event: Event


def stream_key(experiment: uuid.UUID) -> str:
    return f"room:{experiment}"


def here_key(experiment: uuid.UUID) -> str:
    return f"room:{experiment}:here"


def tell(experiment: uuid.UUID, event: Event) -> None:
    """From the synchronous side. News are a help, not the truth: a silent broker is no error."""
    try:
        with connect(patience=2) as client, client.pipeline(transaction=False) as pipeline:
            _append(pipeline, experiment, event)
            pipeline.execute()
    except redis.RedisError:
        return


def note(experiment: uuid.UUID, kind: str, **fields: Any) -> None:
    """Tells all pages in the room that something happened that is no text: ids and small texts."""
    tell(experiment, {"kind": "note", "note": {"kind": kind, **fields}})


def _append(pipeline: Any, experiment: uuid.UUID, event: Event) -> None:
    key = stream_key(experiment)
    fields = {"e": json.dumps(event, separators=(",", ":"), ensure_ascii=False)}
    pipeline.xadd(key, fields, maxlen=MOST, approximate=True)
    pipeline.expire(key, LIFE)


class Line:
    """The streams of all rooms that one web program has somebody in; one blocking read serves them all.

    ``socket_timeout=None`` because redis-py's default of five seconds would cut blocking reads.
    """

    def __init__(self) -> None:
        self._client = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, decode_responses=True, socket_timeout=None, socket_connect_timeout=2
        )
        self._bell = f"web:{uuid.uuid4()}"  # an own little stream: writing to it ends a blocking read
        self._bell_cursor = "0-0"

    async def write(self, experiment: uuid.UUID, event: Event) -> None:
        async with self._client.pipeline(transaction=False) as pipeline:
            _append(pipeline, experiment, event)
            await pipeline.execute()

    async def read(self, experiment: uuid.UUID) -> list[Happening]:
        """All that is still there."""
        raws: Any = await self._client.xrange(stream_key(experiment))
        return [_happening(raw) for raw in raws]

    async def tail(self, cursors: Mapping[uuid.UUID, str], wait: float) -> dict[uuid.UUID, list[Happening]]:
        """What is above each cursor; waits at most ``wait`` seconds for the first, or until ``wake``."""
        streams: dict[Any, Any] = {stream_key(room): id for room, id in cursors.items()}
        streams[self._bell] = self._bell_cursor
        replies: Any = await self._client.xread(streams, block=int(wait * 1000))
        found = {}
        for key, raws in replies or []:
            if key == self._bell:
                self._bell_cursor = raws[-1][0]
            else:
                found[uuid.UUID(key.removeprefix("room:"))] = [_happening(raw) for raw in raws]
        return found

    async def wake(self) -> None:
        """Ends a blocking ``tail`` now, so that it can take up new rooms."""
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.xadd(self._bell, {"w": "1"}, maxlen=1, approximate=False)
            pipeline.expire(self._bell, 60)
            await pipeline.execute()

    async def note_here(self, experiment: uuid.UUID, members: list[Event]) -> None:
        """A sign of life of ``members``, each with a ``seat``."""
        if not members:
            return
        now = time.time()
        notes = {member["seat"]: {"seen": now, "member": member} for member in members}
        noted: dict[Any, Any] = {seat: json.dumps(note) for seat, note in notes.items()}
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.hset(here_key(experiment), mapping=noted)
            pipeline.expire(here_key(experiment), LIFE)
            await pipeline.execute()

    async def note_gone(self, experiment: uuid.UUID, *seats: str) -> None:
        if seats:
            await self._client.hdel(here_key(experiment), *seats)

    async def who_is_here(self, experiment: uuid.UUID) -> dict[str, Event]:
        """Members by their seat. Those of a web program that has died are forgotten."""
        noted: Any = await self._client.hgetall(here_key(experiment))
        known = {seat: json.loads(text) for seat, text in noted.items()}
        late = [seat for seat, note in known.items() if note["seen"] < time.time() - GONE_AFTER]
        await self.note_gone(experiment, *late)
        return {seat: note["member"] for seat, note in known.items() if seat not in late}


def _happening(raw: tuple[str, dict[str, str]]) -> Happening:
    return Happening(raw[0], json.loads(raw[1]["e"]))
