"""Who computes what in the next step. Pure bookkeeping: no torch, no threads, no text."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from itertools import groupby

from inference.blocks import BlockPool, keys_of
from inference.pace import Pace
from inference.sequence import Phase, Sequence
from inference.types import GenerationRequest, Priority

Secret = Callable[[GenerationRequest], bytes]
_LONG = 256  # tokens in a slot
_FRESH = 3  # tokens of an answer at most, while nobody reads along yet


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive tokens of one request to compute: ``ids``, from position ``start`` on.

    Keys and values go to ``blocks`` as far as these reach and to the slot from there on, where the
    first place stands for position ``base``. Before ``prefix`` the piece reads what it attends to from
    the blocks, from there to ``start`` in the slot. Logits are wanted after the last ``wanted`` tokens.
    """

    request_id: str
    slot: int  # -1 if nothing is in a slot yet
    start: int
    ids: tuple[int, ...]
    wanted: int
    blocks: tuple[int, ...] = ()
    prefix: int = 0
    base: int = 0
    source: tuple[int, ...] = ()  # what the encoder reads, if the model has one

    @property
    def stop(self) -> int:
        return self.start + len(self.ids)


@dataclass(frozen=True, slots=True)
class Copy:
    """The contents of ``blocks`` go to the first places of a slot, before anything is computed."""

    request_id: str
    slot: int
    blocks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """The plan of one step.

    ``rows`` are single tokens whose request has all it needs in its slot and whole groups of blocks,
    by slot; ``pieces`` are stretches of prompts, in the order in which they may rely on each other.
    """

    rows: tuple[Piece, ...] = ()
    pieces: tuple[Piece, ...] = ()
    copies: tuple[Copy, ...] = ()

    @property
    def all(self) -> tuple[Piece, ...]:
        return (*self.rows, *self.pieces)

    @property
    def prompt_tokens(self) -> int:
        return sum(len(piece.ids) for piece in self.pieces)


@dataclass(slots=True)
class _Step:
    """What one round of planning has decided so far."""

    budget: int
    rows: list[Piece] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    filling: set[int] = field(default_factory=set)  # blocks that this step fills


