"""What an engine refuses before any work is done, with the numbers. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from inference.types import EngineError, ErrorCode, GenerationRequest, Priority, SamplingParams

MOST_ALTERNATIVES = 100
MOST_STOP_STRINGS = 16
LONGEST_STOP_STRING = 200  # characters
MOST_BIASES = 300
LARGEST_PENALTY = 2  # presence and frequency, either sign; the limits are those of OpenAI's interface
MOST_SAMPLES = 64
SEEDS = 2**63


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one loaded model, in tokens: its window, its room in the cache, its vocabulary.

    ``source`` is the window of its encoder; 0 for a model without one.
    """

    window: int
    slot_tokens: int
    vocabulary: int
    source: int = 0


def check(request: GenerationRequest, limits: Limits) -> None:
    """Raise EngineError unless the request can be run to its end."""
    _check_ids(request.prompt_ids, limits.vocabulary)
    _check_source(request.source_ids, limits)
    _check_asked(request)
    _check_sampling(request.sampling)
    _check_bias(request.sampling.logit_bias, limits.vocabulary)
    _check_room(len(request.prompt_ids), request.sampling.max_new_tokens, limits)


def samples(request: GenerationRequest, n: int) -> tuple[GenerationRequest, ...]:
    """The request ``n`` times, with seeds that follow each other and "/0", "/1", ... after its id.

    What is asked about the prompt is asked by the first alone. Raises EngineError for a bad ``n``.
    """
    _require(1 <= n <= MOST_SAMPLES, f"n must be from 1 to {MOST_SAMPLES}, not {n}.")
    first = _sample(request, 0)
    others = replace(request, score_from=None, next_token=False)
    return first, *(_sample(others, at) for at in range(1, n))


def _sample(request: GenerationRequest, at: int) -> GenerationRequest:
    sampling = replace(request.sampling, seed=(request.sampling.seed + at) % SEEDS)
    return replace(request, request_id=f"{request.request_id}/{at}", sampling=sampling)


def _check_source(ids: tuple[int, ...], limits: Limits) -> None:
    if not limits.source:
        _require(not ids, "The model has no encoder that could read source_ids.")
        return
    _check_ids(ids, limits.vocabulary, "source")
    if len(ids) > limits.source:
        message = f"The source has {len(ids)} tokens, but the window of the encoder has {limits.source}."
        raise EngineError(ErrorCode.CONTEXT_OVERFLOW, message)


def _check_ids(ids: tuple[int, ...], vocabulary: int, what: str = "prompt") -> None:
    _require(len(ids) > 0, f"The {what} is empty.")
    for token_id in (min(ids), max(ids)):
        _check_id(token_id, vocabulary)


def _check_id(token_id: int, vocabulary: int) -> None:
    _require(0 <= token_id < vocabulary, f"Token id {token_id} is outside the {vocabulary} known ones.")


def _check_asked(request: GenerationRequest) -> None:
    new, start, prompt = request.sampling.max_new_tokens, request.score_from, len(request.prompt_ids)
    _require(new >= 0, f"max_new_tokens must not be negative, but is {new}.")
    useful = new > 0 or start is not None or request.next_token or request.priority is Priority.PREFETCH
    _require(
        useful, "max_new_tokens may be 0 only if the prompt is scored, prefetched or its next token wanted."
    )
    message = f"begun must leave a prompt and be 0 or more, but is {request.begun} of {prompt} tokens."
    _require(0 <= request.begun < prompt, message)
    if start is not None:
        _require(start >= 0, f"score_from must not be negative, but is {start}.")
        message = f"From token {start} on there is nothing to score in a prompt of {prompt} tokens."
        _require(max(1, start) < prompt, message)


def _check_sampling(s: SamplingParams) -> None:
    if not s.greedy:
        good = math.isfinite(s.temperature) and s.temperature > 0
        _require(good, f"temperature must be a number above 0, not {s.temperature}.")
        _require(s.top_k >= 0, f"top_k must not be negative, but is {s.top_k}.")
        _require(0 < s.top_p <= 1, f"top_p must be above 0 and at most 1, not {s.top_p}.")
        _require(0 <= s.min_p <= 1, f"min_p must be from 0 to 1, not {s.min_p}.")
    for name in ("temperature", "top_p", "min_p"):
        _require(not math.isnan(getattr(s, name)), f"{name} is not a number.")
    _check_penalties(s)
    _require(0 <= s.seed < SEEDS, f"seed must be from 0 to 2**63 - 1, not {s.seed}.")
    good = 0 <= s.alternatives <= MOST_ALTERNATIVES
    _require(good, f"alternatives must be from 0 to {MOST_ALTERNATIVES}, not {s.alternatives}.")
    _check_stop(s.stop)


def _check_penalties(s: SamplingParams) -> None:
    good = math.isfinite(s.repetition_penalty) and s.repetition_penalty > 0
    _require(good, f"repetition_penalty must be a number above 0, not {s.repetition_penalty}.")
    most = LARGEST_PENALTY
    for name in ("presence_penalty", "frequency_penalty"):
        value = getattr(s, name)
        _require(-most <= value <= most, f"{name} must be from -{most} to {most}, not {value}.")


def _check_bias(bias: tuple[tuple[int, float], ...], vocabulary: int) -> None:
    _require(len(bias) <= MOST_BIASES, f"More than {MOST_BIASES} biased tokens: {len(bias)}.")
    seen: set[int] = set()
    for token_id, value in bias:
        _check_id(token_id, vocabulary)
        _require(token_id not in seen, f"Token id {token_id} has more than one bias.")
        _require(value < math.inf, f"The bias of token id {token_id} must be a number or -inf, not {value}.")
        seen.add(token_id)


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
