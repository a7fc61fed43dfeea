from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.scheduler import Batch, Scheduler
from inference.sequence import Sequence
from inference.types import GenerationRequest, SamplingParams

SLOTS, SLOT_TOKENS = 3, 64


def make(name: str, prompt: int, new: int = 4) -> Sequence:
    ids = tuple(range(1, prompt + 1))
    return Sequence(GenerationRequest(name, ids, SamplingParams(max_new_tokens=new)))


def scheduler(prefill: int = 8, idle: int = 32) -> Scheduler:
    return Scheduler(SLOTS, SLOT_TOKENS, prefill, idle)


def step(target: Scheduler, sequences: dict[str, Sequence]) -> Batch:
    """One round as the engine does it; every sampled token is 0."""
    batch = target.plan()
    target.advance(batch)
    for piece in batch.samples:
        sequence = sequences[piece.request_id]
        sequence.append(0)
        if len(sequence.generated) == sequence.request.sampling.max_new_tokens:
            target.end(sequence)
    target.check_integrity()
    return batch


def started(target: Scheduler, *sequences: Sequence) -> dict[str, Sequence]:
    for sequence in sequences:
        target.add(sequence)
    return {sequence.id: sequence for sequence in sequences}


def test_long_prompt_is_chunked_and_sampled_only_at_its_end() -> None:
    target = scheduler(idle=32)
    sequences = started(target, make("a", 50))
    first, second = step(target, sequences), step(target, sequences)
    assert [(p.start, p.stop, p.sample) for p in first.pieces] == [(0, 32, False)]
    assert [(p.start, p.stop, p.sample) for p in second.pieces] == [(32, 50, True)]


def test_prompt_tokens_beside_streaming_answers_stay_within_the_budget() -> None:
    target = scheduler(prefill=8)
    sequences = started(target, make("a", 4))
    step(target, sequences)
    sequences |= started(target, make("b", 30), make("c", 30))
    batch = step(target, sequences)
    assert [(p.request_id, len(p.ids)) for p in batch.pieces] == [("a", 1), ("b", 8)]


def test_streaming_answers_are_in_every_step() -> None:
    target = scheduler(prefill=1)
    sequences = started(target, make("a", 4), make("b", 4))
    step(target, sequences)
    sequences |= started(target, make("c", 30))
    batch = step(target, sequences)
    assert [p.request_id for p in batch.pieces] == ["a", "b", "c"]


def test_single_tokens_come_first_by_slot() -> None:
    target = scheduler()
    sequences = started(target, make("a", 2), make("b", 2), make("c", 2))
    step(target, sequences)
    target.end(sequences["a"])
    sequences |= started(target, make("d", 6))
    batch = step(target, sequences)
    order = [(p.request_id, p.slot, len(p.ids)) for p in batch.pieces]
    assert order == [("b", 1, 1), ("c", 2, 1), ("d", 0, 6)]


def test_first_come_first_served_when_slots_are_short() -> None:
    target = scheduler()
    sequences = started(target, *(make(name, 2) for name in "abcde"))
    assert [p.request_id for p in step(target, sequences).pieces] == ["a", "b", "c"]
    target.end(sequences["b"])
    assert {p.request_id for p in step(target, sequences).pieces} == {"a", "c", "d"}
    assert target.waiting == 1


def test_waiting_request_can_be_ended() -> None:
    target = scheduler()
    sequences = started(target, *(make(name, 2) for name in "abcd"))
    step(target, sequences)
    target.end(sequences["d"])
    assert (target.waiting, target.running) == (0, 3)
    target.check_integrity()


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 40), st.integers(1, 20)),
        st.tuples(st.just("end"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("step"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(MOVES, st.integers(1, 9), st.integers(1, 40))
def test_no_slot_is_lost_or_shared_and_everything_ends(
    moves: list[tuple[str, int, int]], prefill: int, idle: int
) -> None:
    target, sequences = scheduler(prefill, idle), dict[str, Sequence]()
    for number, (move, a, b) in enumerate(moves):
        if move == "add":
            sequences |= started(target, make(str(number), a, b))
        elif move == "step":
            step(target, sequences)
        elif alive := [s for s in sequences.values() if s.phase.name != "ENDED"]:
            target.end(alive[a % len(alive)])
        target.check_integrity()
    steps = 0
    while step(target, sequences).pieces:
        steps += 1
        assert steps < 5000
    assert (target.running, target.waiting, target.tokens_used) == (0, 0, 0)
    assert all(s.phase.name == "ENDED" for s in sequences.values())
