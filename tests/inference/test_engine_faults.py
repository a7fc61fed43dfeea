"""What goes wrong inside: forward passes that raise, no memory, numbers that are not finite."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from inference import engine as engines
from inference import sampler
from inference.config import EngineConfig
from inference.engine import Engine
from inference.loader import LoadedModel
from inference.stream import Stream
from inference.types import (
    EngineError,
    ErrorCode,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    Priority,
    SamplingParams,
    Started,
    Token,
    Usage,
)
from tests.inference.asking import ask, assert_idle, ids, read
from tests.inference.conftest import StartEngine
from tests.inference.test_self_test import random_model
from tests.inference.tiny import build_tiny_tokenizer

OUT_OF_LUCK = RuntimeError("out of luck")
NO_MEMORY = (
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
)


class Forward:
    """Replaces the forward of a model: ``fault`` says for the number of a call what it raises."""

    def __init__(self, model: Any, fault: Callable[[int, int], Exception | None]) -> None:
        self.calls, self.forward, self.fault = 0, model.forward, fault
        model.forward = self

    def __call__(self, **inputs: Any) -> Any:
        self.calls += 1
        if fault := self.fault(self.calls, inputs["input_ids"].shape[1]):
            raise fault
        return self.forward(**inputs)


def broken(model: Any, after: int) -> Forward:
    return Forward(model, lambda call, size: OUT_OF_LUCK if call > after else None)


def test_forward_that_raises_fails_all_requests_soon(start_engine: StartEngine, tiny: LoadedModel) -> None:
    engine = start_engine(max_running=2)
    broken(tiny.model, after=3)
    streams = [engine.submit(ask(str(n), max_new_tokens=400)) for n in range(4)]
    began = time.monotonic()
    ends = [read(stream)[-1] for stream in streams]
    assert time.monotonic() - began < 2
    assert all(isinstance(end, Failed) and end.code is ErrorCode.ENGINE_FAILED for end in ends)
    stats = engine.stats()
    assert not stats.alive
    assert "out of luck" in stats.error
    with pytest.raises(EngineError, match="out of luck"):
        engine.submit(ask("late"))


def test_engine_is_rebuilt_on_the_same_model(start_engine: StartEngine, tiny: LoadedModel) -> None:
    first = start_engine()
    forward = broken(tiny.model, after=0)
    assert isinstance(read(first.submit(ask("a")))[-1], Failed)
    tiny.model.forward = forward.forward
    assert isinstance(read(start_engine().submit(ask("a")))[-1], Finished)


def test_numeric_fault_ends_one_request_only(start_engine: StartEngine, tiny: LoadedModel) -> None:
    engine = start_engine(max_running=2)
    good = ask("good", prompt=20)
    expected = read(engine.submit(good))
    with torch.no_grad():
        tiny.model.model.embed_tokens.weight[399] = float("nan")
    bad = GenerationRequest("bad", (399,) * 100, SamplingParams())
    streams = [engine.submit(bad), engine.submit(good)]
    failed, fine = [read(stream) for stream in streams]
    assert isinstance(failed[-1], Failed)
    assert failed[-1].code is ErrorCode.NUMERIC_FAULT
    assert ids(fine) == ids(expected)
    # The slots that held the faulty numbers are clean for the next owners.
    assert ids(read(engine.submit(good))) == ids(expected)
    assert_idle(engine)


def test_cancelled_faulty_prompt_leaves_a_clean_slot(start_engine: StartEngine, tiny: LoadedModel) -> None:
    engine = start_engine(max_running=1, idle_prefill_budget=2)
    expected = read(engine.submit(ask("good")))
    with torch.no_grad():
        tiny.model.model.embed_tokens.weight[399] = float("nan")
    stream = engine.submit(GenerationRequest("bad", (399,) * 500, SamplingParams(max_new_tokens=1)))
    while engine.stats().cache_tokens_used < 40:
        time.sleep(0.001)
    engine.cancel("bad")
    assert read(stream)[-1] == Finished("bad", FinishReason.CANCELLED, Usage(500, 0, 0))
    assert ids(read(engine.submit(ask("good")))) == ids(expected)


@pytest.mark.parametrize(
    "wish", [{"sampling": SamplingParams(max_new_tokens=1)}, {"next_token": True}, {"score_from": 290}]
)
@pytest.mark.parametrize("cancelled", [True, False])
def test_faulty_prompt_that_makes_room_leaves_a_clean_slot(
    tiny: LoadedModel, wish: dict[str, Any], cancelled: bool
) -> None:
    engine = Engine(
        tiny.model, tiny.tokenizer, EngineConfig(max_running=1, idle_prefill_budget=40, sharing="none")
    )
    good = ask("good")
    expected = ids(answers(engine, [good])[0])
    with torch.no_grad():
        tiny.model.model.embed_tokens.weight[399] = float("nan")
    bad = GenerationRequest("bad", (399,) * 300, SamplingParams(max_new_tokens=0), priority=Priority.BATCH)
    stream = engine.submit(replace(bad, **wish))
    engine.step()
    if cancelled:
        engine.cancel("bad")
    assert ids(answers(engine, [good])[0]) == expected
    assert isinstance(read(stream)[-1], Finished if cancelled else Failed)
    assert_idle(engine)


def test_forward_that_raises_once_is_tried_again(start_engine: StartEngine, tiny: LoadedModel) -> None:
    engine = start_engine()
    requests = [ask(str(n), prompt=40) for n in range(4)]
    expected = [ids(read(engine.submit(request))) for request in requests]
    Forward(tiny.model, lambda call, size: OUT_OF_LUCK if call % 5 == 2 else None)
    streams = engine.submit_all(requests)
    assert [ids(read(stream)) for stream in streams] == expected
    assert engine.stats().alive
    assert_idle(engine)


@pytest.mark.parametrize("fault", NO_MEMORY, ids=lambda fault: type(fault).__name__)
def test_without_memory_for_the_batch_a_smaller_one_is_run(
    start_engine: StartEngine, tiny: LoadedModel, fault: Exception
) -> None:
    engine = start_engine(sharing="none")
    requests = [ask(str(n), prompt=40, max_new_tokens=20) for n in range(8)]
    expected = [ids(read(engine.submit(request))) for request in requests]
    Forward(tiny.model, lambda call, size: fault if size > 100 or (call > 5 and size > 2) else None)
    streams = engine.submit_all(requests)
    answers = [ids(read(stream)) for stream in streams]
    assert [a for a, e in zip(answers, expected, strict=True) if a == e]
    assert engine.stats().preemptions > 0
    assert engine.stats().alive
    assert_idle(engine)


def test_request_that_alone_is_too_large_fails_by_itself(
    start_engine: StartEngine, tiny: LoadedModel
) -> None:
    engine = start_engine(sharing="none")
    Forward(tiny.model, lambda call, size: NO_MEMORY[0] if size > 100 else None)
    large, small = engine.submit_all([ask("large", prompt=200), ask("small", prompt=20)])
    end = read(large)[-1]
    assert isinstance(end, Failed)
    assert end.code is ErrorCode.OUT_OF_MEMORY
    assert isinstance(read(small)[-1], Finished)
    assert engine.stats().alive
    assert_idle(engine)


def test_waiting_request_is_not_blamed_for_another_that_is_too_large(tiny: LoadedModel) -> None:
    engine = Engine(tiny.model, tiny.tokenizer, EngineConfig(max_running=1, sharing="none"))
    patient = replace(ask("patient"), priority=Priority.BATCH)
    expected = ids(answers(engine, [patient])[0])
    Forward(tiny.model, lambda call, size: NO_MEMORY[0] if size > 100 else None)
    stream = engine.submit(patient)
    for _ in range(3):
        engine.step()
    large = engine.submit(ask("large", prompt=200))
    while engine.step():
        pass
    end = read(large)[-1]
    assert isinstance(end, Failed)
    assert end.code is ErrorCode.OUT_OF_MEMORY
    assert ids(read(stream)) == expected
    assert engine.stats().preemptions == 1
    assert_idle(engine)


def test_without_memory_for_all_logits_fewer_are_asked_for(
    tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(tiny.model, tiny.tokenizer, EngineConfig())
    requests = [ask(str(n), greedy=n % 2 == 0, seed=n) for n in range(8)]
    expected = [ids(events) for events in answers(engine, requests)]

    def sample(logits: torch.Tensor, rows: Any) -> Any:
        if len(logits) > 3:
            raise NO_MEMORY[0]
        return sampler.sample(logits, rows)

    monkeypatch.setattr(engines, "sample", sample)
    assert [ids(events) for events in answers(engine, requests)] == expected
    assert engine.stats().preemptions > 0
    assert_idle(engine)


def test_slow_path_begins_anew_without_memory() -> None:
    model = random_model("bloom", {"vocab_size": 400, "hidden_size": 64, "n_layer": 2, "n_head": 4})
    engine = Engine(model, build_tiny_tokenizer(), EngineConfig(max_running=4, window=100))
    assert engine.info.attention == "sequential"
    requests = [ask(str(n), prompt=5 + n) for n in range(6)]
    expected = [ids(events) for events in answers(engine, requests)]
    Forward(model, lambda call, size: NO_MEMORY[2] if call in (7, 8, 20, 41) else None)
    assert [ids(events) for events in answers(engine, requests)] == expected
    assert engine.stats().preemptions > 0
    assert_idle(engine)


def answers(engine: Engine, requests: list[GenerationRequest]) -> list[list[Any]]:
    """The events of each request, computed in this thread."""
    streams = engine.submit_all(requests)
    while engine.step():
        pass
    return [read(stream) for stream in streams]


def test_nobody_gets_what_a_faulty_request_computed(start_engine: StartEngine, tiny: LoadedModel) -> None:
    engine = start_engine()
    weights = tiny.model.model.embed_tokens.weight
    good = weights[399].clone()
    bad = GenerationRequest("bad", (399,) * 100, SamplingParams())
    with torch.no_grad():
        weights[399] = float("nan")
    assert isinstance(read(engine.submit(bad))[-1], Failed)
    assert engine.stats().prefix_tokens_held == 0
    with torch.no_grad():
        weights[399] = good
    assert isinstance(read(engine.submit(bad))[-1], Finished)
    assert_idle(engine)


def test_thousand_requests_of_all_kinds_leave_nothing_behind(start_engine: StartEngine) -> None:
    engine = start_engine(max_running=8, prefix_bytes=512 * 16 * 40)
    requests = [
        ask(str(n), prompt=1 + n % 50, max_new_tokens=1 + n % 4, greedy=n % 3 == 0) for n in range(1000)
    ]
    streams = [engine.submit(request) for request in requests]
    for stream in streams[::7]:
        engine.cancel(stream.request_id)
    assert all(isinstance(read(stream)[-1], Finished) for stream in streams)
    assert_idle(engine)


def test_storm_of_all_faults_and_wishes_leaves_nothing_behind(
    start_engine: StartEngine, tiny: LoadedModel
) -> None:
    engine = start_engine(max_running=6, prefix_bytes=512 * 16 * 30, prefill_budget=24)
    expected = ids(read(engine.submit(ask("0"))))
    with torch.no_grad():
        tiny.model.model.embed_tokens.weight[399] = float("nan")
    faults = {0: OUT_OF_LUCK, 5: NO_MEMORY[0], 10: NO_MEMORY[2]}
    storm = Forward(tiny.model, lambda call, size: faults.get(call % 23))
    requests = [mixed(n) for n in range(400)]
    streams = engine.submit_all(requests)
    wishes = threading.Thread(target=disturb, args=(engine, streams))
    wishes.start()
    events = [read(stream) for stream in streams]
    wishes.join()
    for seen in events:
        check_events(seen)
    ends = Counter(type(seen[-1]) for seen in events)
    assert ends[Finished] > 200
    assert ends[Failed] > 5
    tiny.model.forward = storm.forward
    assert ids(read(engine.submit(ask("0")))) == expected
    assert_idle(engine)


def mixed(number: int) -> GenerationRequest:
    """Prompts that share beginnings, texts that are only scored, some that are faulty, of three users."""
    request = ask(str(number % 20), prompt=2 + number % 70, max_new_tokens=number % 5, stop=("e",))
    own = (min(id, 398) for id in request.prompt_ids)
    prompt = (*range(3, 3 + number % 60), *own, *[399] * (number % 19 == 5))
    score_from = 1 if number % 5 == 0 or number % 7 == 0 else None
    return replace(
        request,
        request_id=f"storm-{number}",
        prompt_ids=prompt,
        score_from=score_from,
        next_token=number % 11 == 0,
        user=str(number % 3),
        priority=Priority.BATCH if number % 4 == 0 else Priority.INTERACTIVE,
    )


def disturb(engine: Engine, streams: list[Stream]) -> None:
    """Cancels at every stage, also what has ended, and prompts that are only being written."""
    chance = random.Random(0)
    for _ in range(500):
        engine.cancel(chance.choice(streams[::2]).request_id)
        engine.prefetch(range(3, 3 + chance.randrange(80)), user=str(chance.randrange(3)))
        engine.stats()


def check_events(events: list[Any]) -> None:
    """One start at most, tokens in order, one end, and every fault has its reason."""
    assert [isinstance(event, Finished | Failed) for event in events] == [False] * (len(events) - 1) + [True]
    assert [event for event in events if isinstance(event, Started)] == events[
        : isinstance(events[0], Started)
    ]
    written = [event.index for event in events if isinstance(event, Token)]
    assert written == list(range(len(written)))
    end = events[-1]
    if isinstance(end, Failed):
        assert end.code in (ErrorCode.NUMERIC_FAULT, ErrorCode.OUT_OF_MEMORY)
