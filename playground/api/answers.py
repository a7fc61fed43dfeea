"""Answers to requests that generate: whole, or as a stream of server-sent events."""

import json
from collections.abc import AsyncIterator
from typing import Any, Protocol

from django.http import JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from playground.api import errors
from playground.api.bodies import Generation
from playground.api.following import Choice, Following, follow
from playground.api.tokens import Record
from playground.errors import Refusal
from playground.models import ApiKey, Run

PATIENCE = 15.0  # seconds of silence before a comment shows proxies that the stream lives
REASONS = {"stop": "stop", "stop_string": "stop", "server_stop": "stop", "length": "length"}
Json = dict[str, Any]


class Shape(Protocol):
    """How one of the addresses words its choices."""

    kind: str  # "object" of a whole answer
    piece: str  # and of a piece of a stream
    prefix: str  # of ids
    needs_scores: bool  # Choice.scores, which are there when a run has ended
    holds_back: bool  # the whole stream until all runs have ended

    def whole(self, choice: Choice) -> Json: ...

    def begin(self, choice: Choice) -> list[Json]: ...

    def delta(self, choice: Choice, news: list[Record]) -> Json: ...

    def end(self, choice: Choice) -> Json: ...


async def answer(key: ApiKey, wanted: Generation, runs: list[Run], shape: Shape) -> HttpResponseBase:
    """Raises Refusal for a run that did not end well, unless the answer has begun to stream."""
    if wanted.stream:
        return StreamingHttpResponse(
            _stream(key, wanted, runs, shape),
            content_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )
    async with follow(key, runs) as following:
        await following.to_the_end()
        if shape.needs_scores:
            await following.fetch_scores()
    choices = [_ended(shape.whole(choice), choice) for choice in following.choices]
    return JsonResponse(_head(runs, shape.kind, shape) | {"choices": choices, "usage": usage(following)})


async def _stream(key: ApiKey, wanted: Generation, runs: list[Run], shape: Shape) -> AsyncIterator[bytes]:
    head = _head(runs, shape.piece, shape)
    if wanted.includes_usage:
        head["usage"] = None
    try:
        async with follow(key, runs) as following:
            async for pieces in _pieces(following, shape):
                yield b"".join(_event(head | {"choices": [piece]}) for piece in pieces) or b": waiting\n\n"
    except Refusal as error:
        yield _event(errors.body_of(error))
        return
    if wanted.includes_usage:
        yield _event(head | {"choices": [], "usage": usage(following)})
    yield b"data: [DONE]\n\n"


async def _pieces(following: Following, shape: Shape) -> AsyncIterator[list[Json]]:
    """What is new, as often as something is; nothing when it has been silent for PATIENCE."""
    while shape.holds_back and following.live:
        if not await following.move(PATIENCE):
            yield []
    if shape.holds_back:
        await following.fetch_scores()
    if begun := [_open(part, choice) for choice in following.choices for part in shape.begin(choice)]:
        yield begun
    open_choices, moved = list(following.choices), True
    while open_choices:
        pieces = [
            _open(shape.delta(choice, news), choice) for choice in open_choices if (news := choice.take())
        ]
        if ended := [choice for choice in open_choices if choice.ending]:
            if shape.needs_scores:
                await following.fetch_scores()
            pieces += [_ended(shape.end(choice), choice) for choice in ended]
            open_choices = [choice for choice in open_choices if choice not in ended]
        if pieces or not moved:
            yield pieces
        if open_choices:
            moved = await following.move(PATIENCE)


def _head(runs: list[Run], kind: str, shape: Shape) -> Json:
    first = runs[0]
    return {
        "id": f"{shape.prefix}{first.pk}",
        "object": kind,
        "created": int(first.queued_at.timestamp()),
        "model": first.model,
        "system_fingerprint": f"fs-{first.model_revision[:12]}" if first.model_revision else None,
    }


def _open(part: Json, choice: Choice) -> Json:
    return {"index": choice.index, **part, "finish_reason": None}


def _ended(part: Json, choice: Choice) -> Json:
    assert choice.reel.ending is not None
    return {"index": choice.index, **part, "finish_reason": REASONS[choice.reel.ending["finish_reason"]]}


def usage(following: Following) -> Json | None:
    """Tokens of all choices, each of which has to read the prompt; None where a remote server counts none."""
    used = [choice.ending["usage"] for choice in following.choices if choice.ending]
    if any(each["prompt_tokens"] is None for each in used):
        return None
    prompt = sum(each["prompt_tokens"] for each in used)
    written = sum(each["completion_tokens"] for each in used)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": sum(each["cached_tokens"] for each in used)},
    }


def _event(data: Json) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
