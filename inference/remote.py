"""A remote model: what holds it instead of an Engine, with the same requests, events and statistics.

One thread has an event loop; a request is one task of it, so that cancelling one closes its connection
and nothing else. What the server lacks is known from models.toml (playground/catalog.py), so nothing
here pretends to have it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from contextlib import aclosing

from inference.breaker import Breaker
from inference.registry import RemoteSource
from inference.remote_answer import RemoteAnswer
from inference.stream import Stream
from inference.types import (
    EngineError,
    EngineStats,
    ErrorCode,
    FinishReason,
    GenerationRequest,
    RemoteInfo,
)
from inference.upstream import Patience, Upstream, UpstreamError

log = logging.getLogger(__name__)

PAUSES = (0.5, 2.0)  # seconds before the second and the third try, each a little more or less
LONGEST_PAUSE = 20.0  # that a server may ask for; what takes longer is told to people instead
LOOK = 30.0  # seconds between looks whether the server is there
LOOK_AGAIN = 5.0  # while it is not
USAGE_WAIT = 5.0  # seconds for the counts behind an answer that has ended
PATIENCE = Patience()
NO_PROTOCOL = "something that is not the protocol"


class RemoteEngine:
    """``capacity`` is how many requests its callers have at once; what the server takes is its own affair."""

    def __init__(
        self,
        source: RemoteSource,
        key: str = "",
        *,
        capacity: int = 16,
        window: int | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise ValueError(f"{source.key_env} holds something that is no key.")
        self.info = RemoteInfo(source.endpoint, source.model, window or 0)
        self._trouble = ""  # why the server cannot be used now, in words
        self._source, self._patience = source, patience
        self._upstream = Upstream(source, key, patience)
        self._capacity = capacity
        self._breaker = Breaker()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._progress = 0
        self._stopped = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="remote", daemon=True)

    # Door, for any thread

    def start(self) -> None:
        """Returns once it is known whether the server is there; that it is not is no error."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._look(), self._loop).result()
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._watch()))

    def stop(self) -> None:
        """Ends every request and the thread."""
        if self._thread.is_alive() and not self._stopped:
            self._stopped = True
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5)

    def submit(self, request: GenerationRequest) -> Stream:
        """Raises EngineError for a request that has nothing for the server."""
        if self._stopped or not self._thread.is_alive():
            raise EngineError(ErrorCode.ENGINE_FAILED, "The engine is stopped.")
        if not (request.messages if self._source.endpoint == "chat" else request.text):
            raise EngineError(ErrorCode.INVALID_REQUEST, "The prompt is not what the server takes.")
        stream = Stream(request.request_id)
        self._loop.call_soon_threadsafe(self._begin, request, stream)
        return stream

    def cancel(self, request_id: str) -> None:
        """Closes the connection of a request; without effect if it has ended."""
        if not self._stopped and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._cancel, request_id)

    def prefetch(self, prompt_ids: list[int], *, user: str = "") -> None:
        """Nothing can be computed ahead on another's machine."""

    def stats(self) -> EngineStats:
        running = len(self._tasks)
        return EngineStats(
            alive=self._thread.is_alive() and not self._stopped,
            progress=self._progress,
            running=running,
            waiting=0,
            capacity=self._capacity,
            cache_tokens_used=0,
            cache_tokens_total=0,
            error=self._trouble,
        )

    # The thread

    def _run(self) -> None:
        self._loop.run_forever()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(self._upstream.close())
        self._loop.close()

    async def _watch(self) -> None:
        """Looks whether the server is there, and shows that this loop is alive while requests run."""
        waited = 0.0
        while True:
            await asyncio.sleep(1.0)
            waited += 1.0
            self._progress += bool(self._tasks)
            if waited >= (LOOK_AGAIN if self._trouble else LOOK):
                waited = 0.0
                await self._look()

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(self._patience.connect):
                await self._upstream.look()
        except EngineError as error:
            self._trouble = self._upstream.hide(error.message)
        except TimeoutError:
            self._trouble = "no answer"
        except Exception:
            log.exception("The server of %s could not be looked at.", self._source.model)
            self._trouble = NO_PROTOCOL
        else:
            self._trouble = self._breaker.words

    def _begin(self, request: GenerationRequest, stream: Stream) -> None:
        answer = RemoteAnswer(request, stream)
        task = self._loop.create_task(self._serve(request, answer))
        self._tasks[request.request_id] = task
        task.add_done_callback(lambda done: self._end(request, answer, is_cancelled=done.cancelled()))

    def _cancel(self, request_id: str) -> None:
        if task := self._tasks.get(request_id):
            task.cancel()

    def _end(self, request: GenerationRequest, answer: RemoteAnswer, *, is_cancelled: bool) -> None:
        """Also of a task that was cancelled before its first step."""
        if is_cancelled and self._stopped:
            answer.fail(ErrorCode.ENGINE_FAILED, "The engine was stopped.")
        elif is_cancelled:
            answer.finish(FinishReason.CANCELLED)
        # First forgotten, then ended: whoever reads the end may use the name again.
        del self._tasks[request.request_id]
        answer.end()

    async def _serve(self, request: GenerationRequest, answer: RemoteAnswer) -> None:
        try:
            await self._ask(request, answer)
        except EngineError as error:
            answer.fail(error.code, self._upstream.hide(error.message))
        except Exception:
            log.exception("The answer of %s could not be read.", self._source.model)
            answer.fail(ErrorCode.UPSTREAM_FAILED, NO_PROTOCOL)

    async def _ask(self, request: GenerationRequest, answer: RemoteAnswer) -> None:
        """Tries until the answer has begun; from then on every fault is the end."""
        for planned in (*PAUSES, None):
            if rest := self._breaker.admit():
                message = f"{self._breaker.words}; the next try is in {rest:.0f} s"
                raise EngineError(ErrorCode.UPSTREAM_UNREACHABLE, message)
            try:
                await self._listen(request, answer)
            except EngineError as error:
                self._note(error)
                pause = None if answer.has_begun else _pause(error, planned)
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                return

    async def _listen(self, request: GenerationRequest, answer: RemoteAnswer) -> None:
        """One try. What counts against the time is silence: signs of life without a piece do not help."""
        allowed = self._patience.first
        try:
            async with aclosing(self._upstream.stream(request)) as chunks, asyncio.timeout(allowed) as limit:
                async for chunk in chunks:
                    was_complete = answer.is_complete
                    answer.take(chunk)
                    self._progress += 1
                    if answer.has_begun:
                        self._breaker.succeeded()
                    if not was_complete and (chunk.parts or answer.is_complete):
                        allowed = USAGE_WAIT if answer.is_complete else self._patience.silence
                        limit.reschedule(self._loop.time() + allowed)
                    if answer.is_cut:
                        break
        except TimeoutError:
            if not answer.is_complete:
                raise EngineError(ErrorCode.UPSTREAM_TIMEOUT, f"nothing for {allowed:.0f} s") from None
        except EngineError:
            if not answer.is_complete:
                raise
        answer.complete()

    def _note(self, error: EngineError) -> None:
        """Whether the failure says something about the server or about the request."""
        match error.code:
            case ErrorCode.UPSTREAM_REFUSED:
                self._breaker.succeeded()
            case ErrorCode.UPSTREAM_BUSY:
                pass
            case _:
                self._breaker.failed()


def _pause(error: EngineError, planned: float | None) -> float | None:
    """Seconds until the same request may be sent once more; None when it may not."""
    if planned is None or not isinstance(error, UpstreamError) or not error.again:
        return None
    if error.pause > LONGEST_PAUSE:
        return None
    return max(error.pause, planned * random.uniform(0.75, 1.25))  # noqa: S311
