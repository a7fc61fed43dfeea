"""Sends requests to anything that answers prompts, and says how fast the answers came. No torch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from benchmarks.workloads import Prompt


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as its reader saw it; times are seconds of the same clock."""

    sent: float
    arrivals: tuple[float, ...]  # of each piece of text; a token in the middle of a character has none
    ended: float
    tokens: int
    cached: int | None = None  # prompt tokens that were not computed, if the answerer says so

    @property
    def first(self) -> float:
        """Seconds to the first text."""
        return (*self.arrivals, self.ended)[0] - self.sent


class Client(Protocol):
    """Sends one prompt and reads the answer to its end; called from many threads."""

    def __call__(self, prompt: Prompt, new_tokens: int) -> Reply:
        """Raises RuntimeError unless exactly ``new_tokens`` came."""
        ...


def crowd(
    client: Client,
    prompts: Sequence[Prompt],
    lengths: Sequence[int],
    concurrency: int,
    pauses: Sequence[float] | None = None,
) -> list[Reply]:
    """Answers to all prompts, ``concurrency`` at a time: when one ends, the next is sent after its pause."""

    def ask(prompt: Prompt, length: int, pause: float) -> Reply:
        time.sleep(pause)
        return client(prompt, length)

    with ThreadPoolExecutor(concurrency) as pool:
        return list(pool.map(ask, prompts, lengths, pauses or [0.0] * len(prompts)))


def rate(replies: Sequence[Reply]) -> float:
    """Tokens per second of all answers together, from the first request to the last end."""
    seconds = max(r.ended for r in replies) - min(r.sent for r in replies)
    return sum(r.tokens for r in replies) / seconds


def gaps(replies: Iterable[Reply]) -> list[float]:
    """Seconds between neighbouring pieces of text, pooled over all answers."""
    return [later - earlier for r in replies for earlier, later in pairwise(r.arrivals)]


def percentile(values: Sequence[float], percent: int) -> float:
    """Interpolated between the values, the smallest and the largest included."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