class Scheduler:
    """Continuous batching over a number of slots and a pool of blocks.

    Waiting requests enter by priority, then by how little their user has running, then by age; a
    running request of lower priority makes room. Everything that runs takes part in every step:
    answers with one token each, prompts with as many as the budget allows, by priority, oldest first. Two
    requests with the same beginning compute it once, even within one step: the later relies on the earlier.
    """

    def __init__(
        self,
        slots: int,
        slot_tokens: int,
        *,
        pool: BlockPool | None = None,
        block_tokens: int = 16,
        share_from: int = 512,
        pace: Pace,
        idle_budget: int,
        chunks: bool = True,
        secret: Secret = lambda request: b"",
        vacate: Callable[[Sequence], None] = lambda sequence: None,
    ) -> None:
        self.slots, self.slot_tokens, self.block_tokens = slots, slot_tokens, block_tokens
        self.pool = pool or BlockPool(0)
        self.preemptions = self.tokens_computed = self.tokens_reused = 0
        self._share_from, self._chunks = share_from, chunks
        self._pace, self._idle_budget, self._secret = pace, idle_budget, secret
        self._vacate = vacate  # called before a sequence that is preempted leaves its slot
        self._free = list(range(slots))  # ascending
        self._most = slots  # that may run at once; fewer for a while after the device ran out of memory
        self._waiting: dict[str, Sequence] = {}
        self._running: dict[str, Sequence] = {}  # oldest placed first
        self._arrivals = 0

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
        self._arrivals += 1
        sequence.arrival = self._arrivals
        self._waiting[sequence.id] = sequence

    def plan(self) -> Batch:
        """Let waiting requests in and choose the tokens of the next step."""
        self._admit()
        running = sorted(self._running.values(), key=lambda s: s.request.priority)
        step = _Step(self._budget(running))
        for sequence in running:
            if sequence.request.priority is not Priority.PREFETCH:
                self._plan(sequence, step)
        if not step.rows and not step.pieces:
            for sequence in running:
                self._plan(sequence, step)
        step.rows.sort(key=lambda piece: piece.slot)
        return Batch(tuple(step.rows), tuple(step.pieces), tuple(step.copies))

    def _budget(self, running: list[Sequence]) -> int:
        """Prompt tokens that may be computed in the next step."""
        answering = [sequence for sequence in running if _is_answering(sequence)]
        if not answering:
            return self._idle_budget
        fresh = all(len(sequence.generated) <= _FRESH for sequence in answering)
        return self._pace.budget(len(answering), len(running), fresh=fresh)

    def advance(self, batch: Batch) -> None:
        """The forward pass of the plan is done."""
        for copy in batch.copies:
            self._running[copy.request_id].moved = True
        for piece in batch.all:
            sequence = self._running[piece.request_id]
            reused = sequence.cached
            sequence.advance(piece.start, piece.stop)
            self.tokens_reused += sequence.cached - reused
            self.tokens_computed += len(piece.ids)
            for block in self._filled_by(piece):
                self.pool.fill(block)

    def finished(self) -> list[Sequence]:
        """Running sequences that have nothing left to compute and generate nothing."""
        return [s for s in self._running.values() if not s.generates and self._reach(s) >= s.end_of_known]

    def end(self, sequence: Sequence, *, faulty: bool = False) -> None:
        """Take a waiting or running sequence out; with ``faulty`` nobody may find what it computed."""
        if sequence.phase is Phase.RUNNING:
            if faulty:
                self.pool.forget(sequence.blocks)
            self._leave(sequence)
        else:
            del self._waiting[sequence.id]
        sequence.end()
        self._most = min(self.slots, self._most + 1)

    def preempt(self, sequence: Sequence) -> None:
        """Send a running sequence back to wait. What it knows is kept, and its blocks stay findable."""
        self._vacate(sequence)
        self._leave(sequence)
        sequence.preempt()
        self._waiting[sequence.id] = sequence
        self.preemptions += 1

    def shrink(self, *, all_begin_anew: bool = False) -> list[Sequence]:
        """Send the younger half of the running sequences back to wait; at least one stays.

        With ``all_begin_anew`` the others go back, too, and return at once. A place comes back with
        every sequence that ends.
        """
        self._most = (len(self._running) + 1) // 2
        victims = list(self._running.values())[0 if all_begin_anew else self._most :]
        for sequence in victims:
            self.preempt(sequence)
        return victims

    def check_integrity(self) -> None:
        """Raise AssertionError unless every slot and block is free or held by those that run."""
        self.pool.check_integrity()
        running = list(self._running.values())
        held = [s.slot for s in running if s.slot is not None]
        assert sorted([*held, *self._free]) == list(range(self.slots))
        assert len(running) <= self.slots
        uses = Counter(block for s in running for block in s.blocks)
        assert all(self.pool.references(block) == uses[block] for block in range(self.pool.blocks))
        assert all(s.phase is Phase.RUNNING for s in running)
        assert all(s.phase is Phase.WAITING and s.slot is None for s in self._waiting.values())
        assert all(s.computed <= s.known <= s.reserved <= self.slot_tokens for s in running)

    # Entering and leaving

    def _admit(self) -> None:
        while self._waiting:
            users = Counter(s.request.user for s in self._running.values())
            first = min(
                self._waiting.values(), key=lambda s: (s.request.priority, users[s.request.user], s.arrival)
            )
            if len(self._running) >= self._most and not self._make_room(first.request.priority):
                return
            self._place(first)

    def _make_room(self, priority: Priority) -> bool:
        """Preempt the running sequence that matters least, if it matters less than ``priority``."""
        victim = max(self._running.values(), key=lambda s: (s.request.priority, s.arrival))
        if victim.request.priority <= priority:
            return False
        self.preempt(victim)
        return True

    def _place(self, sequence: Sequence) -> None:
        del self._waiting[sequence.id]
        ids = sequence.next_ids(0, sequence.wanted_from)
        keys = keys_of(ids, self.block_tokens, self._secret(sequence.request)) if self.pool.blocks else []
        sequence.place(self.pool.take(keys), self.block_tokens)
        self._running[sequence.id] = sequence

    def _leave(self, sequence: Sequence) -> None:
        del self._running[sequence.id]
        self.pool.release(sequence.blocks)
        if sequence.slot is not None:
            insort(self._free, sequence.slot)

    # Planning

    def _plan(self, sequence: Sequence, step: _Step) -> None:
        start = self._reach(sequence, step.filling)
        left = sequence.end_of_known - start
        if left <= 0:
            return
        complete = start >= sequence.shared and self._reach(sequence) >= sequence.shared
        if complete and not sequence.moved:
            step.copies.extend(self._copies(sequence))
        if complete and left == 1:
            step.rows.append(self._piece(sequence, start, 1, moved=True))
            return
        # Whoever leaves a block unfinished has used up the budget: no two compute one block in one step.
        count = min(left, step.budget) if self._chunks else left * (step.budget > 0)
        if count > 0:
            piece = self._piece(sequence, start, count, moved=complete)
            step.pieces.append(piece)
            step.budget -= count
            step.filling.update(self._filled_by(piece))

    def _reach(self, sequence: Sequence, filling: Container[int] = ()) -> int:
        """How far a sequence is, counting blocks that others have filled or fill in this step."""
        at, size = sequence.computed, self.block_tokens
        while at < sequence.shared:
            block = self._block_at(sequence, at)
            if not self.pool.is_filled(block) and block not in filling:
                break
            at = (at // size + 1) * size
        return at

    def _block_at(self, sequence: Sequence, position: int) -> int:
        return sequence.blocks[position // self.block_tokens]

    def _copies(self, sequence: Sequence) -> list[Copy]:
        """What of its blocks the sequence wants in its slot."""
        slot, base = self._slot_of(sequence)
        blocks = sequence.blocks[base // self.block_tokens :]
        return [Copy(sequence.id, slot, tuple(blocks))] if blocks else []

    def _piece(self, sequence: Sequence, start: int, count: int, *, moved: bool) -> Piece:
        slot, base = -1, sequence.shared
        if start + count > sequence.shared:
            slot, base = self._slot_of(sequence)
        return Piece(
            request_id=sequence.id,
            slot=slot,
            start=start,
            ids=sequence.next_ids(start, count),
            wanted=max(0, start + count - max(start, sequence.wanted_from)),
            blocks=tuple(sequence.blocks),
            prefix=base if moved else min(start, sequence.shared),
            base=base,
            source=sequence.request.source_ids,
        )

    def _slot_of(self, sequence: Sequence) -> tuple[int, int]:
        """The slot of a sequence and the position its first place stands for, chosen when first needed."""
        if sequence.slot is None:
            sequence.base = self._base(sequence)
            # Attention runs over neighbouring slots up to the longest text in them: long ones gather at
            # one end and short ones at the other.
            long = sequence.known - sequence.base >= _LONG
            sequence.slot = self._free.pop(-1 if long else 0)
        assert sequence.base is not None
        return sequence.slot, sequence.base

    def _base(self, sequence: Sequence) -> int:
        """Where reading from the pool stops to pay: each level of sharing costs one more call a layer.

        A level of L tokens that R sequences share saves reading it R - 1 times.
        """
        users = [self.pool.references(block) for block in sequence.blocks]
        base = 0
        for count, level in groupby(users):
            tokens = sum(1 for _ in level) * self.block_tokens
            if (count - 1) * tokens < self._share_from:
                break
            base += tokens
        return base

    def _filled_by(self, piece: Piece) -> tuple[int, ...]:
        size = self.block_tokens
        return piece.blocks[piece.start // size : piece.stop // size]


def _is_answering(sequence: Sequence) -> bool:
    return bool(sequence.generated) and sequence.pending == 1
