"""Blind votes: pairs of answers whose columns nobody can tell until the votes are in.

For each row the baseline's answer is shown beside that of every other column. Which pair comes when, and
which answer stands first, is shuffled for each person and stays so over a reload. A browser only ever gets
texts, and keys that tell it nothing but the row; a vote comes back under the key.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Annotated, Any, Literal

from django.contrib.auth.models import User
from django.utils.crypto import salted_hmac
from pydantic import Field

from playground.actions import votes
from playground.actions.cells import Answer, answers
from playground.actions.comparisons import board_of
from playground.boards import Board, Row
from playground.errors import NotFound, Refusal
from playground.limits import LIMITS
from playground.models import Choice, Comparison, Vote
from playground.specs import Strict

# The row, so that a vote needs to look at that alone, and what only the server can tell.
PairKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}\.[0-9a-f]{32}$")]
Side = Literal["first", "second", "tie", "both_bad"]


class Ballot(Strict):
    """What somebody thinks of a pair; null takes it back."""

    key: PairKey
    choice: Side | None


class End(Strict):
    """Which pairs somebody does not want to judge."""

    skipped: list[PairKey] = Field(default=[], max_length=LIMITS.columns * LIMITS.rows)


@dataclass(frozen=True)
class Pair:
    """An answer of a column and one of the baseline to the same row."""

    key: str
    row: Row
    ours: Answer
    base: Answer
    base_first: bool

    @property
    def shown(self) -> tuple[Answer, Answer]:
        return (self.base, self.ours) if self.base_first else (self.ours, self.base)

    def choice_of(self, side: Side) -> Choice:
        """The vote about ``ours`` that choosing ``side`` is."""
        if side in ("tie", "both_bad"):
            return Choice(side)
        return Choice.WORSE if (side == "first") == self.base_first else Choice.BETTER

    def side_of(self, vote: Vote) -> Side:
        choice = Choice(vote.choice)
        if choice not in votes.OPPOSITE:
            return "tie" if choice == Choice.TIE else "both_bad"
        run = vote.run_id if choice == Choice.BETTER else vote.against_id
        return "first" if run == self.shown[0].pk else "second"


class Booth:
    """The pairs that a person judges, in their order; ``same`` counts those of equal answers."""

    def __init__(self, comparison: Comparison, user: User) -> None:
        self.comparison = comparison
        self.user = user
        self.board: Board = board_of(comparison)
        self.same = 0

    @cached_property
    def pairs(self) -> list[Pair]:
        # Not by the row that a key begins with: rows in the order of their digests are shuffled.
        return sorted(self._pairs(), key=lambda pair: pair.key.rpartition(".")[2])

    @cached_property
    def _votes(self) -> dict[frozenset[uuid.UUID], Vote]:
        mine = Vote.objects.filter(comparison=self.comparison, user=self.user, blind=True)
        return {frozenset((vote.run_id, vote.against_id)): vote for vote in mine}

    def _pairs(self, **only: str) -> Iterator[Pair]:
        cells: dict[tuple[str, str], list[Answer]] = defaultdict(list)
        for answer in answers(self.comparison, self.board, **only):
            cells[answer.column, answer.row].append(answer)
        base = self.board.compared_with.key
        for row, column in product(self.board.rows, self.board.columns):
            if column.key == base or not (cells[base, row.key] and cells[column.key, row.key]):
                continue
            both = product(cells[column.key, row.key], cells[base, row.key])
            # Of several samples the first that differ: of two that are the same nothing can be better.
            if found := next(((ours, theirs) for ours, theirs in both if ours.text != theirs.text), None):
                yield self._pair(row, *found)
            else:
                self.same += 1

    def _pair(self, row: Row, ours: Answer, base: Answer) -> Pair:
        secret = salted_hmac("playground.blind", f"{self.user.pk} {ours.pk} {base.pk}", algorithm="sha256")
        digest = secret.digest()
        # The last byte is not in the key, so the key says nothing about the order.
        key = f"{row.key}.{digest[:16].hex()}"
        return Pair(key, row, ours, base, base_first=digest[-1] % 2 == 0)

    def choice(self, pair: Pair) -> Side | None:
        vote = self._votes.get(frozenset((pair.ours.pk, pair.base.pk)))
        return pair.side_of(vote) if vote else None

    def input_of(self, pair: Pair) -> dict[str, str] | None:
        """What both answer to; None when each column has an input of its own."""
        columns = (self.board.column(run.column) for run in (pair.ours, pair.base))
        ours, base = (self.board.spec_of(column, pair.row).input for column in columns if column)
        return ours if ours == base else None

    def as_json(self) -> dict[str, Any]:
        """All that a browser may know before the votes are in."""
        pairs = [
            {
                "key": pair.key,
                "input": self.input_of(pair),
                "answers": [run.text for run in pair.shown],
                "choice": self.choice(pair),
            }
            for pair in self.pairs
        ]
        return {"pairs": pairs, "same": self.same}

    def cast(self, ballot: Ballot) -> None:
        """Stores a blind vote; raises NotFound for a key that is none of this person's pairs."""
        row = ballot.key.partition(".")[0]
        pair = next((pair for pair in self._pairs(row=row) if pair.key == ballot.key), None)
        if pair is None:
            raise NotFound("pair of answers")
        judged = self.comparison.runs.only("comparison", "row", "status")
        ours, base = (judged.get(pk=answer.pk) for answer in (pair.ours, pair.base))
        choice = ballot.choice and pair.choice_of(ballot.choice)
        votes.cast(self.comparison, self.user, ours, base, choice, blind=True)

    def reveal(self, end: End) -> list[dict[str, Any]]:
        """Who wrote what, of the pairs that were judged.

        Raises Refusal ``votes_missing`` while there are others that were not skipped.
        """
        judged = [(pair, choice) for pair in self.pairs if (choice := self.choice(pair))]
        skipped = set(end.skipped)
        if left := sum(not self.choice(pair) and pair.key not in skipped for pair in self.pairs):
            message = f"{left} pair{'s' if left > 1 else ''} of answers still wait for your vote."
            raise Refusal("votes_missing", message, status=409)
        return [
            {"key": pair.key, "choice": choice, "columns": [run.column for run in pair.shown]}
            for pair, choice in judged
        ]
