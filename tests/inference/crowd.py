"""Drives a scheduler as the engine does, with a made-up model: the next token is a function of the text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from inference.blocks import BlockPool
from inference.pace import Pace
from inference.scheduler import Batch, Scheduler
from inference.sequence import Phase, Sequence
from inference.types import GenerationRequest, Priority, SamplingParams

Text = tuple[int, ...]
LONGEST = 48  # tokens of a prompt and its answer


def next_token(text: Text) -> int:
    """What the made-up model writes behind a text; few different ones, so that answers meet again."""
    return sum(text) % 2 + 1


def alone(request: GenerationRequest) -> Text:
    """The whole text of a request that nobody disturbs."""
    text = request.prompt_ids
    for _ in range(request.sampling.max_new_tokens):
        text = (*text, next_token(text))
    return text


def request(
    name: str,
    ids: Text,
    new: int = 4,
    *,
    user: str = "",
    priority: Priority = Priority.INTERACTIVE,
    score_from: int | None = None,
    next_token: bool = False,
) -> GenerationRequest:
    sampling = SamplingParams(max_new_tokens=new)
    return GenerationRequest(name, ids, sampling, score_from, next_token, user, priority)


@dataclass(frozen=True)
class Shape:
    """Of a scheduler; the default is small enough to look at."""

    slots: int = 4
    slot_tokens: int = LONGEST
    blocks: int = 16
    block_tokens: int = 4
    share_from: int = 8
    budget: int = 8
    idle_budget: int = 24
    chunks: bool = True
    by_user: bool = False

    def scheduler(self) -> Scheduler:
        return Scheduler(
            self.slots,
            self.slot_tokens,
            pool=BlockPool(self.blocks if self.chunks else 0),  # as the slow path has it
            block_tokens=self.block_tokens,
            share_from=self.share_from,
            pace=Pace(first=self.budget, least=self.budget, most=self.budget),
            idle_budget=self.idle_budget,
            chunks=self.chunks,
            secret=lambda request: request.user.encode() if self.by_user else b"",
        )


class Crowd:
    """Requests and the scheduler that runs them; ``compute`` is the forward pass."""

    def __init__(self, scheduler: Scheduler, compute: Callable[[Batch], None] = lambda batch: None) -> None:
        self.scheduler = scheduler
        self.sequences: dict[str, Sequence] = {}
        self.delivered: dict[str, list[int]] = {}  # positions whose logits came, by request
        self.completed: set[str] = set()
        self._compute = compute

    def add(self, *requests: GenerationRequest) -> None:
        for request in requests:
            sequence = self.sequences[request.request_id] = Sequence(request)
            self.delivered[request.request_id] = []
            self.scheduler.add(sequence)

    def text(self, request_id: str) -> Text:
        """All that is known."""
        sequence = self.sequences[request_id]
        return sequence.next_ids(0, sequence.known)

    def alive(self) -> list[Sequence]:
        return [s for s in self.sequences.values() if s.phase is not Phase.ENDED]

    def running(self) -> list[Sequence]:
        return [s for s in self.sequences.values() if s.phase is Phase.RUNNING]

    def step(self) -> Batch:
        batch = self.scheduler.plan()
        self.scheduler.check_integrity()
        self._compute(batch)
        self.scheduler.advance(batch)
        for piece in batch.all:
            for position in range(piece.stop - piece.wanted, piece.stop):
                self._deliver(self.sequences[piece.request_id], position)
        for sequence in self.scheduler.finished():
            self._complete(sequence)
        self.scheduler.check_integrity()
        return batch

    def drain(self, most: int = 2000) -> list[Batch]:
        """Steps until all have ended; each one must bring somebody forward."""
        steps: list[Batch] = []
        while alive := len(self.alive()):
            steps.append(self.step())
            assert steps[-1].all or len(self.alive()) < alive, "the scheduler is stuck"
            assert len(steps) < most
        return steps

    def _deliver(self, sequence: Sequence, position: int) -> None:
        self.delivered[sequence.id].append(position)
        sequence.report(position)
        if sequence.after(position) is None and sequence.generates:
            sequence.append(next_token(self.text(sequence.id)))
            if len(sequence.generated) == sequence.request.sampling.max_new_tokens:
                self._complete(sequence)

    def _complete(self, sequence: Sequence) -> None:
        self.completed.add(sequence.id)
        self.scheduler.end(sequence)


# Few stretches, so that prompts begin alike, part within a block or at its border, and meet again.
_STRETCHES: list[Text] = [(1,), (2,), (1, 1, 2), (1, 2, 2, 1, 2), (2, 1, 1, 1, 2, 2, 1, 2)]
PROMPTS = st.lists(st.sampled_from(_STRETCHES), min_size=1, max_size=6).map(lambda parts: sum(parts, ())[:36])

SHAPES = st.builds(
    Shape,
    slots=st.integers(1, 4),
    blocks=st.integers(0, 14),
    block_tokens=st.integers(1, 5),
    share_from=st.sampled_from([0, 4, 8, 1000]),
    budget=st.integers(1, 9),
    idle_budget=st.integers(1, 30),
    chunks=st.sampled_from([True, True, True, False]),
    by_user=st.booleans(),
)


@dataclass(frozen=True)
class Move:
    """What happens next; ``prompts`` are added before a step, ``pick`` chooses whom it happens to."""

    kind: str
    pick: int = 0
    prompts: tuple[tuple[Text, int, str, Priority, int, bool], ...] = ()


_ADDED = st.tuples(
    PROMPTS,
    st.sampled_from([0, 1, 2, 6, 12]),  # new tokens
    st.sampled_from(["ann", "bob"]),
    st.sampled_from(Priority),
    st.sampled_from([-1, -1, -1, 0, 5, 36]),  # score_from, -1: none
    st.booleans(),  # next_token
)
MOVES = st.lists(
    st.one_of(
        st.builds(Move, st.just("add"), prompts=st.lists(_ADDED, min_size=1, max_size=3).map(tuple)),
        st.builds(Move, st.just("step")),
        st.builds(Move, st.just("step")),
        st.builds(Move, st.sampled_from(["end", "fault", "preempt", "shrink"]), st.integers(0, 20)),
    ),
    max_size=30,
)


def play(crowd: Crowd, moves: list[Move]) -> None:
    """Make the moves, then let everything come to its end."""
    for number, move in enumerate(moves):
        _make(crowd, move, str(number))
        crowd.scheduler.check_integrity()
    crowd.drain()


def _make(crowd: Crowd, move: Move, name: str) -> None:
    alive, running = crowd.alive(), crowd.running()
    if move.kind == "add":
        crowd.add(*(_added(f"{name}.{n}", *fields) for n, fields in enumerate(move.prompts)))
    elif move.kind == "step":
        crowd.step()
    elif move.kind == "shrink" and running:
        crowd.scheduler.shrink()
    elif move.kind == "preempt" and running:
        crowd.scheduler.preempt(running[move.pick % len(running)])
    elif move.kind in ("end", "fault") and alive:
        crowd.scheduler.end(alive[move.pick % len(alive)], faulty=move.kind == "fault")


def _added(
    name: str, ids: Text, new: int, user: str, priority: Priority, score_from: int, next_token: bool
) -> GenerationRequest:
    return request(
        name,
        ids,
        new,
        user=user,
        priority=priority,
        score_from=None if score_from < 0 else min(score_from, len(ids)),
        next_token=next_token,
    )
