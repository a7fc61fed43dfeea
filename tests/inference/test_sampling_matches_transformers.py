"""Sampling against the logits processors of transformers: exact on logits, and over 20,000 draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from inference.processors import _cut_classes, _cut_sorted, alter, kept
from inference.sampler import Row, sample
from inference.types import SamplingParams

DRAWS = 20_000
NO_IDS = torch.empty(1, 0, dtype=torch.int64)

# Halves and quarters are exact in any order of addition, so ties stay ties.
quarters = st.integers(-8, 8).map(lambda n: n / 4)


def penalised(scores: Tensor, s: SamplingParams, prompt: tuple[int, ...], answer: tuple[int, ...]) -> Tensor:
    """Logits [1, vocabulary] after penalties and bias, by transformers where it has them."""
    if prompt + answer:
        repetition = RepetitionPenaltyLogitsProcessor(s.repetition_penalty)
        scores = repetition(torch.tensor([prompt + answer]), scores)
    for id, count in Counter(answer).items():
        scores = scores.clone()
        scores[0, id] -= s.presence_penalty + count * s.frequency_penalty
    if s.logit_bias:
        scores = SequenceBiasLogitsProcessor({(id,): value for id, value in s.logit_bias})(NO_IDS, scores)
    return scores


def warped(scores: Tensor, s: SamplingParams) -> Tensor:
    """Scores [1, vocabulary] after temperature, top-k, top-p and min-p, by transformers."""
    scores = TemperatureLogitsWarper(s.temperature)(NO_IDS, scores)
    if s.top_k:
        scores = TopKLogitsWarper(s.top_k)(NO_IDS, scores)
    if s.top_p < 1:
        scores = TopPLogitsWarper(s.top_p)(NO_IDS, scores)
    return MinPLogitsWarper(s.min_p)(NO_IDS, scores) if s.min_p else scores


def normal(width: int, seed: int) -> Tensor:
    return torch.randn(width, generator=torch.Generator().manual_seed(seed)) * 4


def tied(width: int, seed: int) -> Tensor:
    """Few different values, as bfloat16 weights give them."""
    return (normal(width, seed) / 2).round()


def equal(width: int, seed: int) -> Tensor:
    return torch.full((width,), float(seed % 7))


def dominated(width: int, seed: int) -> Tensor:
    """One token has nearly all of the probability."""
    logits = normal(width, seed)
    logits[seed % width] = 20.0 + seed % 200
    return logits


def extreme(width: int, seed: int) -> Tensor:
    """Tokens that cannot come, and some that are certain."""
    choices = torch.tensor([-float("inf"), -1e30, -1e4, 0.0, 1.0, 1e4])
    logits = choices[torch.randint(6, (width,), generator=torch.Generator().manual_seed(seed))]
    logits[0] = 0.0
    return logits


KINDS = (normal, tied, equal, dominated, extreme)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Tensor, SamplingParams, tuple[int, ...], tuple[int, ...]]:
    width = draw(st.sampled_from((1, 5, 97, 640, 5003, 12_288)))
    make: Callable[[int, int], Tensor] = draw(st.sampled_from(KINDS))
    ids = st.lists(st.integers(0, width - 1), max_size=12).map(tuple)
    bias = st.dictionaries(st.integers(0, width - 1), quarters, max_size=4)
    params = SamplingParams(
        greedy=False,
        temperature=draw(st.sampled_from((0.01, 0.5, 0.8, 1.0, 2.0, 30.0))),
        top_k=draw(st.sampled_from((0, 0, 1, 2, 40, 5000, 99_999))),
        top_p=draw(st.sampled_from((1e-9, 0.1, 0.5, 0.9, 0.95, 0.99999, 1.0, 1.0))),
        min_p=draw(st.sampled_from((0.0, 0.0, 1e-6, 0.05, 0.5, 1.0))),
        repetition_penalty=draw(st.sampled_from((1.0, 0.5, 1.3, 2.0))),
        presence_penalty=draw(quarters),
        frequency_penalty=draw(quarters),
        logit_bias=tuple(draw(bias).items()),
    )
    return make(width, draw(st.integers(0, 10**6))), params, draw(ids), draw(ids)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(cases())
def test_distribution_is_exact(
    case: tuple[Tensor, SamplingParams, tuple[int, ...], tuple[int, ...]],
) -> None:
    logits, params, prompt, answer = case
    altered = logits.clone()
    alter(altered, params, prompt, answer)
    wanted = penalised(logits[None], params, prompt, answer)
    assert torch.equal(altered, wanted[0])
    ids, probabilities = kept(altered, params)
    assert_same(altered, ids, probabilities, warped(wanted, params)[0].double().softmax(-1))


def assert_same(logits: Tensor, ids: Tensor, probabilities: Tensor, wanted: Tensor) -> None:
    """Equal but for the choice among tokens that tie at the edge of top-p.

    The sort of transformers is not stable: it keeps as many of them, but any. Tokens of probability
    zero may be listed or not.
    """
    ours = torch.zeros_like(wanted).index_put((ids,), probabilities)
    assert torch.equal(logits[ours > 0].sort().values, logits[wanted > 0].sort().values)
    assert torch.allclose(ours.sort().values, wanted.sort().values, rtol=1e-5, atol=0)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(cases())
def test_greedy_choice_is_exact(
    case: tuple[Tensor, SamplingParams, tuple[int, ...], tuple[int, ...]],
) -> None:
    logits, params, prompt, answer = case
    greedy = SamplingParams(
        repetition_penalty=params.repetition_penalty,
        presence_penalty=params.presence_penalty,
        frequency_penalty=params.frequency_penalty,
        logit_bias=params.logit_bias,
    )
    (draw,) = sample(logits[None], [Row(greedy, len(answer), prompt, answer)])
    assert draw is not None
    assert draw.id == int(penalised(logits[None], params, prompt, answer).argmax())


@pytest.mark.parametrize("top_p", [0.1, 0.3, 0.5, 0.9, 0.95])
@pytest.mark.parametrize("width", [10, 100, 5000])
def test_of_equal_tokens_top_p_keeps_the_same_as_transformers(width: int, top_p: float) -> None:
    params = SamplingParams(greedy=False, top_p=top_p)
    ids, probabilities = kept(torch.zeros(width), params)
    wanted = warped(torch.zeros(1, width), params)[0].double().softmax(-1)
    assert_same(torch.zeros(width), ids, probabilities, wanted)
    assert len(ids) == (wanted > 0).sum()
    assert ids.tolist() == list(range(width - len(ids), width))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.sampled_from((1, 2, 40, 700, 5003)),
    st.integers(0, 10**6),
    st.sampled_from((0.0, 1e-9, 1e-3, 0.05, 0.5, 0.9, 0.999, 1 - 1e-9, 1.0)),
    st.sampled_from((0.0, 1e-6, 0.04, 0.3)),
)
def test_cut_by_classes_is_the_cut_of_a_sort(
    make: Callable[[int, int], Tensor], width: int, seed: int, allowed: float, rest: float
) -> None:
    """Also where the edge is the class of the most likely, and where nothing may be cut."""
    weights = make(width, seed).softmax(-1).double()
    stays = _cut_classes(weights, allowed, rest)
    assert torch.equal(stays, _cut_sorted(weights, allowed, rest))
    assert stays[weights.argmax()] or (weights == weights.max()).sum() > 1
    assert stays.any()


def chi_square(draws: list[int], expected: Tensor) -> tuple[float, int]:
    """Pearson's statistic and its degrees of freedom; cells that expect fewer than five are pooled."""
    counts = torch.bincount(torch.tensor(draws), minlength=len(expected)).double()
    rare = expected < 5
    cells = [(counts[~rare], expected[~rare]), (counts[rare].sum()[None], expected[rare].sum()[None])]
    counts, expected = (torch.cat(part) for part in zip(*cells, strict=True))
    used = expected >= 5
    statistic = ((counts - expected) ** 2 / expected)[used].sum()
    return float(statistic), int(used.sum()) - 1


