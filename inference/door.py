"""What an engine refuses before any work is done, with the numbers. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inference.types import EngineError, ErrorCode, GenerationRequest, SamplingParams

MOST_ALTERNATIVES = 100
MOST_STOP_STRINGS = 16
LONGEST_STOP_STRING = 200  # characters


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one loaded model, in tokens: its window, its room in the cache, its vocabulary."""

    window: int
    slot_tokens: int
    vocabulary: int


def check(request: GenerationRequest, limits: Limits) -> None:
    """Raise EngineError unless the request can be run to its end."""
    _check_ids(request.prompt_ids, limits.vocabulary)
    _check_sampling(request.sampling)
    _check_room(len(request.prompt_ids), request.sampling.max_new_tokens, limits)


def _check_ids(ids: tuple[int, ...], vocabulary: int) -> None:
    _require(len(ids) > 0, "The prompt is empty.")
    for token_id in (min(ids), max(ids)):
        _require(0 <= token_id < vocabulary, f"Token id {token_id} is outside the {vocabulary} known ones.")


def _check_sampling(s: SamplingParams) -> None:
    _require(s.max_new_tokens >= 1, f"max_new_tokens must be at least 1, not {s.max_new_tokens}.")
    if not s.greedy:
        good = math.isfinite(s.temperature) and s.temperature > 0
        _require(good, f"temperature must be a number above 0, not {s.temperature}.")
        _require(s.top_k >= 0, f"top_k must not be negative, but is {s.top_k}.")
        _require(0 < s.top_p <= 1, f"top_p must be above 0 and at most 1, not {s.top_p}.")
    _require(0 <= s.seed < 2**63, f"seed must be from 0 to 2**63 - 1, not {s.seed}.")
    good = 0 <= s.alternatives <= MOST_ALTERNATIVES
    _require(good, f"alternatives must be from 0 to {MOST_ALTERNATIVES}, not {s.alternatives}.")
    _check_stop(s.stop)


def _check_stop(stops: tuple[str, ...]) -> None:
    _require(len(stops) <= MOST_STOP_STRINGS, f"More than {MOST_STOP_STRINGS} stop strings: {len(stops)}.")
    for stop in stops:
        good = 1 <= len(stop) <= LONGEST_STOP_STRING
        _require(good, f"A stop string has 1 to {LONGEST_STOP_STRING} characters, not {len(stop)}.")


def _check_room(prompt: int, new: int, limits: Limits) -> None:
    wanted = f"The prompt has {prompt} tokens and max_new_tokens is {new}: {prompt + new} together"
    if prompt + new > limits.window:
        message = f"{wanted}, but the window of the model has {limits.window}."
        raise EngineError(ErrorCode.CONTEXT_OVERFLOW, message)
    if prompt + new > limits.slot_tokens:
        message = f"{wanted}, but the cache holds {limits.slot_tokens} for each request."
        raise EngineError(ErrorCode.CACHE_OVERFLOW, message)


def _require(good: bool, message: str) -> None:
    if not good:
        raise EngineError(ErrorCode.INVALID_REQUEST, message)
