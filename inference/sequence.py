"""One request inside the engine: what is known, what is computed, and the legal moves. No torch."""

from __future__ import annotations

from enum import Enum

from inference.types import GenerationRequest, Usage


class Phase(Enum):
    """WAITING -> RUNNING -> ENDED; back to WAITING when preempted; a waiting sequence may end at once."""

    WAITING = 1
    RUNNING = 2
    ENDED = 3


class Sequence:
    """Token bookkeeping of one request.

    There is no prompt phase and no answer phase: a sequence has *known* tokens (prompt and
    generated) and *computed* ones (their keys and values are in the cache), and every step lets it
    catch up. Where its keys and values are, by position::

        0            base                shared                 known
        |  blocks    |  blocks, copied   |  slot only           |
        |  of the    |  to the slot once |                      |
        |  pool      |  all are filled   |                      |

    ``shared`` is where the blocks end. ``base`` is the position that the slot's first place stands for;
    it is chosen when the first token goes to the slot, and ``moved`` says that the copy was made.
    """

    def __init__(self, request: GenerationRequest) -> None:
        self.request = request
        self.phase = Phase.WAITING
        self.generated: list[int] = []
        self.computed = 0
        self.cached = 0
        self.arrival = 0  # set by the scheduler
        self.blocks: list[int] = []
        self.shared = 0
        self.base: int | None = None
        self.slot: int | None = None
        self.moved = False
        self.preempted = False
        self._reported = 0  # positions whose logits have been delivered

    @property
    def id(self) -> str:
        return self.request.request_id

    @property
    def prompt_length(self) -> int:
        return len(self.request.prompt_ids)

    @property
    def begun_ids(self) -> tuple[int, ...]:
        """The tokens of the answer that the caller chose."""
        return self.request.prompt_ids[self.prompt_length - self.request.begun :]

    @property
    def known(self) -> int:
        return self.prompt_length + len(self.generated)

    @property
    def generates(self) -> bool:
        return self.request.sampling.max_new_tokens > 0

    @property
    def end_of_known(self) -> int:
        """Tokens that have to be computed: all known ones, less the last if nobody asks what follows it."""
        only_scored = self.request.score_from is not None and not self.generates
        return self.known - (only_scored and not self.request.next_token)

    @property
    def pending(self) -> int:
        """Known tokens that still have to be computed."""
        return self.end_of_known - self.computed

    @property
    def reserved(self) -> int:
        """The most tokens this sequence can ever need in the cache."""
        return self.prompt_length + self.request.sampling.max_new_tokens

    @property
    def wanted_from(self) -> int:
        """The first position whose logits are still wanted; what lies before may come from the cache."""
        if self.request.score_from is not None:
            first = max(self.request.score_from, 1) - 1
        elif self.generates or self.request.next_token:
            first = self.prompt_length - 1
        else:
            first = self.prompt_length
        return max(first, self._reported)

    def next_ids(self, start: int, count: int) -> tuple[int, ...]:
        """``count`` known tokens from position ``start`` on."""
        assert start + count <= self.known
        inside = self.request.prompt_ids[start : start + count]
        first = max(0, start - self.prompt_length)
        return inside + tuple(self.generated[first : first + count - len(inside)])

    def after(self, position: int) -> int | None:
        """The token that follows a position, or None behind the last known one."""
        return self.next_ids(position + 1, 1)[0] if position + 1 < self.known else None

    def place(self, blocks: list[int], block_tokens: int) -> None:
        """Enter the batch with references to the blocks of its beginning."""
        assert self.phase is Phase.WAITING
        self.phase, self.blocks = Phase.RUNNING, blocks
        self.shared = len(blocks) * block_tokens

    def preempt(self) -> None:
        """Leave the batch with all that is known; nothing is computed any more."""
        assert self.phase is Phase.RUNNING
        self.phase, self.preempted = Phase.WAITING, True
        self.blocks, self.shared, self.computed = [], 0, 0
        self.base, self.slot, self.moved = None, None, False

    def advance(self, start: int, stop: int) -> None:
        """Tokens from ``start`` to ``stop`` are in the cache now; those before ``start`` already were."""
        assert self.phase is Phase.RUNNING
        assert self.computed <= start < stop <= self.end_of_known
        if not self.preempted:
            self.cached += start - self.computed
        self.computed = stop

    def report(self, position: int) -> None:
        """The logits of this position have been delivered."""
        self._reported = position + 1

    def append(self, token_id: int) -> None:
        """The forward pass chose the next token."""
        assert self.phase is Phase.RUNNING
        assert self.computed == self.known
        assert len(self.generated) < self.request.sampling.max_new_tokens
        self.generated.append(token_id)

    def end(self) -> None:
        """Leave the engine; nothing may follow."""
        assert self.phase is not Phase.ENDED
        self.phase, self.slot, self.blocks = Phase.ENDED, None, []

    def usage(self) -> Usage:
        return Usage(self.prompt_length, self.cached, len(self.generated))
