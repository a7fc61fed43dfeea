from __future__ import annotations

import math

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from inference.sampler import Draw, kept, sample, uniform
from inference.types import SamplingParams

VOCABULARY = 10_000  # more than any size the sampler tries before it sorts


def random_logits(rows: int = 4) -> torch.Tensor:
    return torch.randn(rows, VOCABULARY, generator=torch.Generator().manual_seed(1)) * 4


def sampling(temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, seed: int = 0) -> SamplingParams:
    return SamplingParams(greedy=False, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)


def transformers_probabilities(logits: torch.Tensor, params: SamplingParams) -> torch.Tensor:
    scores, nothing = logits[None], torch.empty(1, 0, dtype=torch.int64)
    scores = TemperatureLogitsWarper(params.temperature)(nothing, scores)
    if params.top_k:
        scores = TopKLogitsWarper(params.top_k)(nothing, scores)
    if params.top_p < 1:
        scores = TopPLogitsWarper(params.top_p)(nothing, scores)
    return torch.as_tensor(scores.double().softmax(-1)[0])


def spread(logits: torch.Tensor, params: SamplingParams) -> torch.Tensor:
    ids, probabilities = kept(logits, params)
    return torch.zeros(len(logits), dtype=torch.float64).index_put((ids,), probabilities)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5, 9.0])
@pytest.mark.parametrize("top_k", [0, 1, 7, VOCABULARY, 99_999])
@pytest.mark.parametrize("top_p", [0.05, 0.6, 0.95, 1.0])
def test_probabilities_are_those_of_transformers(temperature: float, top_k: int, top_p: float) -> None:
    params = sampling(temperature, top_k, top_p)
    for logits in random_logits():
        wanted = transformers_probabilities(logits, params)
        assert torch.allclose(spread(logits, params), wanted, atol=1e-12, rtol=1e-5)


def test_tokens_that_tie_with_the_last_of_top_k_stay() -> None:
    logits = torch.tensor([3.0, 1.0, 2.0, 2.0, 0.0])
    assert sorted(kept(logits, sampling(top_k=2))[0].tolist()) == [0, 2, 3]


def test_draws_follow_the_distribution() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.5, -1.0, -9.0]])
    params = [(sampling(0.8, seed=seed), position) for seed in range(20) for position in range(200)]
    draws = sample(logits.expand(len(params), -1), params)
    counts = torch.bincount(torch.tensor([d.id for d in draws if d]), minlength=5).double()
    expected = spread(logits[0], params[0][0]) * len(params)
    common = expected > 5
    chi_square = ((counts - expected) ** 2 / expected)[common].sum()
    assert chi_square < 16.3  # 0.1 percent point for three degrees of freedom


def test_draw_does_not_depend_on_its_neighbours() -> None:
    logits, params = random_logits(6), [(sampling(1.3, seed=seed), 3 * seed) for seed in range(6)]
    together = sample(logits, params)
    alone = [sample(logits[row : row + 1], params[row : row + 1])[0] for row in range(6)]
    assert [d.id for d in together if d] == [d.id for d in alone if d]


def test_uniform_numbers_differ_by_seed_and_position() -> None:
    numbers = {uniform(seed, position) for seed in range(50) for position in range(50)}
    assert len(numbers) == 2500
    assert all(0 <= number < 1 for number in numbers)
    assert math.isclose(sum(numbers) / 2500, 0.5, abs_tol=0.03)
    assert uniform(7, 3) == uniform(7, 3)
    assert 0 <= uniform(2**63 - 1, 0) < 1


def test_greedy_takes_the_first_of_the_most_likely() -> None:
    (draw,) = sample(torch.tensor([[0.0, 2.0, 2.0, 1.0]]), [(SamplingParams(alternatives=2), 0)])
    assert draw is not None
    assert (draw.id, draw.rank) == (1, 1)


def test_log_probabilities_and_ranks_are_of_the_raw_softmax() -> None:
    logits = random_logits(1)
    params = SamplingParams(greedy=False, temperature=3.0, top_k=40, seed=5, alternatives=3)
    (draw,) = sample(logits, [(params, 0)])
    assert isinstance(draw, Draw)
    raw = logits[0].log_softmax(-1)
    order = raw.argsort(descending=True).tolist()
    assert draw.logprob == pytest.approx(float(raw[draw.id]), abs=1e-5)
    assert order[draw.rank - 1] == draw.id
    assert [id for id, _ in draw.top] == order[:3]
    assert draw.top[0][1] == pytest.approx(float(raw.max()), abs=1e-5)


def test_alternatives_may_differ_by_row() -> None:
    draws = sample(random_logits(3), [(SamplingParams(alternatives=n), 0) for n in (0, 5, 2)])
    assert [len(draw.top) for draw in draws if draw] == [0, 5, 2]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("greedy", [True, False])
def test_row_that_is_not_finite_is_reported_alone(bad: float, greedy: bool) -> None:
    logits = random_logits(3)
    logits[1, 17] = bad
    draws = sample(logits, [(SamplingParams(greedy=greedy), 0)] * 3)
    assert [draw is None for draw in draws] == [False, True, False]


def test_forbidden_tokens_are_no_fault() -> None:
    logits = random_logits(1)
    logits[0, :100] = float("-inf")
    (draw,) = sample(logits, [(sampling(), 0)])
    assert draw is not None
    assert draw.id >= 100
