from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from inference.config import EngineConfig
from inference.engine import Engine
from inference.loader import LoadedModel, load_model
from inference.types import (
    EngineError,
    ErrorCode,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    Started,
    TokenEvent,
    Usage,
)
from tests.inference.asking import LONG, ask, assert_idle, read, text, tokens
from tests.inference.conftest import StartEngine


def test_events_of_a_request(start_engine: StartEngine) -> None:
    engine = start_engine()
    events = read(engine.submit(ask("a", alternatives=3)))
    assert events[0] == Started("a", 8, 0)
    assert events[-1] == Finished("a", FinishReason.LENGTH, Usage(8, 0, 12))
    assert [token.index for token in tokens(events)] == list(range(12))
    assert all((token.rank, token.top[0].id, len(token.top)) == (1, token.id, 3) for token in tokens(events))
    assert_idle(engine)


def test_requests_that_come_one_after_the_other_share_the_first_step(
    start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = start_engine()
    run = Mock(wraps=engine._runner.run)
    monkeypatch.setattr(engine._runner, "run", run)
    later, streams = ["b", "c", "d"], []

    def pause(seconds: float) -> None:
        if later:
            streams.append(engine.submit(ask(later.pop(0))))

    monkeypatch.setattr(time, "sleep", pause)
    read(engine.submit(ask("a")))
    assert {piece.request_id for piece in run.call_args_list[0].args[0].all} == {"a", "b", "c", "d"}
    for stream in streams:
        read(stream)


def test_text_is_the_decoded_answer(start_engine: StartEngine, tiny: LoadedModel) -> None:
    events = read(start_engine().submit(ask("a", max_new_tokens=60)))
    assert text(events) == tiny.tokenizer.decode([token.id for token in tokens(events)])


def test_end_token_ends_the_answer_and_is_counted_but_not_sent(start_engine: StartEngine) -> None:
    engine = start_engine()
    expected = tokens(read(engine.submit(ask("a"))))
    engine._eos_ids = frozenset([expected[4].id])
    first = [token.id for token in expected].index(expected[4].id)
    events = read(engine.submit(ask("a", ignore_eos=False)))
    assert [token.id for token in tokens(events)] == [token.id for token in expected[:first]]
    ending = replace(expected[first], text="")
    assert events[-1] == Finished("a", FinishReason.STOP, Usage(8, 0, first + 1), ending)


def test_stop_string_ends_the_answer(start_engine: StartEngine) -> None:
    engine = start_engine()
    whole = text(read(engine.submit(ask("a", max_new_tokens=40))))
    stop = whole[10:13]
    events = read(engine.submit(ask("a", max_new_tokens=40, stop=(stop,))))
    assert text(events) == whole[: whole.index(stop)]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is FinishReason.STOP_STRING


def test_request_is_the_same_alone_and_in_a_crowd(start_engine: StartEngine) -> None:
    engine = start_engine(max_running=4, prefill_budget=5, idle_prefill_budget=16)
    requests = [ask(str(n), prompt=3 + 7 * n, greedy=n % 2 == 0, temperature=0.8, seed=n) for n in range(9)]
    alone = [[t.id for t in tokens(read(engine.submit(request)))] for request in requests]
    streams = [engine.submit(request) for request in requests]
    assert [[t.id for t in tokens(read(stream))] for stream in streams] == alone
    assert_idle(engine)


def test_batch_takes_the_steps_of_one_request(
    start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = start_engine()
    gate = threading.Event()
    run = engine._runner.run
    monkeypatch.setattr(engine._runner, "run", lambda batch: (gate.wait(LONG), run(batch))[1])
    streams = [engine.submit(ask(str(n))) for n in range(8)]
    gate.set()
    for stream in streams:
        read(stream)
    assert engine.stats().progress <= 14


def test_cancel_keeps_what_was_written(start_engine: StartEngine) -> None:
    engine = start_engine()
    stream = engine.submit(ask("a", max_new_tokens=400))
    events = [stream.get(LONG) for _ in range(5)]
    engine.cancel("a")
    events += read(stream)
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is FinishReason.CANCELLED
    assert 4 <= events[-1].usage.completion_tokens < 400
    assert_idle(engine)


def test_cancel_of_a_waiting_request(start_engine: StartEngine) -> None:
    engine = start_engine(max_running=1)
    first = engine.submit(ask("a", max_new_tokens=400))
    waiting = engine.submit(ask("b"))
    engine.cancel("b")
    assert read(waiting) == [Finished("b", FinishReason.CANCELLED, Usage(8, 0, 0))]
    engine.cancel("a")
    read(first)
    assert_idle(engine)


def test_cancel_of_an_unknown_or_ended_request_is_ignored(start_engine: StartEngine) -> None:
    engine = start_engine()
    read(engine.submit(ask("a")))
    engine.cancel("a")
    engine.cancel("nobody")
    assert tokens(read(engine.submit(ask("a"))))


def test_cancel_in_a_race_with_the_end_five_hundred_times(start_engine: StartEngine) -> None:
    engine = start_engine(max_running=4)
    for round_number in range(100):
        streams = [engine.submit(ask(f"{round_number}-{n}", max_new_tokens=1 + n % 3)) for n in range(8)]
        for stream in random.Random(round_number).sample(streams, 5):
            engine.cancel(stream.request_id)
        assert all(isinstance(read(stream)[-1], Finished) for stream in streams)
    assert_idle(engine)


def test_refusals_leave_nothing_behind(start_engine: StartEngine) -> None:
    engine = start_engine()
    for bad, code in [
        (ask("a", prompt=510), ErrorCode.CONTEXT_OVERFLOW),
        (GenerationRequest("b", ()), ErrorCode.INVALID_REQUEST),
        (GenerationRequest("c", (400,)), ErrorCode.INVALID_REQUEST),
    ]:
        with pytest.raises(EngineError) as caught:
            engine.submit(bad)
        assert caught.value.code is code
    assert_idle(engine)


def test_cache_limit_is_refused_with_numbers(start_engine: StartEngine) -> None:
    engine = start_engine(max_running=4, cache_bytes=4 * 512 * 100)
    assert engine.info.slot_tokens == 100
    read(engine.submit(ask("fits", prompt=88)))
    with pytest.raises(EngineError, match=r"101.*100") as caught:
        engine.submit(ask("b", prompt=89))
    assert caught.value.code is ErrorCode.CACHE_OVERFLOW


def test_full_engine_says_busy(start_engine: StartEngine) -> None:
    engine = start_engine(max_running=1, max_waiting=1)
    streams = [engine.submit(ask(name, max_new_tokens=400)) for name in "ab"]
    with pytest.raises(EngineError) as caught:
        engine.submit(ask("c"))
    assert caught.value.code is ErrorCode.ENGINE_BUSY
    for stream in streams:
        engine.cancel(stream.request_id)
        read(stream)


def test_name_in_use_is_refused(start_engine: StartEngine) -> None:
    engine = start_engine()
    stream = engine.submit(ask("a", max_new_tokens=400))
    with pytest.raises(EngineError, match="already running"):
        engine.submit(ask("a"))
    engine.cancel("a")
    read(stream)


def test_fault_in_the_text_of_one_request_spares_the_others(
    start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = start_engine()
    stream = engine.submit(ask("bad", max_new_tokens=400))
    stream.get(LONG)
    good = engine.submit(ask("good"))
    answer = engine._answers["bad"]
    monkeypatch.setattr(answer, "add", lambda draw: 1 / 0)
    end = read(stream)[-1]
    assert isinstance(end, Failed)
    assert end.code is ErrorCode.ENGINE_FAILED
    assert isinstance(read(good)[-1], Finished)
    assert engine.stats().alive


def test_stop_lets_open_requests_finish(start_engine: StartEngine) -> None:
    engine = start_engine()
    stream = engine.submit(ask("a"))
    engine.stop(drain_seconds=LONG)
    assert isinstance(read(stream)[-1], Finished)
    with pytest.raises(EngineError):
        engine.submit(ask("b"))
    assert not engine.stats().alive


def test_stop_without_drain_fails_open_requests(start_engine: StartEngine) -> None:
    engine = start_engine()
    stream = engine.submit(ask("a", max_new_tokens=400))
    engine.stop()
    end = read(stream)[-1]
    assert isinstance(end, Failed)
    assert end.code is ErrorCode.ENGINE_FAILED


def test_stop_returns_although_the_forward_hangs(
    start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = start_engine()
    gate = threading.Event()
    monkeypatch.setattr(engine._runner, "run", lambda batch: gate.wait(LONG))
    stream = engine.submit(ask("a"))
    began = time.monotonic()
    engine.stop()
    assert time.monotonic() - began < 2
    assert isinstance(read(stream)[-1], Failed)
    gate.set()


def test_two_engines_in_one_process_do_not_disturb_each_other(
    start_engine: StartEngine, tiny_folder: Path
) -> None:
    other = load_model(tiny_folder, dtype="float32", device="cpu")
    engines = [start_engine(), Engine(other.model, other.tokenizer, EngineConfig(max_running=2))]
    engines[1].start()
    streams = [engine.submit(ask(str(n), max_new_tokens=40)) for n in range(4) for engine in engines]
    answers = [[t.id for t in tokens(read(stream))] for stream in streams]
    engines[1].stop()
    assert answers[0::2] == answers[1::2]


def test_threads_may_submit_together(start_engine: StartEngine) -> None:
    engine = start_engine(max_running=4)
    ends: list[TokenEvent] = []

    def client(number: int) -> None:
        for turn in range(5):
            ends.append(read(engine.submit(ask(f"{number}-{turn}", max_new_tokens=3)))[-1])

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert len(ends) == 40
    assert all(isinstance(end, Finished) for end in ends)
    assert_idle(engine)


def test_info_has_what_a_receipt_needs(start_engine: StartEngine) -> None:
    info = start_engine(max_running=3, window=300).info
    assert (info.dtype, info.device, info.attention, info.note) == ("float32", "cpu", "flat", "")
    assert (info.window, info.slot_tokens, info.capacity, info.vocabulary) == (300, 300, 3, 400)
    assert info.versions["torch"] == torch.__version__


@pytest.mark.parametrize("settings", [{"max_running": 0}, {"cache_bytes": 0}, {"threads": -1}])
def test_senseless_configuration_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        EngineConfig(**settings)
