from __future__ import annotations

import pytest

from inference.sequence import Phase, Sequence
from inference.types import GenerationRequest, SamplingParams, Usage


def make(prompt: tuple[int, ...] = (5, 6, 7), new: int = 4, score_from: int | None = None) -> Sequence:
    return Sequence(GenerationRequest("r", prompt, SamplingParams(max_new_tokens=new), score_from=score_from))


def test_prompt_is_computed_in_chunks_and_then_token_by_token() -> None:
    sequence = make()
    sequence.place([], 16)
    assert sequence.next_ids(0, 2) == (5, 6)
    sequence.advance(0, 2)
    assert sequence.next_ids(2, 1) == (7,)
    sequence.advance(2, 3)
    sequence.append(9)
    assert (sequence.pending, sequence.next_ids(3, 1)) == (1, (9,))


def test_tokens_that_others_computed_count_as_cached() -> None:
    sequence = make(tuple(range(40)))
    sequence.place([3, 8], 16)
    assert sequence.shared == 32
    sequence.advance(32, 40)
    sequence.append(9)
    assert sequence.usage() == Usage(prompt_tokens=40, cached_tokens=32, completion_tokens=1)


def test_preempted_sequence_knows_all_and_has_computed_nothing() -> None:
    sequence = make()
    sequence.place([], 16)
    sequence.advance(0, 3)
    sequence.report(2)
    sequence.append(9)
    sequence.preempt()
    assert (sequence.phase, sequence.computed, sequence.known) == (Phase.WAITING, 0, 4)
    sequence.place([], 16)
    assert sequence.next_ids(0, 4) == (5, 6, 7, 9)
    assert sequence.usage().cached_tokens == 0


@pytest.mark.parametrize(
    ("new", "score_from", "wanted_from", "end"),
    [(4, None, 2, 3), (4, 0, 0, 3), (4, 2, 1, 3), (0, 1, 0, 2), (0, None, 3, 3)],
)
def test_what_is_wanted_and_computed(new: int, score_from: int | None, wanted_from: int, end: int) -> None:
    sequence = make(new=new, score_from=score_from)
    assert (sequence.wanted_from, sequence.end_of_known) == (wanted_from, end)
    assert sequence.after(0) == 6
    assert sequence.after(2) is None


def test_illegal_moves_are_refused() -> None:
    sequence = make()
    with pytest.raises(AssertionError):
        sequence.advance(0, 1)  # waiting
    sequence.place([], 16)
    with pytest.raises(AssertionError):
        sequence.append(9)  # the prompt is not computed
    with pytest.raises(AssertionError):
        sequence.advance(0, 4)  # more than is known
    sequence.end()
    with pytest.raises(AssertionError):
        sequence.end()
    assert (sequence.phase, sequence.slot) == (Phase.ENDED, None)
