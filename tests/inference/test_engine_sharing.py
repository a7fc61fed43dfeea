"""What requests share: computed once, found again, and told apart."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from inference.door import samples
from inference.engine import Engine
from inference.types import GenerationRequest, Priority, SamplingParams, Started, Token, Usage
from tests.inference.asking import LONG, ask, assert_idle, ids, read
from tests.inference.conftest import StartEngine

PROMPT = ask("shared", prompt=100).prompt_ids


def shared(name: str, own: int = 10, **sampling: object) -> GenerationRequest:
    """A prompt that begins with PROMPT."""
    request = ask(name, prompt=own, **sampling)
    return replace(request, prompt_ids=PROMPT + request.prompt_ids)


def usage(engine: Engine, request: GenerationRequest) -> Usage:
    return read(engine.submit(request))[-1].usage  # type: ignore[union-attr]


def answer(engine: Engine, request: GenerationRequest) -> list[int]:
    return ids(read(engine.submit(request)))


def test_second_prompt_reuses_the_first_ones_whole_blocks(start_engine: StartEngine) -> None:
    engine = start_engine()
    assert usage(engine, shared("a")) == Usage(110, 0, 12)
    assert usage(engine, shared("b")) == Usage(110, 96, 12)
    assert read(engine.submit(shared("c")))[0] == Started("c", 110, 96)
    assert engine.stats().tokens_reused == 2 * 96
    assert_idle(engine)


def test_same_prompt_computes_only_its_end(start_engine: StartEngine) -> None:
    engine = start_engine()
    first, again = (answer(engine, shared("a")) for _ in range(2))
    assert usage(engine, shared("a")).cached_tokens == 96
    assert first == again


def test_answers_with_and_without_the_cache_are_equal(start_engine: StartEngine) -> None:
    requests = [shared(str(n), own=5 + n, greedy=n % 2 == 0, temperature=0.9, seed=n) for n in range(8)]
    plain = start_engine(sharing="none", prefill_budget=7)
    cached = start_engine(prefill_budget=7)
    alone = [answer(plain, request) for request in requests]
    streams = cached.submit_all(requests)
    assert [ids(read(stream)) for stream in streams] == alone
    assert [answer(cached, request) for request in requests] == alone
    assert plain.stats().tokens_reused == 0


def test_what_arrives_together_is_computed_once(start_engine: StartEngine) -> None:
    engine = start_engine()
    for stream in engine.submit_all([shared(str(n), max_new_tokens=1) for n in range(8)]):
        read(stream)
    # 96 shared tokens once; of each prompt the rest of 14.
    assert engine.stats().tokens_computed == 96 + 8 * 14


@pytest.mark.parametrize("share_from", [0, 10**9])
def test_reading_together_and_reading_a_copy_give_the_same(
    start_engine: StartEngine, share_from: int
) -> None:
    engine = start_engine(share_from=share_from)
    requests = [shared(str(n), own=20 + n, max_new_tokens=30) for n in range(6)]
    alone = [answer(engine, request) for request in requests]
    streams = engine.submit_all(requests)
    assert [ids(read(stream)) for stream in streams] == alone


def test_samples_come_from_one_prefill(start_engine: StartEngine) -> None:
    engine = start_engine()
    request = shared("s", greedy=False, temperature=1.5, seed=4)
    streams = engine.submit_all(samples(request, 6))
    answers = [ids(read(stream)) for stream in streams]
    assert len({tuple(answer) for answer in answers}) == 6
    third = replace(request, sampling=replace(request.sampling, seed=6))
    assert answers[2] == answer(engine, third)
    assert engine.stats().tokens_computed < 2 * 110 + 6 * 40


def test_users_do_not_share_when_told_so(start_engine: StartEngine) -> None:
    engine = start_engine(sharing="user")
    assert usage(engine, replace(shared("a"), user="alice")).cached_tokens == 0
    assert usage(engine, replace(shared("b"), user="bob")).cached_tokens == 0
    assert usage(engine, replace(shared("c"), user="alice")).cached_tokens == 96


def test_least_recently_used_prefix_goes_first(start_engine: StartEngine) -> None:
    engine = start_engine(prefix_bytes=512 * 16 * 14)  # fourteen blocks: two prompts of 110 tokens
    first, second, third = (ask(name, prompt=110) for name in "abc")
    assert engine.info.prefix_tokens == 14 * 16
    for request in (first, second, first, third):
        read(engine.submit(request))
    assert usage(engine, first).cached_tokens > usage(engine, second).cached_tokens


def test_prefix_larger_than_the_cache_is_run_all_the_same(start_engine: StartEngine) -> None:
    small, large = start_engine(prefix_bytes=512 * 16 * 2), start_engine()
    assert answer(small, shared("a")) == answer(large, shared("a"))
    assert_idle(small)


def test_prompt_that_is_being_written_is_computed_before_it_is_run(start_engine: StartEngine) -> None:
    engine = start_engine()
    assert engine.prefetch(PROMPT, user="alice")
    assert_idle(engine)
    assert usage(engine, shared("a")).cached_tokens == 96
    computed = engine.stats().tokens_computed
    assert engine.prefetch(PROMPT, user="alice")  # all of it is there already
    assert_idle(engine)
    assert engine.stats().tokens_computed == computed


def test_prefetch_waits_for_everything_else_and_the_newest_counts(start_engine: StartEngine) -> None:
    engine = start_engine(max_running=2)
    gate, entered = threading.Event(), threading.Event()
    run = engine._runner.run
    order: list[tuple[str, ...]] = []

    def slow(batch: object) -> object:
        entered.set()
        gate.wait(LONG)
        order.append(tuple(piece.request_id for piece in batch.all))  # type: ignore[attr-defined]
        return run(batch)  # type: ignore[arg-type]

    engine._runner.run = slow  # type: ignore[assignment,method-assign]
    stream = engine.submit(ask("real", max_new_tokens=3))
    entered.wait(LONG)
    for number in range(20):
        engine.prefetch(ask(str(number), prompt=64).prompt_ids, user="alice")
    gate.set()
    read(stream)
    assert_idle(engine)
    assert len(order) <= 5
    assert order[:3] == [("real",)] * 3


def test_prefetch_that_cannot_help_says_so(start_engine: StartEngine) -> None:
    assert not start_engine(sharing="none").prefetch(PROMPT)
    engine = start_engine()
    assert not engine.prefetch(PROMPT[:15])
    assert not engine.prefetch((*PROMPT, 10**9, *PROMPT))


def test_interactive_request_takes_the_place_of_a_batch_one(start_engine: StartEngine) -> None:
    engine = start_engine(max_running=1)
    request = replace(ask("batch", max_new_tokens=60), priority=Priority.BATCH)
    expected = answer(engine, request)
    stream = engine.submit(request)
    events = [stream.get(LONG) for _ in range(5)]
    urgent = engine.submit(ask("urgent", max_new_tokens=5))
    read(urgent)
    assert engine.stats().preemptions == 1
    events += read(stream)
    assert [event.id for event in events if isinstance(event, Token)] == expected
    assert [event.index for event in events if isinstance(event, Token)] == list(range(60))
    assert_idle(engine)


def test_busy_user_does_not_keep_another_one_waiting(start_engine: StartEngine) -> None:
    engine = start_engine(max_running=2)
    alice = [replace(ask(f"a{n}", max_new_tokens=20), user="alice") for n in range(8)]
    streams = engine.submit_all(alice)
    bob = engine.submit(replace(ask("bob", max_new_tokens=20), user="bob"))
    read(bob)
    assert engine.stats().waiting + engine.stats().running >= 4
    for stream in streams:
        read(stream)


def test_sampling_params_without_generation_need_a_reason(start_engine: StartEngine) -> None:
    with pytest.raises(Exception, match="max_new_tokens"):
        start_engine().submit(GenerationRequest("a", PROMPT, SamplingParams(max_new_tokens=0)))
