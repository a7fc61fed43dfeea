"""The events of a run as a stream that can be taken up again where it broke off."""

import json
import uuid
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Router

from playground.access import prove_api_key, run_for
from playground.api.answers import PATIENCE
from playground.consumers.database import in_database
from playground.consumers.follower import Follower
from playground.consumers.reels import Frame, Reel, reels
from playground.consumers.rights import rights
from playground.errors import Refusal
from playground.events import EntryId
from playground.models import ApiKey, Run, Scope
from playground.rest.admission import READ, key_of
from playground.rest.problems import QUERY, answers

router = Router(tags=["runs"])
EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "id": {"type": "string"},
        "event": {"enum": ["start", "delta", "reset", "queue", "end", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
STREAM: dict[str, Any] = {
    "parameters": [
        {"in": "header", "name": "Last-Event-ID", "required": False, "schema": {"type": "string"}},
    ],
    "responses": {200: {"content": {"text/event-stream": {"schema": EVENT}}}},
}
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}


@router.get(
    "/runs/{uuid:pk}/events",
    auth=READ,
    response=answers({200: None}, *QUERY),
    url_name="run-events",
    openapi_extra=STREAM,
)
async def events(request: HttpRequest, pk: uuid.UUID) -> StreamingHttpResponse:
    """Server-sent events: ``start``, ``delta``, ``reset``, and ``end``, after which nothing comes.

    Their ids are places on the run's tape; with ``Last-Event-ID`` what is above it is told. ``reset``
    replaces all text before, ``queue`` says where a waiting run stands, and ``error`` that the key may not
    look any more.
    """
    key = key_of(request)
    run = await in_database(run_for)(key, pk)
    return StreamingHttpResponse(
        stream(key, run, place_of(request)), content_type="text/event-stream", headers=HEADERS
    )


def place_of(request: HttpRequest) -> EntryId | None:
    given = request.headers.get("Last-Event-ID")
    try:
        return EntryId.parse(given) if given else None
    except ValueError:
        message = "Last-Event-ID: Send the id of an event of this run."
        raise Refusal("invalid", message, field="Last-Event-ID") from None


async def stream(key: ApiKey, run: Run, cursor: EntryId | None) -> AsyncIterator[bytes]:
    follower = Follower({("key", str(key.pk)), ("run", str(run.pk))}, partial(prove, key, run))
    rights.join(follower)
    reel = await reels.watch(run, follower.moved)
    try:
        follower.moved.set()
        while True:
            if not await follower.move(PATIENCE):
                yield b": waiting\n\n"
            news, cursor = news_of(reel, cursor)
            if news:
                yield b"".join(map(written, news))
            if reel.ending is not None:
                return
    except Refusal as refusal:
        yield written({"op": "error", **refusal.as_json()["error"]})
    finally:
        rights.leave(follower)
        reels.unwatch(reel, follower.moved)


def news_of(reel: Reel, cursor: EntryId | None) -> tuple[list[Frame], EntryId | None]:
    """What follows ``cursor``, and where that ends. A run that has ended says so to whoever asks again."""
    frames = reel.frames_after(cursor)
    if not frames and reel.ending is not None:
        frames = [frame for frame in reel.frames_after(None) if frame["op"] == "end"]
    if not frames and reel.place is not None and not reel.attempt:
        return [{"op": "queue", **vars(reel.place)}], cursor
    return frames, EntryId.parse(frames[-1]["id"]) if frames else cursor


def written(frame: Frame) -> bytes:
    """A frame as the sockets send it, in the words of server-sent events."""
    data = {name: value for name, value in frame.items() if name not in ("op", "run", "id")}
    place = f"id: {frame['id']}\n" if "id" in frame else ""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"{place}event: {frame['op']}\ndata: {text}\n\n".encode()


def prove(key: ApiKey, run: Run) -> None:
    """Raises Refusal once ``key`` may not read ``run`` any more."""
    prove_api_key(key, Scope.READ)
    run_for(key, run.pk)
