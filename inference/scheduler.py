"""Who computes what in the next step. Pure bookkeeping: no torch, no threads, no text."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass

from inference.sequence import Phase, Sequence


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive tokens of one request to compute: ``ids`` go to ``slot`` from position ``start`` on.

    With ``sample`` the logits after the last of them choose the next token.
    """

    request_id: str
    slot: int
    start: int
    ids: tuple[int, ...]
    sample: bool

    @property
    def stop(self) -> int:
        return self.start + len(self.ids)


@dataclass(frozen=True, slots=True)
class Batch:
    """The plan of one step: single tokens first, by slot; then longer pieces in order of arrival."""

    pieces: tuple[Piece, ...] = ()

    @property
    def samples(self) -> tuple[Piece, ...]:
        return tuple(piece for piece in self.pieces if piece.sample)


class Scheduler:
    """First come, first served, over a fixed number of slots of ``slot_tokens`` tokens each."""

    def __init__(self, slots: int, slot_tokens: int, prefill_budget: int, idle_prefill_budget: int) -> None:
        self.slots = slots
        self.slot_tokens = slot_tokens
        self._prefill_budget = prefill_budget
        self._idle_prefill_budget = idle_prefill_budget
        self._free = list(range(slots))
        self._waiting: deque[Sequence] = deque()
        self._running: dict[str, Sequence] = {}

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def tokens_used(self) -> int:
        """Tokens whose keys and values are held for running requests."""
        return sum(sequence.computed for sequence in self._running.values())

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence. The door has checked that it fits a slot."""
        assert sequence.phase is Phase.WAITING
        assert sequence.reserved <= self.slot_tokens
        self._waiting.append(sequence)

    def plan(self) -> Batch:
        """Fill free slots from the queue and choose the tokens of the next step."""
        self._place_waiting()
        singles = [s for s in self._running.values() if s.pending == 1]
        budget = self._prefill_budget if singles else self._idle_prefill_budget
        pieces = [_piece(s, 1) for s in sorted(singles, key=_slot)]
        longer: list[Piece] = []
        for sequence in self._running.values():
            if sequence.pending > 1 and budget > 0:
                count = min(budget, sequence.pending)
                budget -= count
                (longer if count > 1 else pieces).append(_piece(sequence, count))
        pieces.sort(key=lambda piece: piece.slot)
        return Batch((*pieces, *longer))

    def advance(self, batch: Batch) -> None:
        """The forward pass of the plan is done."""
        for piece in batch.pieces:
            self._running[piece.request_id].advance(len(piece.ids))

    def end(self, sequence: Sequence) -> None:
        """Take a waiting or running sequence out and free its slot."""
        if sequence.phase is Phase.RUNNING:
            del self._running[sequence.id]
            assert sequence.slot is not None
            heapq.heappush(self._free, sequence.slot)
        else:
            self._waiting.remove(sequence)
        sequence.end()

    def check_integrity(self) -> None:
        """Raise AssertionError unless every slot is free or held by exactly one running sequence."""
        held = [_slot(sequence) for sequence in self._running.values()]
        assert sorted(held + self._free) == list(range(self.slots))
        assert all(s.phase is Phase.RUNNING for s in self._running.values())
        assert all(s.phase is Phase.WAITING and s.slot is None for s in self._waiting)
        assert all(s.computed <= s.known <= s.reserved <= self.slot_tokens for s in self._running.values())

    def _place_waiting(self) -> None:
        # The lowest free slot keeps the slots in use close together: the attention of single
        # tokens runs over a contiguous range of slots.
        while self._waiting and self._free:
            sequence = self._waiting.popleft()
            sequence.place(heapq.heappop(self._free))
            self._running[sequence.id] = sequence


def _slot(sequence: Sequence) -> int:
    assert sequence.slot is not None
    return sequence.slot


def _piece(sequence: Sequence, count: int) -> Piece:
    sample = count == sequence.pending
    return Piece(sequence.id, _slot(sequence), sequence.computed, sequence.next_ids(count), sample)
