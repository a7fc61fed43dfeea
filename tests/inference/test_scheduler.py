"""What the scheduler promises: examples of each behaviour. Random crowds are in test_scheduler_crowds."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock, call

import pytest

from inference.scheduler import Batch, Copy
from inference.sequence import Phase
from inference.types import Priority, Usage
from tests.inference.crowd import Crowd, Shape, Text, alone, request

P = Priority


def ids(count: int, first: int = 1) -> Text:
    """A text that shares nothing with one of another ``first``."""
    return tuple(range(first * 100, first * 100 + count))


def crowd(**fields: Any) -> Crowd:
    return Crowd(Shape(**fields).scheduler())


def stretches(batch: Batch) -> list[tuple[str, int, int]]:
    return [(piece.request_id, piece.start, piece.stop) for piece in batch.pieces]


def row_names(batch: Batch) -> list[str]:
    return [piece.request_id for piece in batch.rows]


# Chunks and budgets


def test_long_prompt_is_chunked_and_sampled_only_at_its_end() -> None:
    target = crowd(idle_budget=24)
    target.add(request("a", ids(40)))
    first, second = target.step(), target.step()
    assert stretches(first) == [("a", 0, 24)]
    assert stretches(second) == [("a", 24, 40)]
    assert [piece.wanted for piece in (*first.pieces, *second.pieces)] == [0, 1]


def test_without_chunks_a_prompt_is_computed_whole_whatever_the_budget() -> None:
    target = crowd(chunks=False, idle_budget=8)
    target.add(request("a", ids(20)), request("b", ids(20, 2)))
    assert stretches(target.step()) == [("a", 0, 20)]
    assert stretches(target.step()) == [("b", 0, 20)]


def test_prompt_tokens_beside_streaming_answers_stay_within_the_budget() -> None:
    target = crowd(budget=8)
    target.add(request("a", ids(4)))
    target.step()
    target.add(request("b", ids(12, 2)), request("c", ids(30, 3)))
    assert [stretches(target.step()) for _ in range(2)] == [[("b", 0, 8)], [("b", 8, 12), ("c", 0, 4)]]


def test_streaming_answers_are_in_every_step() -> None:
    target = crowd(budget=1)
    target.add(request("a", ids(4), 9), request("b", ids(4, 2), 9))
    target.step()
    target.add(request("c", ids(30, 3)))
    steps = [target.step() for _ in range(5)]
    assert [row_names(batch) for batch in steps] == [["a", "b"]] * 5
    assert [piece for batch in steps for piece in stretches(batch)] == [("c", n, n + 1) for n in range(5)]


def test_answer_is_fresh_up_to_its_third_token(monkeypatch: pytest.MonkeyPatch) -> None:
    target = crowd()
    budget = Mock(return_value=1)
    monkeypatch.setattr(target.scheduler._pace, "budget", budget)
    target.add(request("a", ids(4), 9))
    target.step()
    target.add(request("b", ids(12, 2)))
    for _ in range(5):
        target.step()
    assert budget.call_args_list == [call(1, 2, fresh=True)] * 3 + [call(1, 2, fresh=False)] * 2


# Who comes first


def test_first_come_first_served_when_slots_are_short() -> None:
    target = crowd(slots=3)
    target.add(*(request(name, ids(2, n)) for n, name in enumerate("abcde", 1)))
    assert {name for name, *_ in stretches(target.step())} == {"a", "b", "c"}
    target.scheduler.end(target.sequences["b"])
    assert {piece.request_id for piece in target.step().all} == {"a", "c", "d"}
    assert target.scheduler.waiting == 1


def test_user_with_less_running_goes_first() -> None:
    target = crowd(slots=3)
    target.add(*(request(name, ids(2, n), user="ann") for n, name in enumerate("abcd", 1)))
    target.add(request("x", ids(2, 8), user="bob"))
    target.step()
    assert [s.id for s in target.running()] == ["a", "b", "x"]


def test_interactive_request_takes_the_place_of_the_youngest_batch_request() -> None:
    target = crowd(slots=2)
    target.add(*(request(name, ids(6, n), priority=P.BATCH) for n, name in enumerate("ab", 1)))
    target.step()
    target.add(request("now", ids(6, 3)))
    target.step()
    assert [s.id for s in target.running()] == ["a", "now"]
    assert target.scheduler.preemptions == 1


def test_equal_priority_takes_nobody_s_place() -> None:
    target = crowd(slots=1)
    target.add(request("a", ids(6), 2, priority=P.BATCH), request("b", ids(6, 2), priority=P.BATCH))
    target.step()
    assert [s.id for s in target.running()] == ["a"]


def test_prompt_somebody_waits_for_is_computed_before_an_older_batch_prompt() -> None:
    target = crowd(idle_budget=10)
    target.add(request("batch", ids(30), priority=P.BATCH))
    target.step()
    target.add(request("now", ids(12, 2)))
    assert [stretches(target.step()) for _ in range(2)] == [
        [("now", 0, 10)],
        [("now", 10, 12), ("batch", 10, 18)],
    ]


def test_preempted_request_writes_the_same_tokens_and_computes_only_what_is_not_held() -> None:
    target = crowd()
    target.add(request("a", ids(10), 9))
    for _ in range(5):
        target.step()
    sequence = target.sequences["a"]
    known = sequence.known
    target.scheduler.preempt(sequence)
    assert (sequence.phase, sequence.known, sequence.slot) == (Phase.WAITING, known, None)
    assert stretches(target.step()) == [("a", 8, known)]  # two blocks of four prompt tokens are held
    target.drain()
    assert target.text("a") == alone(sequence.request)
    assert target.delivered["a"] == list(range(9, 18))


def test_waiting_request_can_be_ended() -> None:
    target = crowd(slots=1)
    target.add(request("a", ids(2)), request("b", ids(2, 2)))
    target.step()
    target.scheduler.end(target.sequences["b"])
    assert (target.scheduler.waiting, target.scheduler.running) == (0, 1)
    target.scheduler.check_integrity()


# Sharing


def test_two_requests_that_begin_alike_compute_it_once_in_one_step() -> None:
    target = crowd()
    target.add(request("a", (*ids(8), 7, 7)), request("b", (*ids(8), 8, 8)))
    assert stretches(target.step()) == [("a", 0, 10), ("b", 8, 10)]
    assert target.sequences["b"].usage() == Usage(10, 8, 1)
    assert target.scheduler.tokens_reused == 8


def test_younger_one_waits_for_chunks_of_the_older_one() -> None:
    target = crowd(idle_budget=6)
    target.add(request("a", (*ids(8), 7, 7)), request("b", (*ids(8), 8, 8)))
    steps = [stretches(target.step()) for _ in range(2)]
    assert steps == [[("a", 0, 6)], [("a", 6, 10), ("b", 8, 10)]]


def test_one_that_parts_early_does_not_wait_for_the_rest() -> None:
    target = crowd(idle_budget=20)
    target.add(request("a", ids(30)), request("b", (*ids(4), 8, 8)))
    target.step()
    assert stretches(target.step())[1] == ("b", 4, 6)
    target = crowd(idle_budget=24)
    target.add(request("a", ids(18)), request("b", (*ids(8), 8, 8)))
    assert stretches(target.step()) == [("a", 0, 18), ("b", 8, 10)]


@pytest.mark.parametrize("move", ["end", "fault", "preempt"])
def test_younger_one_takes_over_where_the_older_one_stopped(move: str) -> None:
    target = crowd(idle_budget=6, slots=2)
    target.add(request("a", (*ids(8), 7, 7)), request("b", (*ids(8), 8, 8)))
    target.step()
    older = target.sequences["a"]
    if move == "preempt":
        target.scheduler.preempt(older)
    else:
        target.scheduler.end(older, faulty=move == "fault")
    assert stretches(target.step())[0] == ("b", 4, 10)  # the half block is begun anew
    target.drain()
    assert target.text("b") == alone(target.sequences["b"].request)


def test_one_who_is_overtaken_within_a_block_goes_on_behind_it() -> None:
    target = crowd(idle_budget=6)
    target.add(request("batch", ids(20), priority=P.BATCH))
    target.step()
    target.add(request("now", (*ids(8), 7)))
    assert [stretches(target.step()) for _ in range(2)] == [
        [("now", 4, 9), ("batch", 8, 9)],
        [("batch", 9, 17)],
    ]


def test_prompt_computed_before_is_found_again() -> None:
    target = crowd()
    target.add(request("a", ids(10)))
    target.drain()
    target.add(request("b", ids(10)))
    assert stretches(target.step()) == [("b", 8, 10)]
    target.drain()
    assert target.sequences["b"].usage() == Usage(10, 8, 4)


def test_secrets_keep_users_apart() -> None:
    target = crowd(by_user=True)
    target.add(request("a", ids(10), user="ann"), request("b", ids(10), user="bob"))
    assert stretches(target.step()) == [("a", 0, 10), ("b", 0, 10)]


def test_nobody_finds_what_a_fault_left_behind() -> None:
    target = crowd()
    target.add(request("a", ids(10)))
    target.step()
    target.scheduler.end(target.sequences["a"], faulty=True)
    target.add(request("b", ids(10)))
    assert stretches(target.step()) == [("b", 0, 10)]


def test_prompt_too_long_for_the_pool_goes_on_in_its_slot() -> None:
    target = crowd(blocks=2)
    target.add(request("a", ids(20)))
    piece = target.step().pieces[0]
    assert (piece.blocks, piece.slot, piece.base) == ((0, 1), 0, 0)


# Pool or slot


def test_alone_everything_is_copied_to_the_slot_once() -> None:
    target = crowd(share_from=8)
    target.add(request("a", ids(10), 5))
    first, second, third = (target.step() for _ in range(3))
    assert (first.pieces[0].base, first.pieces[0].prefix) == (0, 0)
    assert second.copies == (Copy("a", 0, (0, 1)),)
    assert (second.rows[0].prefix, third.copies) == (0, ())


@pytest.mark.parametrize(("share_from", "base"), [(0, 8), (8, 8), (9, 0)])
def test_level_is_read_from_the_pool_where_sharing_pays(share_from: int, base: int) -> None:
    target = crowd(share_from=share_from)
    target.add(request("a", (*ids(8), 7, 7)), request("b", (*ids(8), 8, 8)))
    pieces = target.step().pieces
    rows = target.step().rows
    assert {piece.base for piece in (*pieces, *rows)} == {base}
    assert {row.prefix for row in rows} == {base}


def test_long_text_gets_the_last_slot_and_short_ones_the_first() -> None:
    target = crowd(slot_tokens=400, blocks=0, idle_budget=1000)
    target.add(request("a", ids(300)), request("b", ids(20, 9)), request("c", ids(20, 10)))
    assert [(piece.request_id, piece.slot) for piece in target.step().pieces] == [
        ("a", 3),
        ("b", 0),
        ("c", 1),
    ]


# Prompts nobody asked for yet


def test_prefetch_waits_until_there_is_nothing_else() -> None:
    target = crowd()
    target.add(request("soon", ids(8), 0, priority=P.PREFETCH), request("a", ids(6, 2), 2))
    assert [{piece.request_id for piece in target.step().all} for _ in range(3)] == [{"a"}, {"a"}, {"soon"}]
    target.add(request("now", (*ids(8), 7)))
    assert target.step().all[0].start == 8


def test_prefetch_that_another_one_has_computed_ends() -> None:
    target = crowd()
    target.add(*(request(name, ids(8), 0, priority=P.PREFETCH) for name in "ab"))
    assert stretches(target.step()) == [("a", 0, 8)]
    assert target.alive() == []


def test_prefetch_makes_room() -> None:
    target = crowd(slots=1)
    target.add(request("soon", ids(40), 0, priority=P.PREFETCH))
    target.step()
    target.add(request("a", ids(6, 2), priority=P.BATCH))
    target.step()
    assert [s.id for s in target.running()] == ["a"]
    target.drain()


# Scores


def test_scored_prompt_gives_logits_from_the_token_before_on() -> None:
    target = crowd(idle_budget=10)
    target.add(request("a", ids(14), 0, score_from=9), request("b", ids(14), 0, score_from=0))
    target.drain()
    assert target.delivered == {"a": list(range(8, 13)), "b": list(range(13))}


def test_distribution_behind_the_prompt_and_nothing_else() -> None:
    target = crowd()
    target.add(request("a", ids(14), 0, next_token=True), request("b", ids(14), 0, next_token=True))
    target.drain()
    assert target.delivered == {"a": [13], "b": [13]}


def test_scores_are_delivered_once_whatever_happens() -> None:
    target = crowd(idle_budget=5)
    target.add(request("a", ids(14), 3, score_from=2))
    for _ in range(4):
        target.step()
        target.scheduler.preempt(target.sequences["a"])
    target.drain()
    assert target.delivered["a"] == list(range(1, 16))


# Lack of memory


def test_shrinking_halves_and_every_end_gives_a_place_back() -> None:
    target = crowd(slots=4)
    target.add(*(request(name, ids(4, n), 30) for n, name in enumerate("abcdef", 1)))
    target.step()
    assert [s.id for s in target.scheduler.shrink()] == ["c", "d"]
    target.step()
    assert [s.id for s in target.running()] == ["a", "b"]
    for name, running in [("a", 3), ("b", 4), ("c", 3)]:
        target.scheduler.end(target.sequences[name])
        target.step()
        assert len(target.running()) == running


def test_shrinking_leaves_one() -> None:
    target = crowd()
    target.add(request("a", ids(4)))
    target.step()
    assert target.scheduler.shrink() == []
    target.step()
    assert [s.id for s in target.running()] == ["a"]
