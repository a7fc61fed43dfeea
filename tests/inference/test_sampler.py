from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from inference.sampler import Draw, Row, kept, sample, uniform
from inference.types import SamplingParams

VOCABULARY = 10_000  # more than are ever sorted


def random_logits(rows: int = 4) -> torch.Tensor:
    return torch.randn(rows, VOCABULARY, generator=torch.Generator().manual_seed(1)) * 4


def sampling(temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, seed: int = 0) -> SamplingParams:
    return SamplingParams(greedy=False, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)


def test_tokens_that_tie_with_the_last_of_top_k_stay() -> None:
    logits = torch.tensor([3.0, 1.0, 2.0, 2.0, 0.0])
    assert sorted(kept(logits, sampling(top_k=2))[0].tolist()) == [0, 2, 3]


def mixed_rows() -> list[Row]:
    """Every kind of row beside every other."""
    prompt, answer = (5, 6, 7, 7), (8, 9, 9)
    penalties = replace(sampling(0.9, top_p=0.9, seed=4), repetition_penalty=1.2, frequency_penalty=0.5)
    kinds = [
        SamplingParams(alternatives=0),
        sampling(1.3, seed=1),
        sampling(0.7, top_k=40, seed=2),
        sampling(2.0, top_p=0.95, seed=3),
        replace(sampling(seed=5), min_p=0.02, alternatives=9),
        penalties,
        replace(penalties, greedy=True),
    ]
    rows = [Row(kind, 3 * at, prompt, answer) for at, kind in enumerate(kinds)]
    return [*rows, Row(SamplingParams(), -1, prompt, given=17)]


def shown(draws: list[Draw | None]) -> list[tuple[int, int, list[int]]]:
    return [(draw.id, draw.rank, [id for id, _ in draw.top]) for draw in draws if draw]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5, 6, 7), (7, 3, 5, 1, 0, 2, 6, 4), (6, 6, 2), (4,)])
def test_draw_does_not_depend_on_its_neighbours(order: tuple[int, ...]) -> None:
    rows = mixed_rows()
    logits = random_logits(len(rows))
    alone = [sample(logits[at : at + 1], [row])[0] for at, row in enumerate(rows)]
    together = sample(logits[list(order)], [rows[at] for at in order])
    assert shown(together) == shown([alone[at] for at in order])


def test_many_draws_of_one_row_are_the_same_in_any_batch() -> None:
    logits, rows = random_logits(1), [Row(sampling(1.5, seed=9), position) for position in range(200)]
    together = sample(logits.expand(200, -1), rows)
    alone = [sample(logits, [row])[0] for row in rows]
    assert shown(together) == shown(alone)
    assert len({draw.id for draw in together if draw}) > 20


def test_uniform_numbers_differ_by_seed_and_position() -> None:
    numbers = {uniform(seed, position) for seed in range(50) for position in range(50)}
    assert len(numbers) == 2500
    assert all(0 <= number < 1 for number in numbers)
    assert math.isclose(sum(numbers) / 2500, 0.5, abs_tol=0.03)
    assert uniform(7, 3) == uniform(7, 3)
    assert 0 <= uniform(2**63 - 1, 0) < 1


def test_greedy_takes_the_first_of_the_most_likely() -> None:
    (draw,) = sample(torch.tensor([[0.0, 2.0, 2.0, 1.0]]), [Row(SamplingParams(alternatives=2), 0)])
    assert draw is not None
    assert (draw.id, draw.rank) == (1, 1)


def test_log_probabilities_and_ranks_are_of_the_raw_softmax() -> None:
    logits = random_logits(1)
    params = SamplingParams(greedy=False, temperature=3.0, top_k=40, seed=5, alternatives=3)
    (draw,) = sample(logits, [Row(params, 0)])
    assert isinstance(draw, Draw)
    raw = logits[0].log_softmax(-1)
    order = raw.argsort(descending=True).tolist()
    assert draw.logprob == pytest.approx(float(raw[draw.id]), abs=1e-5)
    assert order[draw.rank - 1] == draw.id
    assert [id for id, _ in draw.top] == order[:3]
    assert draw.top[0][1] == pytest.approx(float(raw.max()), abs=1e-5)


