"""Prompts of the few-shot workload: worked examples, then a review to label. Seeded. No torch.

A prompt is a prefix of exactly PREFIX_TOKENS and an own part of exactly OWN_TOKENS, so a batch of
them needs no padding, and tokens per second mean the same for everybody. It travels as text; its
ids are what the model's tokenizer makes of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tokenizers import Tokenizer

PREFIX_TOKENS = 600
OWN_TOKENS = 60
LABEL_TOKENS = 3

_THINGS = ("film", "book", "meal", "hotel", "phone", "concert", "jacket", "game", "museum", "train", "lamp")
_QUALITIES = (
    "bright",
    "slow",
    "warm",
    "clever",
    "noisy",
    "cold",
    "honest",
    "tired",
    "broken",
    "plain",
    "calm",
)
_TIMES = (
    "on the first evening",
    "after two long weeks",
    "from beginning to end",
    "in the middle of winter",
    "at half the price",
    "without any warning",
    "for the whole family",
    "when nobody expected it",
    "during the last hour",
    "before we had sat down",
)
_ENDINGS = (
    "and I told all my friends about it",
    "so we left early and went home",
    "but the staff could not have been kinder",
    "which is why I asked for my money back",
    "and I would choose it again tomorrow",
    "though the instructions were hard to follow",
    "and nothing about it felt finished",
    "because somebody had thought of every detail",
)
_LABELS = ("positive", "negative")


@dataclass(frozen=True, slots=True)
class Prompt:
    """``ids`` is the tokenizer's encoding of ``text``."""

    text: str
    ids: tuple[int, ...]


class Workloads:
    """Draws prompts that were never drawn before; the same seed and the same calls give the same prompts."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self._tokenizer = tokenizer
        self._random = random.Random(seed)

    def shared(self, count: int) -> list[Prompt]:
        """Prompts with one new prefix and an own part each."""
        prefix = self._prefix()
        return [self._prompt(prefix) for _ in range(count)]

    def distinct(self, count: int) -> list[Prompt]:
        """Prompts with a new prefix each."""
        return [self._prompt(self._prefix()) for _ in range(count)]

    def scoring(self, count: int) -> tuple[Prompt, list[tuple[int, ...]]]:
        """A new prefix alone and ``count`` different continuations of LABEL_TOKENS tokens."""
        prefix = self._prefix()
        labels: set[tuple[int, ...]] = set()
        while len(labels) < count:
            ids = self._encode(self._sentence())
            at = self._random.randrange(len(ids) - LABEL_TOKENS)
            labels.add(ids[at : at + LABEL_TOKENS])
        return Prompt(prefix, self._encode(prefix)), sorted(labels)

    def lengths(self, count: int, shortest: int, longest: int) -> list[int]:
        """New tokens of requests that end at different times."""
        return [self._random.randint(shortest, longest) for _ in range(count)]

    def pauses(self, count: int, longest: float) -> list[float]:
        """Seconds to wait before sending."""
        return [self._random.uniform(0, longest) for _ in range(count)]

    def _prompt(self, prefix: str) -> Prompt:
        start = f"{prefix}\n\nReview:"
        return self._exactly(PREFIX_TOKENS + OWN_TOKENS, start, self._sentence, "\nLabel:")

    def _prefix(self) -> str:
        return self._exactly(PREFIX_TOKENS, self._example(), lambda: f"\n\n{self._example()}").text

    def _exactly(self, tokens: int, start: str, piece: Callable[[], str], end: str = "") -> Prompt:
        """Pieces are added until there are enough tokens, from the start again until they fit."""
        short = tokens - len(self._encode(start + end))
        while True:
            text, missing = start, short
            while missing > 0:
                more = piece()
                text, missing = text + more, missing - len(self._encode(more))
            # Counted as a whole: tokens may span two pieces.
            ids = self._encode(text + end)
            if len(ids) == tokens:
                return Prompt(text + end, ids)

    def _example(self) -> str:
        return f"Review:{self._sentence()}\nLabel: {self._random.choice(_LABELS)}"

    def _sentence(self) -> str:
        pick = self._random.choice
        return f" The {pick(_THINGS)} was {pick(_QUALITIES)} {pick(_TIMES)} {pick(_ENDINGS)}."

    def _encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)
