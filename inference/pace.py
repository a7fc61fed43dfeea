"""How much of waiting prompts a step may compute beside running answers. No torch."""

from __future__ import annotations

# Old steps fade: the machine's speed drifts, and the lengths of the texts change.
_WEIGHT = 0.15
_HURRY = 7
_FRESH = 5
_TELLING = 8  # prompt tokens: fewer cost hardly more than the calls they need


class Pace:
    """Keeps a step with prompt tokens below ``stretch`` times a step without, as measured so far.

    A long prompt would otherwise stall every answer that is being streamed. The step to compare with is
    that of all running requests as answers, because soon they are: measured against the few that
    already answer, prompts that arrive together would be let in drop by drop. The time of a step is
    taken as a part that depends on the number of answers and a part that grows with prompt tokens.

    While all answers are *fresh*, which means a few tokens long, steps may take ``_FRESH`` times as long: the
    rest of a crowd that came together is let in by the next step or two, before anybody reads along.
    """

    def __init__(self, *, first: int, least: int, most: int, stretch: float = 1.5) -> None:
        self._first, self._least, self._most, self._stretch = first, least, most, stretch
        self._plain: dict[int, float] = {}  # seconds of a step without prompt tokens, by answers
        self._token: float | None = None  # seconds for each prompt token on top of it

    def budget(self, rows: int, crowd: int, *, fresh: bool) -> int:
        """Prompt tokens for the next step with ``rows`` answers, of ``crowd`` running requests."""
        plain, full = self._plain_step(rows), self._plain_step(crowd)
        if plain is None or full is None or self._token is None:
            return self._first
        stretch = self._stretch * (_FRESH if fresh else 1)
        wanted = (stretch * full - plain) / max(self._token, 1e-9)
        # Small chunks cost more for each token; the more requests wait for their first one, the more
        # of them gain by larger chunks, and the fewer are slowed.
        least = self._least * (1 + _HURRY * ((crowd - rows) / crowd) ** 2)
        return int(max(least, min(self._most, wanted)))

    def note(self, seconds: float, *, rows: int, prompt_tokens: int) -> None:
        """A step with ``rows`` running answers and ``prompt_tokens`` took ``seconds``."""
        if not rows:
            return
        plain = self._plain_step(rows)
        if not prompt_tokens:
            self._plain[rows] = _fade(self._plain.get(rows), seconds)
        elif plain is not None and prompt_tokens >= _TELLING:
            self._token = _fade(self._token, max(0.0, seconds - plain) / prompt_tokens)

    def _plain_step(self, rows: int) -> float | None:
        nearest = min(self._plain, key=lambda known: abs(known - rows), default=None)
        return None if nearest is None else self._plain[nearest]


def _fade(old: float | None, new: float) -> float:
    # One stalled step, for instance while another program starts, must not count for long.
    return new if old is None else old + _WEIGHT * (min(new, 2 * old) - old)
