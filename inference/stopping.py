"""When an answer ends, and which text may leave before that is certain. No torch."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Sequence as Texts
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from inference.types import FinishReason, Piece, SamplingParams, Token

T = TypeVar("T", Token, Piece)


def finish_reason(
    token_id: int, generated: int, sampling: SamplingParams, eos_ids: Collection[int]
) -> FinishReason | None:
    """Does an answer of ``generated`` tokens end with this token?"""
    if token_id in eos_ids and not sampling.ignore_eos:
        return FinishReason.STOP
    return FinishReason.LENGTH if generated >= sampling.max_new_tokens else None


@dataclass(frozen=True, slots=True)
class Release(Generic[T]):
    """Tokens that may be sent now; with ``stopped`` a stop string was met and nothing follows."""

    tokens: tuple[T, ...] = ()
    stopped: bool = False


class StopFilter(Generic[T]):
    """Holds tokens back while their text could still become part of a stop string, and no longer.

    Text before the stop string that is complete first is released, the token it cuts carries only
    what precedes it, and tokens that lie in or behind it are dropped.
    """

    def __init__(self, stops: Texts[str]) -> None:
        assert all(stops)
        # One that has another inside is never complete first, so no text has to wait for it.
        self._stops = [stop for stop in stops if not any(other in stop[:-1] for other in stops)]
        self._held: list[T] = []
        self._text = ""

    def push(self, token: T, *, complete: bool = True) -> Release[T]:
        """Add a token; with ``complete`` False it ends within a character and waits for the rest."""
        self._held.append(token)
        self._text += token.text
        # The first to be complete wins, as if text came by character: token borders do not matter.
        found = [(at + len(stop), at) for stop in self._stops if (at := self._text.find(stop)) >= 0]
        if found:
            return Release(self._cut(min(found)[1]), stopped=True)
        end = len(self._text) - self._undecided()
        return Release(self._release(end, len(self._held) - (not complete)))

    def flush(self, tail: str = "") -> Release[T]:
        """Nothing follows. ``tail`` is text that only now is known to belong to the last held token."""
        if not self._held:
            assert not tail
            return Release()
        last = self._held.pop()
        self._text = self._text[: len(self._text) - len(last.text)]
        release = self.push(replace(last, text=last.text + tail))
        rest, self._held, self._text = tuple(self._held), [], ""
        return release if release.stopped else Release(release.tokens + rest)

    def _undecided(self) -> int:
        """Length of the longest end of the text with which a stop string begins."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for length in range(min(longest, len(self._text)), 0, -1):
            if any(stop.startswith(self._text[-length:]) for stop in self._stops):
                return length
        return 0

    def _release(self, end: int, most: int) -> tuple[T, ...]:
        """Take the tokens whose whole text lies before ``end``, at most the first ``most``."""
        count, at = 0, 0
        while count < most and at + len(self._held[count].text) <= end:
            at += len(self._held[count].text)
            count += 1
        released, self._held, self._text = self._held[:count], self._held[count:], self._text[at:]
        return tuple(released)

    def _cut(self, end: int) -> tuple[T, ...]:
        whole = self._release(end, len(self._held))
        left = end - sum(len(token.text) for token in whole)
        cut = (replace(self._held[0], text=self._text[:left]),) if left else ()
        self._held, self._text = [], ""
        return whole + cut
