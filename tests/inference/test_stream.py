from __future__ import annotations

import pytest

from inference.stream import Stream
from inference.types import ErrorCode, Failed, Finished, FinishReason, Started, Usage

STARTED = Started("r", 3, 0)
FINISHED = Finished("r", FinishReason.LENGTH, Usage(3, 0, 1))


def test_events_arrive_in_order_and_end() -> None:
    stream = Stream("r")
    stream.put(STARTED, FINISHED)
    assert list(stream) == [STARTED, FINISHED]
    with pytest.raises(EOFError):
        stream.get()


def test_only_the_first_final_event_counts() -> None:
    stream = Stream("r")
    stream.put(FINISHED, STARTED)
    stream.fail(ErrorCode.ENGINE_FAILED, "late")
    assert list(stream) == [FINISHED]


def test_silence_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        Stream("r").get(timeout=0.01)


def test_failure_is_final() -> None:
    stream = Stream("r")
    stream.fail(ErrorCode.ENGINE_FAILED, "gone")
    assert list(stream) == [Failed("r", ErrorCode.ENGINE_FAILED, "gone")]
