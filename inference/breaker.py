"""A breaker: a server that fails again and again is left alone for a while, and requests fail at once."""

from __future__ import annotations

import time
from collections.abc import Callable

FAILURES = 5  # in a row
REST = 15.0  # seconds


class Breaker:
    """Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._rests_until = 0.0

    @property
    def is_open(self) -> bool:
        return self._failures >= FAILURES

    @property
    def words(self) -> str:
        """Why nothing is asked, or nothing."""
        return f"{self._failures} failures in a row" if self.is_open else ""

    def admit(self) -> float:
        """0 for a request that may go out, else the seconds until the next one may.

        After the rest one request tries, and the others wait for what becomes of it: at most another rest,
        so that one that is cancelled holds nobody up.
        """
        if not self.is_open:
            return 0.0
        if (left := self._rests_until - self._clock()) > 0:
            return left
        self._rests_until = self._clock() + REST
        return 0.0

    def failed(self) -> None:
        self._failures += 1
        if self.is_open:
            self._rests_until = self._clock() + REST

    def succeeded(self) -> None:
        self._failures = 0
