"""Results of a comparison: each column against the baseline, with how sure that is.

The unit is a row: what several people said of a row is put together first, since their votes on the same
two answers are not independent. Judgements on answers to an earlier prompt are counted apart, not in.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from playground import statistics
from playground.actions.cells import answers, figures, is_fresh
from playground.actions.comparisons import board_of
from playground.actions.votes import OPPOSITE
from playground.boards import Board, Column
from playground.models import Choice, Comparison, Rating, Run, Vote

FIGURES = ("logprob_mean", "latency_ms", "first_token_ms", "prompt_tokens", "completion_tokens")
JUDGED = ("column", "row", "sample", "asks_hash")


@dataclass(frozen=True)
class Judgement:
    """One person's choice about an answer of a column, seen against one of the baseline."""

    column: str
    row: str
    user: int
    choice: Choice
    blind: bool


@dataclass(frozen=True)
class Difference:
    """By how much one person's marks of a column are above those of the baseline, in one row."""

    column: str
    row: str
    value: float


class Evidence:
    """What is known of the answers that the board would give now."""

    def __init__(self, comparison: Comparison) -> None:
        self.board: Board = board_of(comparison)
        self.base = self.board.compared_with
        self._fresh: dict[uuid.UUID, bool] = {}
        self.answers = answers(comparison, self.board)
        self.outdated = 0
        self.judgements = list(self._judgements(comparison))
        self.differences = list(self._differences(comparison))

    def is_fresh(self, run: Run) -> bool:
        """As in cells; answers are judged more than once."""
        if run.pk not in self._fresh:
            self._fresh[run.pk] = is_fresh(run, self.board)
        return self._fresh[run.pk]

    def _judgements(self, comparison: Comparison) -> Iterable[Judgement]:
        fields = [f"{run}__{name}" for run in ("run", "against") for name in JUDGED]
        votes = Vote.objects.filter(comparison=comparison).select_related("run", "against")
        for vote in votes.only("choice", "blind", "user_id", *fields):
            if not (self.is_fresh(vote.run) and self.is_fresh(vote.against)):
                self.outdated += 1
            elif found := self._against_the_base(vote):
                yield found

    def _against_the_base(self, vote: Vote) -> Judgement | None:
        choice, ours, base = Choice(vote.choice), vote.run, vote.against
        if ours.column == self.base.key:
            choice, ours, base = OPPOSITE.get(choice, choice), base, ours
        if base.column != self.base.key or ours.column == self.base.key:
            return None  # of two other columns, or of two samples of one
        return Judgement(ours.column, ours.row, vote.user_id, choice, vote.blind)

    def _differences(self, comparison: Comparison) -> Iterable[Difference]:
        ratings = Rating.objects.filter(run__comparison=comparison).exclude(mark=None)
        fields = [f"run__{name}" for name in JUDGED]
        marks: dict[tuple[str, int], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for rating in ratings.select_related("run").only("mark", "user_id", *fields):
            if self.is_fresh(rating.run):
                marks[rating.run.row, rating.user_id][rating.run.column].append(rating.mark or 0)
        for (row, _), by_column in marks.items():
            base = statistics.mean(by_column.get(self.base.key, []))
            for column, given in by_column.items():
                ours = statistics.mean(given)
                if column != self.base.key and base is not None and ours is not None:
                    yield Difference(column, row, ours - base)


def results(comparison: Comparison) -> dict[str, Any]:
    """Every column with its figures and, but for the baseline, how it stands against that."""
    evidence = Evidence(comparison)
    board = evidence.board
    others = [column for column in board.columns if column is not evidence.base]
    verdicts = [_verdict(evidence, column) for column in others]
    tested = [verdict for verdict in verdicts if verdict["decided"]]
    raised = statistics.holm([verdict["p"] for verdict in tested])
    for verdict, p in zip(tested, raised, strict=True):
        verdict["p_holm"] = p
    for column, verdict in zip(others, verdicts, strict=True):
        verdict["sentence"] = _sentence(board, column, verdict, len(tested))
    by_key = {column.key: verdict for column, verdict in zip(others, verdicts, strict=True)}
    return {
        "baseline": evidence.base.key,
        "columns": [
            {
                "key": column.key,
                "letter": board.letter(column),
                "title": column.title,
                "figures": _figures(evidence, column),
                "against_baseline": by_key.get(column.key),
            }
            for column in board.columns
        ],
        "compared": len(tested),
        "agreement": _agreement(evidence),
        "votes": len(evidence.judgements),
        "blind_votes": sum(judgement.blind for judgement in evidence.judgements),
        "outdated_votes": evidence.outdated,
    }


def _verdict(evidence: Evidence, column: Column) -> dict[str, Any]:
    judgements = [one for one in evidence.judgements if one.column == column.key]
    rows: dict[str, list[Judgement]] = defaultdict(list)
    for one in judgements:
        rows[one.row].append(one)
    said = Counter(of_row(those) for those in rows.values())
    wins, losses = said[Choice.BETTER], said[Choice.WORSE]
    differences = _by_row(one for one in evidence.differences if one.column == column.key)
    return {
        "rows": {choice.value: said[choice] for choice in Choice},
        "votes": {choice.value: sum(one.choice == choice for one in judgements) for choice in Choice},
        "decided": wins + losses,
        "preferred": wins / (wins + losses) if wins + losses else None,
        "interval": statistics.wilson(wins, wins + losses),
        "p": statistics.sign_test(wins, losses) if wins + losses else None,
        "p_holm": None,
        "rating": {
            "rows": len(differences),
            "difference": statistics.mean(differences),
            "interval": statistics.mean_interval(differences) if differences else None,
        },
    }


def of_row(judgements: list[Judgement]) -> Choice:
    """What the voters of one row say together: the majority of those who prefer one of the answers.

    Of one person's several votes on a row the majority counts once. A draw is a tie, unless most say that
    both answers are bad.
    """
    people: dict[int, list[Choice]] = defaultdict(list)
    for one in judgements:
        people[one.user].append(one.choice)
    return _majority([_majority(choices) for choices in people.values()])


def _majority(choices: list[Choice]) -> Choice:
    said = Counter(choices)
    if said[Choice.BETTER] != said[Choice.WORSE]:
        return Choice.BETTER if said[Choice.BETTER] > said[Choice.WORSE] else Choice.WORSE
    return Choice.BOTH_BAD if 2 * said[Choice.BOTH_BAD] > len(choices) else Choice.TIE


def _by_row(differences: Iterable[Difference]) -> list[float]:
    """One difference for each row: the mean over its people."""
    rows: dict[str, list[float]] = defaultdict(list)
    for one in differences:
        rows[one.row].append(one.value)
    means = (statistics.mean(values) for values in rows.values())
    return [value for value in means if value is not None]


def _figures(evidence: Evidence, column: Column) -> dict[str, Any]:
    """Means over the newest answers of a column, and how many of the samples of a row differ."""
    own = [run for run in evidence.answers if run.column == column.key]
    measured = [figures(run) for run in own]
    rows: dict[str, list[str]] = defaultdict(list)
    for run in own:
        rows[run.row].append(run.text)
    base = {(run.row, run.sample): run.text for run in evidence.answers if run.column == evidence.base.key}
    return {
        "answers": len(own),
        **{name: statistics.mean(one[name] for one in measured) for name in FIGURES},
        "samples": statistics.mean(len(texts) for texts in rows.values()),
        "distinct": statistics.mean(len(set(texts)) for texts in rows.values()),
        "same_as_baseline": sum(base.get((run.row, run.sample)) == run.text for run in own),
    }


def _agreement(evidence: Evidence) -> dict[str, Any]:
    """How often two people chose the same about the same row and column."""
    items: dict[tuple[str, str], dict[int, list[Choice]]] = defaultdict(lambda: defaultdict(list))
    for one in evidence.judgements:
        items[one.column, one.row][one.user].append(one.choice)
    together = [[_majority(choices) for choices in people.values()] for people in items.values()]
    same, pairs = statistics.agreement(together)
    return {"same": same, "pairs": pairs}


def _sentence(board: Board, column: Column, verdict: dict[str, Any], compared: int) -> str:
    """What the numbers say, for people who do not read them."""
    ours, base = board.letter(column), board.letter(board.compared_with)
    wins, losses, decided = verdict["rows"]["better"], verdict["rows"]["worse"], verdict["decided"]
    if not sum(verdict["votes"].values()):
        return f"Nobody has compared {ours} with {base} yet."
    if not decided:
        return f"No row is decided between {ours} and {base}: every one is a tie, or both are bad."
    if verdict["p_holm"] < statistics.ALPHA:
        better, count = (ours, wins) if wins > losses else (base, losses)
        return f"{better} was preferred in {count} of {decided} decided rows ({_p(verdict, compared)})."
    said = f"Not enough evidence: {ours} was preferred in {wins} of {decided} decided rows"
    return f"{said} ({_p(verdict, compared)}); {_more(wins, losses, compared)}."


def _more(wins: int, losses: int, compared: int) -> str:
    if wins == losses:
        return "as long as they are split evenly, no number of rows will tell"
    more = statistics.rows_to_tell(wins, losses, statistics.ALPHA / compared)
    if more is None:
        return f"at this rate more than {statistics.MOST_ROWS} rows are needed to tell"
    return f"about {more} more row{'s are' if more > 1 else ' is'} needed to tell if it goes on like this"


def _p(verdict: dict[str, Any], compared: int) -> str:
    p = verdict["p_holm"]
    said = "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"
    return f"{said}, corrected for {compared} comparisons" if compared > 1 else said
