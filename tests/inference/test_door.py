from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.door import LONGEST_STOP_STRING, Limits, check, samples
from inference.types import EngineError, ErrorCode, GenerationRequest, Priority, SamplingParams

LIMITS = Limits(window=100, slot_tokens=80, vocabulary=50)
NAN, INF = float("nan"), float("inf")


def request(prompt: int = 10, **sampling: Any) -> GenerationRequest:
    base = SamplingParams(max_new_tokens=20)
    return GenerationRequest("r", (3,) * prompt, replace(base, **sampling))


def refusal(bad: GenerationRequest) -> EngineError:
    with pytest.raises(EngineError) as caught:
        check(bad, LIMITS)
    return caught.value


def test_request_that_just_fits_passes() -> None:
    check(request(60), LIMITS)


def test_window_is_named_with_the_numbers() -> None:
    error = refusal(request(81))
    assert error.code is ErrorCode.CONTEXT_OVERFLOW
    assert all(number in error.message for number in ("81", "20", "101", "100"))


def test_cache_is_named_with_the_numbers() -> None:
    error = refusal(request(61))
    assert error.code is ErrorCode.CACHE_OVERFLOW
    assert all(number in error.message for number in ("61", "20", "81", "80"))


@pytest.mark.parametrize("ids", [(), (50,), (3, -1)])
def test_bad_ids_are_refused(ids: tuple[int, ...]) -> None:
    assert refusal(GenerationRequest("r", ids)).code is ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    "sampling",
    [
        {"max_new_tokens": -1},
        {"max_new_tokens": 0},
        {"greedy": False, "temperature": 0.0},
        {"greedy": False, "temperature": NAN},
        {"greedy": False, "temperature": INF},
        {"greedy": False, "top_k": -1},
        {"greedy": False, "top_p": 0.0},
        {"greedy": False, "top_p": 1.01},
        {"greedy": False, "top_p": NAN},
        {"greedy": False, "min_p": -0.01},
        {"greedy": False, "min_p": 1.01},
        {"greedy": False, "min_p": NAN},
        {"temperature": NAN},
        {"top_p": NAN},
        {"min_p": NAN},
        {"repetition_penalty": 0.0},
        {"repetition_penalty": -1.0},
        {"repetition_penalty": NAN},
        {"repetition_penalty": INF},
        {"presence_penalty": 2.01},
        {"presence_penalty": -2.01},
        {"presence_penalty": NAN},
        {"frequency_penalty": 2.01},
        {"frequency_penalty": -INF},
        {"frequency_penalty": NAN},
        {"logit_bias": ((50, 1.0),)},
        {"logit_bias": ((-1, 1.0),)},
        {"logit_bias": ((3, 1.0), (4, 0.0), (3, 1.0))},
        {"logit_bias": ((3, NAN),)},
        {"logit_bias": ((3, INF),)},
        {"seed": -1},
        {"seed": 2**63},
        {"alternatives": -1},
        {"alternatives": 101},
        {"stop": ("",)},
        {"stop": ("x" * (LONGEST_STOP_STRING + 1),)},
        {"stop": ("x",) * 17},
    ],
)
def test_bad_settings_are_refused(sampling: dict[str, Any]) -> None:
    assert refusal(request(**sampling)).code is ErrorCode.INVALID_REQUEST


def test_sampling_settings_do_not_matter_under_greedy() -> None:
    check(request(temperature=0.0, top_k=-5, top_p=7.0), LIMITS)


def test_limits_themselves_pass() -> None:
    check(request(presence_penalty=2, frequency_penalty=-2, repetition_penalty=1), LIMITS)
    check(request(greedy=False, temperature=1, top_p=1, min_p=1, seed=2**63 - 1, alternatives=100), LIMITS)
    check(request(logit_bias=((0, -INF), (49, -1e300), (7, 100))), LIMITS)


def test_biased_tokens_are_counted() -> None:
    many = Limits(window=100, slot_tokens=80, vocabulary=1000)
    check(request(logit_bias=tuple((id, 1.0) for id in range(300))), many)
    with pytest.raises(EngineError, match="300 biased tokens: 301"):
        check(request(logit_bias=tuple((id, 1.0) for id in range(301))), many)


@pytest.mark.parametrize(
    ("sampling", "message"),
    [
        ({"logit_bias": ((50, 1.0),)}, "Token id 50 is outside the 50 known ones."),
        ({"logit_bias": ((3, 1.0), (3, 2.0))}, "Token id 3 has more than one bias."),
        ({"presence_penalty": 3.5}, "presence_penalty must be from -2 to 2, not 3.5."),
        ({"greedy": False, "min_p": 7}, "min_p must be from 0 to 1, not 7."),
        ({"repetition_penalty": 0.0}, "repetition_penalty must be a number above 0, not 0.0."),
        ({"max_new_tokens": -3}, "max_new_tokens must not be negative, but is -3."),
    ],
)
def test_refusals_have_the_numbers(sampling: dict[str, Any], message: str) -> None:
    assert refusal(request(**sampling)).message == message


@pytest.mark.parametrize("asked", [{"score_from": 1}, {"next_token": True}, {"priority": Priority.PREFETCH}])
def test_nothing_is_written_only_for_what_the_prompt_says(asked: dict[str, Any]) -> None:
    silent = request(max_new_tokens=0)
    assert refusal(silent).code is ErrorCode.INVALID_REQUEST
    check(replace(silent, **asked), LIMITS)


@pytest.mark.parametrize(("prompt", "start"), [(2, 0), (2, 1), (10, 9)])
def test_scores_may_begin_up_to_the_last_token(prompt: int, start: int) -> None:
    check(replace(request(prompt), score_from=start), LIMITS)


@pytest.mark.parametrize(("prompt", "start"), [(1, 0), (1, 1), (10, 10), (10, -1)])
def test_scores_without_a_token_are_refused(prompt: int, start: int) -> None:
    error = refusal(replace(request(prompt), score_from=start))
    assert error.code is ErrorCode.INVALID_REQUEST
    assert str(start) in error.message


def test_samples_share_everything_but_id_and_seed() -> None:
    base = replace(request(greedy=False, seed=2**63 - 2), user="ann", priority=Priority.BATCH)
    made = samples(base, 3)
    assert [one.request_id for one in made] == ["r/0", "r/1", "r/2"]
    assert [one.sampling.seed for one in made] == [2**63 - 2, 2**63 - 1, 0]
    undone = [replace(one, request_id="r", sampling=base.sampling) for one in made]
    assert undone == [base] * 3


def test_only_the_first_sample_asks_about_the_prompt() -> None:
    made = samples(replace(request(), score_from=2, next_token=True), 3)
    assert [one.score_from for one in made] == [2, None, None]
    assert [one.next_token for one in made] == [True, False, False]


@pytest.mark.parametrize("n", [0, -1, 65])
def test_bad_number_of_samples_is_refused(n: int) -> None:
    with pytest.raises(EngineError, match=f"not {n}") as caught:
        samples(request(), n)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert len(samples(request(), 64)) == 64
