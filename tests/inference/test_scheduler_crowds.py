"""Random crowds with an exact account of what every place of the cache holds, and who reads it."""

from __future__ import annotations

from hypothesis import given, settings

from inference.scheduler import Batch, Piece, Scheduler
from inference.sequence import Sequence
from tests.inference.crowd import MOVES, SHAPES, Crowd, Move, Shape, Text, alone, play

Place = tuple[str, int, int]  # "slot" or "block", its number, the offset in it


class Ledger:
    """Plays the forward pass. A place holds the whole text up to its token: keys depend on all of it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.crowd = Crowd(scheduler, self.compute)
        self.scheduler, self.size = scheduler, scheduler.block_tokens
        self.holds: dict[Place, Text] = {}

    def compute(self, batch: Batch) -> None:
        """Copies, then writes, then reads: every layer of the model has this order."""
        self.forget_what_nobody_holds()
        for copy in batch.copies:
            for index in range(len(copy.blocks) * self.size):
                block = ("block", copy.blocks[index // self.size], index % self.size)
                self.holds["slot", copy.slot, index] = self.holds[block]
        self.write(batch)
        for piece in batch.all:
            self.check_reads(piece)
        self.check_form(batch)

    def write(self, batch: Batch) -> None:
        written = [(self.written(piece, at), piece, at) for piece in batch.all for at in self.span(piece)]
        places = [place for place, *_ in written]
        assert len(set(places)) == len(places), "two tokens for one place"
        for place, piece, at in written:
            assert place[0] == "slot" or not self.scheduler.pool.is_filled(place[1]), "computed twice"
            self.holds[place] = self.text(piece, at)

    def check_reads(self, piece: Piece) -> None:
        """All before the piece is read from the pool up to ``prefix``, then from the slot."""
        for at in range(piece.start):
            place = self.in_pool(piece, at) if at < piece.prefix else self.in_slot(piece, at)
            assert self.holds.get(place) == self.text(piece, at), (piece, at, place)

    def check_form(self, batch: Batch) -> None:
        """What FlatPlan relies on."""
        slots = [piece.slot for piece in batch.rows]
        assert slots == sorted(slots)
        held = [piece.slot for piece in batch.all if piece.slot >= 0]
        assert len(set(held)) == len(held)
        assert len({piece.request_id for piece in batch.all}) == len(batch.all)
        for row in batch.rows:
            assert (len(row.ids), row.slot >= 0, row.prefix) == (1, True, row.base)
        for piece in batch.all:
            assert piece.ids == self.text(piece, piece.stop - 1)[piece.start :]
            assert piece.base % self.size == 0

    def forget_what_nobody_holds(self) -> None:
        """Else an old text could pass for a new one that happens to be equal."""
        slots = {s.slot for s in self.crowd.running()}
        pool = self.scheduler.pool
        for place in list(self.holds):
            kind, number, _ = place
            held = number in slots if kind == "slot" else pool.references(number) or pool.is_filled(number)
            if not held:
                del self.holds[place]

    def written(self, piece: Piece, at: int) -> Place:
        return self.in_pool(piece, at) if at < len(piece.blocks) * self.size else self.in_slot(piece, at)

    def in_pool(self, piece: Piece, at: int) -> Place:
        return "block", piece.blocks[at // self.size], at % self.size

    def in_slot(self, piece: Piece, at: int) -> Place:
        assert piece.slot >= 0
        assert 0 <= at - piece.base < self.scheduler.slot_tokens
        return "slot", piece.slot, at - piece.base

    def span(self, piece: Piece) -> range:
        return range(piece.start, piece.stop)

    def text(self, piece: Piece, at: int) -> Text:
        return self.crowd.text(piece.request_id)[: at + 1]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(SHAPES, MOVES)
def test_every_token_sees_exactly_its_own_text(shape: Shape, moves: list[Move]) -> None:
    scheduler = shape.scheduler()
    ledger = Ledger(scheduler)
    play(ledger.crowd, moves)
    assert (scheduler.running, scheduler.waiting, scheduler.tokens_used) == (0, 0, 0)
    assert all(scheduler.pool.references(block) == 0 for block in range(scheduler.pool.blocks))
    for sequence in ledger.crowd.sequences.values():
        check_answer(sequence, ledger.crowd)


def check_answer(sequence: Sequence, crowd: Crowd) -> None:
    """As if alone, every wanted position once and in order; the beginning of it if it was ended early."""
    text, delivered = crowd.text(sequence.id), crowd.delivered[sequence.id]
    whole, wanted = alone(sequence.request), wanted_positions(sequence)
    if sequence.id not in crowd.completed:
        whole, wanted = whole[: len(text)], wanted[: len(delivered)]
    assert (text, delivered) == (whole, wanted)


def wanted_positions(sequence: Sequence) -> list[int]:
    """From the one before the first scored token, or the last of the prompt, to the last with a follower."""
    request = sequence.request
    first = sequence.prompt_length - 1 if request.score_from is None else max(request.score_from, 1) - 1
    last = sequence.prompt_length + request.sampling.max_new_tokens - 2
    return list(range(first, last + 1 + (request.next_token and not sequence.generates)))
