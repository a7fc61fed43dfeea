"""The engine against plain transformers on the real default model in float32."""

from __future__ import annotations

from collections.abc import Iterator
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
from inference.types import Finished, FinishReason, GenerationRequest, SamplingParams, Token

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


@pytest.fixture(scope="module")
def prompts(default_model: LoadedModel) -> list[tuple[int, ...]]:
    encode = default_model.tokenizer.encode
    return [tuple(encode(text, add_special_tokens=False).ids) for text in TEXTS]


@pytest.fixture(scope="module")
def expected(model: Any, prompts: list[tuple[int, ...]]) -> list[list[int]]:
    """Greedy answers of ``generate``, the end token included."""
    settings = GenerationConfig(max_new_tokens=NEW, do_sample=False, eos_token_id=2, pad_token_id=2)
    outputs = [model.generate(torch.tensor([ids]), generation_config=settings)[0].tolist() for ids in prompts]
    return [output[len(ids) :] for output, ids in zip(outputs, prompts, strict=True)]


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
