from __future__ import annotations

import pytest

from inference.sequence import Phase, Sequence
from inference.types import GenerationRequest, SamplingParams, Usage


def make(prompt: tuple[int, ...] = (5, 6, 7), new: int = 4) -> Sequence:
    return Sequence(GenerationRequest("r", prompt, SamplingParams(max_new_tokens=new)))


def test_prompt_is_computed_in_chunks_and_then_token_by_token() -> None:
    sequence = make()
    sequence.place(0)
    assert sequence.next_ids(2) == (5, 6)
    sequence.advance(2)
    assert sequence.next_ids(1) == (7,)
    sequence.advance(1)
    sequence.append(9)
    assert (sequence.pending, sequence.next_ids(1)) == (1, (9,))


def test_chunk_may_span_prompt_and_answer() -> None:
    sequence = make()
    sequence.place(0)
    sequence.advance(3)
    sequence.append(9)
    sequence.computed = 1  # as after losing its cache
    assert sequence.next_ids(3) == (6, 7, 9)


def test_usage_counts_prompt_and_answer() -> None:
    sequence = make()
    sequence.place(0)
    sequence.advance(3)
    sequence.append(9)
    assert sequence.usage() == Usage(prompt_tokens=3, cached_tokens=0, completion_tokens=1)


def test_illegal_moves_are_refused() -> None:
    sequence = make()
    with pytest.raises(AssertionError):
        sequence.advance(1)  # waiting
    sequence.place(0)
    with pytest.raises(AssertionError):
        sequence.append(9)  # the prompt is not computed
    with pytest.raises(AssertionError):
        sequence.advance(4)  # more than is known
    sequence.end()
    with pytest.raises(AssertionError):
        sequence.end()
    assert (sequence.phase, sequence.slot) == (Phase.ENDED, None)
