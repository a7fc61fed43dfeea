"""The events of one request on their way from the engine's thread to the caller's. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, SimpleQueue

from inference.types import ErrorCode, Failed, Finished, TokenEvent


class Stream:
    """An iterable of events that ends after the one final event. One reader, any thread."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self._queue: SimpleQueue[TokenEvent] = SimpleQueue()
        self._read_to_end = False

    def put(self, *events: TokenEvent) -> None:
        """Add events in order.

        The engine's thread and a thread that gives up on it may both end a request: the first final
        event counts, because no reader looks behind it.
        """
        for event in events:
            self._queue.put(event)

    def fail(self, code: ErrorCode, message: str) -> None:
        """End with a fault; without effect if the request has ended."""
        self.put(Failed(self.request_id, code, message))

    def get(self, timeout: float | None = None) -> TokenEvent:
        """The next event. Raises TimeoutError after ``timeout`` seconds, EOFError behind the final event."""
        if self._read_to_end:
            raise EOFError(f"request {self.request_id} has ended")
        try:
            event = self._queue.get(timeout=timeout)
        except Empty:
            raise TimeoutError(f"request {self.request_id}: no event for {timeout} s") from None
        self._read_to_end = isinstance(event, Finished | Failed)
        return event

    def __iter__(self) -> Iterator[TokenEvent]:
        while not self._read_to_end:
            yield self.get()
