"""The prober: threads of a worker that answer probes, the small questions people's pages ask while they type.

Not Celery's threads: those follow runs for as long as there are any. A probe never takes the place of an
interactive run, and one that nobody waits for any more is dropped.
"""

import base64
import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import redis

from inference.types import (
    EngineError,
    Failed,
    Finished,
    GenerationRequest,
    NextToken,
    Priority,
    SamplingParams,
    Scored,
    TokenEvent,
)
from playground import events
from playground.events import Probe, token_record
from playground.limits import LIMITS

if TYPE_CHECKING:
    from inference.engine import Engine

log = logging.getLogger(__name__)

AT_ONCE = 4  # probes in the engine at a time
LOOK_EVERY = 1.0  # seconds between looks whether the worker is draining
STILL_WANTED_EVERY = 0.25  # seconds between looks whether anybody waits for the answer
Reply = dict[str, Any]


class Prober:
    """Answers the probes of ``model`` until ``draining`` is set."""

    def __init__(self, engine: "Engine", model: str, draining: threading.Event) -> None:
        self._engine = engine
        self._model = model
        self._draining = draining
        self._client = events.connect()

    def start(self) -> None:
        for number in range(AT_ONCE):
            threading.Thread(target=self._loop, name=f"prober-{number}", daemon=True).start()

    def _loop(self) -> None:
        while not self._draining.is_set():
            try:
                if probe := events.next_probe(self._client, self._model, LOOK_EVERY):
                    self._serve(probe)
            except redis.RedisError:
                self._draining.wait(LOOK_EVERY)  # the publisher's thread says that the broker is away
            except Exception:
                log.exception("A probe could not be answered.")

    def _serve(self, probe: Probe) -> None:
        if not events.is_wanted(self._client, probe):
            return
        try:
            reply = self._reply(probe)
        except _UnwantedError:
            return
        except EngineError as error:
            reply = {"error": {"code": error.code, "message": error.message}}
        events.answer(self._client, probe.key, reply)

    def _reply(self, probe: Probe) -> Reply:
        logits = b""
        scored: list[Reply] = []
        for event in self._events(probe):
            match event:
                case NextToken():
                    logits = event.logits
                case Scored():
                    scored.append(token_record(event))
                case Failed(code=code, message=message):
                    raise EngineError(code, message)
        return {"logits": base64.b64encode(logits).decode(), "scored": scored}

    def _events(self, probe: Probe) -> Iterator[TokenEvent]:
        """What the engine says to the end. Raises _UnwantedError once nobody waits for it."""
        stream = self._engine.submit(_request(probe))
        event: TokenEvent | None = None
        try:
            while not isinstance(event, Finished | Failed):
                try:
                    event = stream.get(timeout=STILL_WANTED_EVERY)
                except TimeoutError:
                    if not events.is_wanted(self._client, probe):
                        raise _UnwantedError from None
                else:
                    yield event
        finally:
            self._engine.cancel(probe.key)


class _UnwantedError(Exception):
    """Somebody asked something newer, or gave up."""


def _request(probe: Probe) -> GenerationRequest:
    scores = probe.score_from is not None
    return GenerationRequest(
        probe.key,
        tuple(probe.ids),
        SamplingParams(max_new_tokens=0, alternatives=LIMITS.alternatives if scores else 0),
        score_from=probe.score_from,
        next_token=not scores,
        user=probe.user,
        # Computed beside interactive runs, but not in their place.
        priority=Priority.BATCH,
    )