def critical(freedom: int) -> float:
    """The statistic exceeds this once in 30,000 times (Wilson and Hilferty 1931, four sigma)."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + 4 * part**0.5) ** 3)


PENALTIES: dict[str, Any] = {
    "repetition_penalty": 1.3,
    "presence_penalty": 0.5,
    "frequency_penalty": -0.25,
    "logit_bias": ((4, 1.5), (9, -float("inf"))),
}
PROMPT, ANSWER = (1, 2, 3, 3, 50), (3, 7, 7, 8)


@pytest.mark.parametrize(
    ("by", "wanted"),
    [
        ("position", {"temperature": 1.7}),
        ("position", {"temperature": 0.8, "top_p": 0.8}),
        ("seed", {"temperature": 1.2, "top_k": 30, "top_p": 0.9, "min_p": 0.2, **PENALTIES}),
    ],
    ids=["temperature", "top_p", "everything"],
)
def test_draws_follow_the_distribution(by: str, wanted: dict[str, Any]) -> None:
    logits = normal(160, 7) / 2
    plain = SamplingParams(greedy=False, alternatives=0, **wanted)
    many = [(n, 3) if by == "seed" else (11, n) for n in range(DRAWS)]
    rows = [Row(replace(plain, seed=seed), position, PROMPT, ANSWER) for seed, position in many]
    draws = [draw.id for draw in sample(logits.expand(DRAWS, -1), rows) if draw]
    expected = warped(penalised(logits[None], plain, PROMPT, ANSWER), plain)[0].double().softmax(-1) * DRAWS
    assert len(draws) == DRAWS
    assert all(expected[id] > 0 for id in set(draws))
    statistic, freedom = chi_square(draws, expected)
    assert freedom >= 5
    assert statistic < critical(freedom)