def test_alternatives_may_differ_by_row() -> None:
    draws = sample(random_logits(3), [Row(SamplingParams(alternatives=n), 0) for n in (0, 5, 2)])
    assert [len(draw.top) for draw in draws if draw] == [0, 5, 2]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("greedy", [True, False])
def test_row_that_is_not_finite_is_reported_alone(bad: float, greedy: bool) -> None:
    logits = random_logits(3)
    logits[1, 17] = bad
    draws = sample(logits, [Row(SamplingParams(greedy=greedy), 0)] * 3)
    assert [draw is None for draw in draws] == [False, True, False]


def test_forbidden_tokens_are_no_fault() -> None:
    logits = random_logits(1)
    logits[0, :100] = float("-inf")
    (draw,) = sample(logits, [Row(sampling(), 0)])
    assert draw is not None
    assert draw.id >= 100


@pytest.mark.parametrize("logit_bias", [(), ((3, 9.0),)])
@pytest.mark.parametrize("greedy", [True, False])
def test_token_that_is_given_is_only_described(
    greedy: bool, logit_bias: tuple[tuple[int, float], ...]
) -> None:
    logits = random_logits(1)
    params = SamplingParams(greedy=greedy, repetition_penalty=1.5, logit_bias=logit_bias, alternatives=2)
    (draw,) = sample(logits, [Row(params, -1, prompt=(3, 17), given=17)])
    raw = logits[0].log_softmax(-1)
    assert draw is not None
    assert draw.id == 17
    assert draw.logprob == pytest.approx(float(raw[17]), abs=1e-5)
    assert draw.rank == int((raw > raw[17]).sum()) + 1
    assert [id for id, _ in draw.top] == raw.topk(2).indices.tolist()


def test_first_token_of_the_vocabulary_may_be_given() -> None:
    draws = sample(random_logits(2), [Row(SamplingParams(), -1, given=0), Row(SamplingParams(), 0)])
    assert draws[0] is not None
    assert draws[0].id == 0
    assert draws[1] is not None
    assert draws[1].rank == 1


def test_given_token_that_cannot_come_has_no_probability() -> None:
    (draw,) = sample(torch.tensor([[0.0, -math.inf, 1.0]]), [Row(SamplingParams(), -1, given=1)])
    assert draw is not None
    assert (draw.logprob, draw.rank) == (-math.inf, 3)


def test_given_token_of_a_row_that_is_not_finite_is_none() -> None:
    assert sample(torch.tensor([[0.0, math.nan]]), [Row(SamplingParams(), -1, given=0)]) == [None]


@pytest.mark.parametrize("greedy", [True, False])
@pytest.mark.parametrize("amount", [-math.inf, -1e300])
def test_bias_may_leave_one_token_or_none(amount: float, greedy: bool) -> None:
    banned = [(id, amount) for id in range(5)]
    one, none = (SamplingParams(greedy=greedy, logit_bias=tuple(banned[:n])) for n in (4, 5))
    draws = sample(torch.zeros(2, 5), [Row(one, 0), Row(none, 0)])
    assert draws[1] is None
    assert draws[0] is not None
    assert (draws[0].id, draws[0].rank) == (4, 1)


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 1e-300},
        {"temperature": 1e300},
        {"repetition_penalty": 1e-300},
        {"repetition_penalty": 1e300},
        {"logit_bias": ((1, 1e300),)},
        {"top_p": 1e-300},
        {"min_p": 1e-300},
    ],
)
def test_settings_that_float32_cannot_hold_do_no_harm(settings: dict[str, Any]) -> None:
    logits = torch.tensor([[0.0, -2.0, 3.0, -math.inf]])
    for top_k in (0, 2):
        params = SamplingParams(greedy=False, top_k=top_k, **settings)
        (draw,) = sample(logits, [Row(params, 0, prompt=(0, 1, 2, 3))])
        assert draw is not None
        assert draw.id != 3


def test_ids_beyond_the_logits_are_passed_over() -> None:
    """A model may have more embeddings than logits; transformers passes over such ids, too."""
    params = SamplingParams(repetition_penalty=2.0, presence_penalty=1.0, logit_bias=((9, 5.0),))
    (draw,) = sample(torch.tensor([[1.0, 3.0, 2.0]]), [Row(params, 1, prompt=(1, 7), generated=(8,))])
    assert draw is not None
    assert draw.id == 2


def test_no_rows_no_draws() -> None:
    assert sample(torch.empty(0, 10), []) == []
