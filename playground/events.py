"""The tape: one Redis stream per run, written by one worker, read by any number of web programs.

Entry ids are ``<attempt>-<seq>``. The server refuses an id that is not above the top one, so a
worker that lost its lease cannot write into the tape of the next attempt; the same id is the
browser's resume cursor. Nothing here is the only copy of anything: the row is the truth.

Events (docs/events.md): ``start``, ``delta``, ``snapshot`` (first entry after the broker lost the
tape), ``end``. Only this file talks to the tape.

Probes cross here too: questions about a prompt that a warm worker answers at once.
"""

import json
import math
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum, auto
from typing import Any, NamedTuple, Self

import redis
import redis.asyncio
from django.conf import settings

from inference.types import Piece, Scored, Token

LIFE_WHILE_RUNNING = 15 * 60  # seconds; renewed while the run goes on
LIFE_AFTER_END = 30 * 60
CANCEL_LIFE = 60 * 60
PROBE_LIFE = 60  # of a question that nobody takes and of an answer that nobody waits for
MOST_PROBES = 256  # that wait for one model

Event = dict[str, Any]


class EntryId(NamedTuple):
    """Position on a tape; tuples compare in tape order."""

    attempt: int
    seq: int

    def __str__(self) -> str:
        return f"{self.attempt}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for anything but two small decimal numbers joined by a dash."""
        attempt, _, seq = text.partition("-")
        if not (
            attempt.isascii() and attempt.isdigit() and seq.isascii() and seq.isdigit() and len(text) < 24
        ):
            raise ValueError(f"{text!r} is not an entry id")
        return cls(int(attempt), int(seq))


class Entry(NamedTuple):
    id: EntryId
    event: Event


def tape_key(run: uuid.UUID) -> str:
    return f"run:{run}"


def cancel_key(run: uuid.UUID) -> str:
    return f"cancel:{run}"


def token_record(token: Token | Scored | Piece) -> dict[str, Any]:
    """A token as it travels on the tape, over the socket and into the row.

    One of a remote model has no id and no rank, and no log-probability where its server gives none.
    """
    if isinstance(token, Piece):
        top = [[None, guess.text, round(guess.logprob, 5)] for guess in token.top]
        return {"t": token.text, "lp": None if token.logprob is None else round(token.logprob, 5), "top": top}
    return {
        "t": token.text,
        "id": token.id,
        "lp": round(token.logprob, 5),
        "rank": token.rank,
        "top": [[other.id, other.text, round(other.logprob, 5)] for other in token.top],
    }


# Worker side, synchronous ---------------------------------------------------------------------------


def connect(patience: float = 5) -> redis.Redis:
    """A client that gives up on one answer of the server after ``patience`` seconds."""
    return redis.Redis.from_url(
        settings.REDIS_URL, decode_responses=True, socket_timeout=patience, socket_connect_timeout=2
    )


class Written(Enum):
    """What became of one appended entry."""

    YES = auto()
    REFUSED = auto()  # an equal or higher id is on the tape
    NO_TAPE = auto()  # the tape is gone; only ``start`` and ``snapshot`` begin one


@dataclass(frozen=True)
class Append:
    run: uuid.UUID
    id: EntryId
    event: Event
    max_length: int  # entries; a guard for memory, far above what one run writes


def append_all(
    client: redis.Redis, appends: Iterable[Append], watched: Iterable[uuid.UUID]
) -> tuple[list[Written], set[uuid.UUID]]:
    """Writes all entries in one round trip; also tells which of ``watched`` were asked to stop.

    Raises redis.RedisError when the server does not answer; then any of the entries may have
    been written, and ``top_of`` tells which.
    """
    appends, watched = list(appends), list(watched)
    pipeline = client.pipeline(transaction=False)
    for item in appends:
        begins = item.event["type"] in ("start", "snapshot")
        fields: dict[Any, Any] = {"e": json.dumps(item.event, separators=(",", ":"), ensure_ascii=False)}
        pipeline.xadd(
            tape_key(item.run),
            fields,
            id=str(item.id),
            maxlen=item.max_length,
            approximate=True,
            nomkstream=not begins,
        )
        if begins or item.event["type"] == "end":
            pipeline.expire(tape_key(item.run), LIFE_WHILE_RUNNING if begins else LIFE_AFTER_END)
    if watched:
        pipeline.mget([cancel_key(run) for run in watched])
    replies = pipeline.execute(raise_on_error=False)
    stops = replies.pop() if watched else []
    if isinstance(stops, Exception):
        raise stops
    adds = [reply for reply in replies if not isinstance(reply, bool | int)]
    return [_written(reply) for reply in adds], {
        run for run, stop in zip(watched, stops, strict=True) if stop
    }


def _written(reply: Any) -> Written:
    if isinstance(reply, redis.ResponseError) and "equal or smaller" in str(reply):
        return Written.REFUSED
    if isinstance(reply, Exception):
        raise reply
    return Written.NO_TAPE if reply is None else Written.YES


def top_of(client: redis.Redis, run: uuid.UUID) -> EntryId | None:
    """The id of the newest entry on a tape."""
    newest: Any = client.xrevrange(tape_key(run), count=1)
    return EntryId.parse(newest[0][0]) if newest else None


