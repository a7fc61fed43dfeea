"""Requests for the tiny model, and how their events are read."""

from __future__ import annotations

import random
import time
from typing import Any

from inference.engine import Engine
from inference.stream import Stream
from inference.types import Failed, Finished, GenerationRequest, SamplingParams, Token, TokenEvent

LONG = 60.0  # seconds that nothing here should need, however busy the machine


def ask(name: str, prompt: int = 8, **sampling: Any) -> GenerationRequest:
    """A request with a prompt of its own, derived from its name; no early end unless asked for."""
    ids = tuple(random.Random(name).choices(range(3, 400), k=prompt))
    fields = {"max_new_tokens": 12, "ignore_eos": True} | sampling
    return GenerationRequest(name, ids, SamplingParams(**fields))


def read(stream: Stream) -> list[TokenEvent]:
    events: list[TokenEvent] = []
    while not events or not isinstance(events[-1], Finished | Failed):
        events.append(stream.get(timeout=LONG))
    return events


def tokens(events: list[TokenEvent]) -> list[Token]:
    return [event for event in events if isinstance(event, Token)]


def text(events: list[TokenEvent]) -> str:
    return "".join(token.text for token in tokens(events))


def ids(events: list[TokenEvent]) -> list[int]:
    return [token.id for token in tokens(events)]


def assert_idle(engine: Engine) -> None:
    """Nothing runs, and every slot is free again."""
    deadline = time.monotonic() + LONG
    while (stats := engine.stats()).running or stats.waiting:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    engine._scheduler.check_integrity()
    assert stats.cache_tokens_used == 0
    assert not engine._prefetches
    assert not engine._cancelled  # a later request of the same name must live
