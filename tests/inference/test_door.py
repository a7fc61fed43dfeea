from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.door import LONGEST_STOP_STRING, Limits, check
from inference.types import EngineError, ErrorCode, GenerationRequest, SamplingParams

LIMITS = Limits(window=100, slot_tokens=80, vocabulary=50)


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
        {"max_new_tokens": 0},
        {"greedy": False, "temperature": 0.0},
        {"greedy": False, "temperature": float("nan")},
        {"greedy": False, "temperature": float("inf")},
        {"greedy": False, "top_k": -1},
        {"greedy": False, "top_p": 0.0},
        {"greedy": False, "top_p": 1.01},
        {"greedy": False, "top_p": float("nan")},
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