def keep_tape(client: redis.Redis, run: uuid.UUID) -> None:
    """Lets the tape of a long run live on."""
    client.expire(tape_key(run), LIFE_WHILE_RUNNING)


def ask_to_cancel(*runs: uuid.UUID) -> None:
    """Makes a cancel request fast; the row's column is what counts, so a silent broker is no error."""
    try:
        with connect() as client, client.pipeline(transaction=False) as pipeline:
            for run in runs:
                pipeline.set(cancel_key(run), "1", ex=CANCEL_LIFE)
            pipeline.execute()
    except redis.RedisError:
        return


def next_entries(client: redis.Redis, run: uuid.UUID, after: EntryId, wait: float) -> list[Entry]:
    """Entries above ``after``; waits at most ``wait`` seconds for the first."""
    replies: Any = client.xread({tape_key(run): str(after)}, block=int(wait * 1000))
    return [_entry(raw) for _, raws in replies or [] for raw in raws]


def broker_answers() -> bool:
    try:
        with connect() as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


# Probes, both sides synchronous ---------------------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """What follows a prompt: the next token's logits or, with ``score_from``, how likely its end is.

    ``key`` is where the answer goes. Of one user's probes of a kind only the newest is wanted.
    """

    key: str
    user: str
    ids: list[int]
    score_from: int | None = None

    @property
    def newest_key(self) -> str:
        return f"probe:newest:{self.user}:{'next' if self.score_from is None else 'score'}"


def probes_key(model: str) -> str:
    return f"probes:{model}"


def ask(model: str, probe: Probe, wait: float) -> dict[str, Any] | None:
    """The answer of a worker to ``probe``; None when none came within ``wait`` seconds.

    Whoever still waits for an earlier probe of the user is answered ``{"superseded": true}``. Raises
    redis.RedisError when the server does not answer.
    """
    with connect(patience=wait + 5) as client:
        # Expires with the wait: then nobody needs to compute it any more.
        before: Any = client.set(probe.newest_key, probe.key, ex=math.ceil(wait), get=True)
        if before:
            answer(client, before, {"superseded": True})
        with client.pipeline(transaction=False) as pipeline:
            pipeline.rpush(probes_key(model), json.dumps(asdict(probe)))
            pipeline.ltrim(probes_key(model), -MOST_PROBES, -1)
            pipeline.expire(probes_key(model), PROBE_LIFE)
            pipeline.execute()
        reply: Any = client.blpop([probe.key], timeout=wait)
        return json.loads(reply[1]) if reply else None


def next_probe(client: redis.Redis, model: str, wait: float) -> Probe | None:
    """The oldest probe of ``model``, which then belongs to the caller; waits at most ``wait`` seconds."""
    reply: Any = client.blpop([probes_key(model)], timeout=wait)
    return Probe(**json.loads(reply[1])) if reply else None


def is_wanted(client: redis.Redis, probe: Probe) -> bool:
    """Whether somebody still waits for the answer."""
    return client.get(probe.newest_key) == probe.key


def answer(client: redis.Redis, key: str, reply: dict[str, Any]) -> None:
    """Gives whoever waits at ``key`` their answer."""
    with client.pipeline(transaction=False) as pipeline:
        pipeline.rpush(key, json.dumps(reply))
        pipeline.expire(key, PROBE_LIFE)
        pipeline.execute()


# Web side, asynchronous -----------------------------------------------------------------------------


class Reader:
    """Reads tapes for one web process. One blocking read serves every tape that is watched.

    ``socket_timeout=None`` because redis-py's default of five seconds would cut blocking reads.
    """

    def __init__(self) -> None:
        self._client = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, decode_responses=True, socket_timeout=None, socket_connect_timeout=2
        )
        self._bell = f"web:{uuid.uuid4()}"  # an own little stream: writing to it ends a blocking read
        self._bell_cursor = "0-0"

    async def read(self, run: uuid.UUID, after: EntryId | None = None) -> list[Entry]:
        """All entries of a tape above ``after``."""
        start = f"({after}" if after else "-"
        raws: Any = await self._client.xrange(tape_key(run), min=start)
        return [_entry(raw) for raw in raws]

    async def tail(self, cursors: Mapping[uuid.UUID, EntryId], wait: float) -> dict[uuid.UUID, list[Entry]]:
        """Entries above each cursor; waits at most ``wait`` seconds for the first, or until ``wake``."""
        streams: dict[Any, Any] = {tape_key(run): str(id) for run, id in cursors.items()}
        streams[self._bell] = self._bell_cursor
        replies: Any = await self._client.xread(streams, block=int(wait * 1000))
        found = {}
        for key, raws in replies or []:
            if key == self._bell:
                self._bell_cursor = raws[-1][0]
            else:
                found[uuid.UUID(key.removeprefix("run:"))] = [_entry(raw) for raw in raws]
        return found

    async def wake(self) -> None:
        """Ends a blocking ``tail`` now, so that it can take up new tapes."""
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.xadd(self._bell, {"w": "1"}, maxlen=1, approximate=False)
            pipeline.expire(self._bell, 60)
            await pipeline.execute()

    async def close(self) -> None:
        await self._client.aclose()


def _entry(raw: tuple[str, dict[str, str]]) -> Entry:
    return Entry(EntryId.parse(raw[0]), json.loads(raw[1]["e"]))
