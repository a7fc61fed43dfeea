"""The engine against plain transformers on the real default model in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GenerationConfig, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from inference.config import EngineConfig
from inference.engine import Engine
from inference.loader import LoadedModel, load_model
from inference.sampler import kept
from inference.stream import Stream
from inference.types import Finished, FinishReason, GenerationRequest, Priority, SamplingParams, Token

SHOTS = (
    "Review: I loved every minute of it.\nSentiment: positive\n\n"
    "Review: The plot made no sense and I left early.\nSentiment: negative\n\n"
)
TEXTS = (
    SHOTS * 4 + "Review: Great music, dull story, but I would watch it again.\nSentiment:",
    "<|im_start|>user\nName three rivers in Europe.<|im_end|>\n<|im_start|>assistant\n",
    "The capital of France is",
    "Größe, naïve, 東京 and 🙂 are",
    "1, 1, 2, 3, 5, 8,",
    SHOTS * 9 + "Review: Not my thing.\nSentiment:",
)
NEW = 20


@pytest.fixture(scope="module")
def model(default_model_folder: Path) -> Any:
    """The plain model: not the one the engine switches to its own attention."""
    return load_model(default_model_folder, dtype="float32", device="cpu").model


@pytest.fixture(scope="module")
def engine(default_model: LoadedModel) -> Iterator[Engine]:
    config = EngineConfig(max_running=4, prefill_budget=24, idle_prefill_budget=48)
    engine = Engine(default_model.model, default_model.tokenizer, config)
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def rebuilt(default_model: LoadedModel) -> Iterator[Callable[..., Engine]]:
    """Engines with other budgets on the same, already accelerated model."""
    engines = []

    def build(**settings: Any) -> Engine:
        engine = Engine(default_model.model, default_model.tokenizer, EngineConfig(**settings))
        engine.start()
        engines.append(engine)
        return engine

    yield build
    for engine in engines:
        engine.stop()


@pytest.fixture(scope="module")
def prompts(default_model: LoadedModel) -> list[tuple[int, ...]]:
    encode = default_model.tokenizer.encode
    return [tuple(encode(text, add_special_tokens=False).ids) for text in TEXTS]


@pytest.fixture(scope="module")
def expected(model: Any, prompts: list[tuple[int, ...]]) -> list[list[int]]:
    return generated(model, prompts)


def generated(model: Any, prompts: list[tuple[int, ...]], new: int = NEW) -> list[list[int]]:
    """Greedy answers of ``generate``, one prompt at a time, the end token included."""
    settings = GenerationConfig(max_new_tokens=new, do_sample=False, eos_token_id=2, pad_token_id=2)
    outputs = [model.generate(torch.tensor([ids]), generation_config=settings)[0].tolist() for ids in prompts]
    return [output[len(ids) :] for output, ids in zip(outputs, prompts, strict=True)]


@pytest.fixture(scope="module")
def family(model: Any, default_model: LoadedModel) -> tuple[list[tuple[int, ...]], list[list[int]]]:
    """Sixteen prompts with the same examples, and their greedy answers by ``generate``."""
    words = ("film", "meal", "hotel", "song", "game", "book", "train", "talk")
    ends = [f"Review: The {words[n % 8]} was {'not ' * (n // 8)}good.\nSentiment:" for n in range(16)]
    encode = default_model.tokenizer.encode
    prompts = [tuple(encode(SHOTS * 3 + end, add_special_tokens=False).ids) for end in ends]
    return prompts, generated(model, prompts, new=10)


def requests(prompts: list[tuple[int, ...]], **sampling: Any) -> list[GenerationRequest]:
    params = SamplingParams(max_new_tokens=NEW, **sampling)
    return [GenerationRequest(str(n), ids, replace(params, seed=n)) for n, ids in enumerate(prompts)]


def answer(stream: Stream) -> list[int]:
    """Token ids, with the end token that the stream does not send."""
    events = list(stream)
    end = events[-1]
    assert isinstance(end, Finished)
    return [e.id for e in events if isinstance(e, Token)] + [2] * (end.reason is FinishReason.STOP)


def test_greedy_equals_generate_alone(
    engine: Engine, prompts: list[tuple[int, ...]], expected: list[list[int]]
) -> None:
    assert [answer(engine.submit(request)) for request in requests(prompts)] == expected


def test_greedy_equals_generate_in_a_batch(
    engine: Engine, prompts: list[tuple[int, ...]], expected: list[list[int]]
) -> None:
    streams = [engine.submit(request) for request in requests(prompts)]
    assert [answer(stream) for stream in streams] == expected


def test_greedy_equals_generate_with_staggered_arrivals(
    engine: Engine, prompts: list[tuple[int, ...]], expected: list[list[int]]
) -> None:
    streams = []
    for request in reversed(requests(prompts)):
        streams.append(engine.submit(request))
        streams[-1].get(timeout=30)  # has started: the next one meets it in mid-answer
    assert [answer(stream) for stream in reversed(streams)] == expected


def test_engine_of_the_default_model_takes_the_fast_path(engine: Engine) -> None:
    assert (engine.info.attention, engine.info.note) == ("flat", "")
    if torch.backends.quantized.engine in ("x86", "fbgemm"):
        assert engine.info.modules["linear, joint"] == 30 * 3
        assert engine.info.modules["linear, 16-bit weights"] == 30 * 4 + 1
    assert engine.info.self_test_error < 1e-4


def test_greedy_equals_generate_after_a_prefix_hit(
    engine: Engine, prompts: list[tuple[int, ...]], expected: list[list[int]]
) -> None:
    for request in requests(prompts):  # whatever is cached by now is found again
        answer(engine.submit(request))
    usages = []
    for request, wanted in zip(requests(prompts), expected, strict=True):
        events = list(engine.submit(request))
        assert [event.id for event in events if isinstance(event, Token)] == [i for i in wanted if i != 2]
        usages.append(events[-1].usage)  # type: ignore[union-attr]
    assert all(u.cached_tokens == ((u.prompt_tokens or 0) - 1) // 16 * 16 for u in usages)


@pytest.mark.parametrize("size", [2, 8, 16])
def test_greedy_equals_generate_in_batches_that_share_a_prefix(
    rebuilt: Callable[..., Engine], family: tuple[list[tuple[int, ...]], list[list[int]]], size: int
) -> None:
    prompts, wanted = family
    engine = rebuilt(share_from=64, prefill_budget=24)
    asked = [replace(r, sampling=replace(r.sampling, max_new_tokens=10)) for r in requests(prompts[:size])]
    streams = engine.submit_all(asked)
    assert [answer(stream) for stream in streams] == wanted[:size]
    assert engine.stats().tokens_reused > (size - 1) * 64


def test_greedy_equals_generate_after_preemption(
    rebuilt: Callable[..., Engine], prompts: list[tuple[int, ...]], expected: list[list[int]]
) -> None:
    engine = rebuilt(max_running=2)
    batch = [replace(request, priority=Priority.BATCH) for request in requests(prompts)]
    streams = engine.submit_all(batch)
    streams[0].get(timeout=60)
    streams[0].get(timeout=60)
    urgent = engine.submit_all(
        [replace(r, request_id=f"urgent {r.request_id}") for r in requests(prompts)[1:4]]
    )
    assert [answer(stream) for stream in urgent] == expected[1:4]
    assert [answer(stream) for stream in streams[1:]] == expected[1:]
    assert engine.stats().preemptions > 0


def test_sampled_tokens_are_the_same_alone_in_a_batch_and_after_preemption(
    rebuilt: Callable[..., Engine], prompts: list[tuple[int, ...]]
) -> None:
    engine = rebuilt(max_running=2)
    sampled = requests(prompts[1:5], greedy=False, temperature=0.9, top_k=50, top_p=0.95)
    alone = [answer(engine.submit(request)) for request in sampled]
    streams = engine.submit_all([replace(request, priority=Priority.BATCH) for request in sampled])
    first = [streams[0].get(timeout=60) for _ in range(4)]
    answer(engine.submit(replace(sampled[0], request_id="urgent", prompt_ids=prompts[0])))
    rest = list(streams[0])
    ids = [event.id for event in first + rest if isinstance(event, Token)]
    assert ids == [token for token in alone[0] if token != 2]
    assert [answer(stream) for stream in streams[1:]] == alone[1:]


def test_scores_are_those_of_the_plain_model(
    engine: Engine, model: Any, prompts: list[tuple[int, ...]], default_model: LoadedModel
) -> None:
    encode = default_model.tokenizer.encode
    labels = [
        tuple(encode(text, add_special_tokens=False).ids)
        for text in (" positive", " negative", " mixed, both")
    ]
    scored = engine.score(prompts[0], labels)
    for label, events in zip(labels, scored, strict=True):
        with torch.inference_mode():
            logits = model(torch.tensor([[*prompts[0], *label]])).logits[0].log_softmax(-1)
        rows = logits[len(prompts[0]) - 1 : -1]
        plain = [float(row[id]) for row, id in zip(rows, label, strict=True)]
        assert [event.logprob for event in events] == pytest.approx(plain, abs=1e-3)


def test_next_token_logits_are_those_of_the_plain_model(
    engine: Engine, model: Any, prompts: list[tuple[int, ...]]
) -> None:
    with torch.inference_mode():
        plain = model(torch.tensor([prompts[0]])).logits[0, -1]
    logits = torch.frombuffer(bytearray(engine.next_token(prompts[0])), dtype=torch.float16)
    assert torch.allclose(logits.float(), plain - plain.max(), atol=2e-2)


def test_seed_gives_the_same_tokens_in_a_batch(engine: Engine, prompts: list[tuple[int, ...]]) -> None:
    sampled = requests(prompts[1:5], greedy=False, temperature=0.9, top_k=50, top_p=0.95)
    alone = [answer(engine.submit(request)) for request in sampled]
    streams = [engine.submit(request) for request in sampled]
    assert [answer(stream) for stream in streams] == alone


def test_sampling_distribution_is_that_of_transformers(model: Any, prompts: list[tuple[int, ...]]) -> None:
    params = SamplingParams(greedy=False, temperature=0.7, top_k=40, top_p=0.9)
    with torch.inference_mode():
        logits = model(torch.tensor([prompts[2]])).logits[:, -1]
    scores = TemperatureLogitsWarper(0.7)(None, logits)
    scores = TopPLogitsWarper(0.9)(None, TopKLogitsWarper(40)(None, scores))
    ids, probabilities = kept(logits[0], params)
    wanted = scores.double().softmax(-1)[0]
    assert set(ids.tolist()) == set(wanted.nonzero()[:, 0].tolist())
    assert torch.allclose(probabilities, wanted[ids], rtol=1e-5)


def test_log_probabilities_are_those_of_the_plain_model(
    engine: Engine, model: Any, prompts: list[tuple[int, ...]]
) -> None:
    tokens = [e for e in engine.submit(requests(prompts, ignore_eos=True)[0]) if isinstance(e, Token)]
    ids = [*prompts[0], *(token.id for token in tokens)]
    with torch.inference_mode():
        logprobs = model(torch.tensor([ids])).logits[0].log_softmax(-1)[len(prompts[0]) - 1 : -1]
    plain = [float(row[token.id]) for row, token in zip(logprobs, tokens, strict=True)]
    assert [token.logprob for token in tokens] == pytest.approx(plain, abs=1e-3)


def test_eight_requests_share_their_steps(default_model: LoadedModel, prompts: list[tuple[int, ...]]) -> None:
    engine = Engine(default_model.model, default_model.tokenizer)
    asked = [GenerationRequest(str(n), prompts[2], SamplingParams(NEW, ignore_eos=True)) for n in range(8)]
    streams = [engine.submit(request) for request in asked]
    while engine.step():
        pass
    assert [len(answer(stream)) for stream in streams] == [NEW] * 8
    ratio = 8 * NEW / engine.stats().progress
    print(f"tokens for each forward pass: {ratio:.1f}")
    assert ratio > 1.5
