"""One request inside the engine: what is known, what is computed, and the legal moves. No torch."""

from __future__ import annotations

from enum import Enum

from inference.types import GenerationRequest, Usage


class Phase(Enum):
    """WAITING -> RUNNING -> ENDED; a waiting sequence may also end at once."""

    WAITING = 1
    RUNNING = 2
    ENDED = 3


class Sequence:
    """Token bookkeeping of one request.

    There is no prompt phase and no answer phase: a sequence has *known* tokens (prompt and
    generated) and *computed* ones (their keys and values are in the cache), and every step lets it
    catch up. When only its last known token is left, the forward pass yields the next one.
    """

    def __init__(self, request: GenerationRequest) -> None:
        self.request = request
        self.phase = Phase.WAITING
        self.slot: int | None = None
        self.generated: list[int] = []
        self.computed = 0
        self.cached = 0

    @property
    def id(self) -> str:
        return self.request.request_id

    @property
    def prompt_length(self) -> int:
        return len(self.request.prompt_ids)

    @property
    def known(self) -> int:
        return self.prompt_length + len(self.generated)

    @property
    def pending(self) -> int:
        """Known tokens that still have to be computed."""
        return self.known - self.computed

    @property
    def reserved(self) -> int:
        """The most tokens this sequence can ever need in the cache."""
        return self.prompt_length + self.request.sampling.max_new_tokens

    def next_ids(self, count: int) -> tuple[int, ...]:
        """The next ``count`` tokens to compute."""
        assert 0 < count <= self.pending
        inside = self.request.prompt_ids[self.computed : self.computed + count]
        first = max(0, self.computed - self.prompt_length)
        return inside + tuple(self.generated[first : first + count - len(inside)])

    def place(self, slot: int) -> None:
        """Enter the batch at a slot of the cache."""
        assert self.phase is Phase.WAITING
        self.phase, self.slot = Phase.RUNNING, slot

    def advance(self, count: int) -> None:
        """``count`` more tokens are in the cache."""
        assert self.phase is Phase.RUNNING
        assert 0 < count <= self.pending
        self.computed += count

    def append(self, token_id: int) -> None:
        """The forward pass chose the next token."""
        assert self.phase is Phase.RUNNING
        assert self.pending == 0
        assert len(self.generated) < self.request.sampling.max_new_tokens
        self.generated.append(token_id)

    def end(self) -> None:
        """Leave the engine; nothing may follow."""
        assert self.phase is not Phase.ENDED
        self.phase, self.slot = Phase.ENDED, None

    def usage(self) -> Usage:
        return Usage(self.prompt_length, self.cached, len(self.generated))
