"""The document behind a share link: all that its page shows of one thing, and nothing else.

Pages, the data address and the offline file are made from this JSON alone. It holds no ids and no
names of people. A snapshot keeps it as it was; a live link makes it anew for every view.

``{schema, kind, title, team, runs, left_out}`` for every kind; an experiment adds ``scope`` and ``spec``,
a version ``number``, ``label``, ``message``, ``saved_at`` and ``spec``, a run ``spec``, a comparison
``board``, ``cells`` (column, row, sample and the place in ``runs``), ``votes`` and ``verdicts``.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from inference.prompts import PromptToken
from playground.actions import cells, prompts, results
from playground.actions.votes import OPPOSITE
from playground.errors import RUN_ERRORS
from playground.limits import LIMITS
from playground.models import Choice, Comparison, Experiment, Run, Version
from playground.models.run import LIVE
from playground.models.share_link import Target
from playground.receipts import rows

Document = dict[str, Any]


class Room:
    """What one document may still take; the newest runs come first, so older ones lose their figures."""

    def __init__(self) -> None:
        self.tokens = LIMITS.shared_tokens
        self.chars = LIMITS.shared_chars
        self.explained = LIMITS.shared_runs  # prompts that are taken apart, which takes time
        self.without_figures = 0
        self.without_room = 0

    def take(self, runs: Iterable[Run]) -> list[Document]:
        """``runs`` as far as they fit."""
        return [document for run in runs if (document := self._one(run))]

    def _one(self, run: Run) -> Document | None:
        self.chars -= len(run.prompt_text) + len(run.text)
        if self.chars < 0:
            self.without_room += 1
            return None
        tokens = run.tokens or []
        has_room = len(tokens) <= self.tokens
        if has_room:
            self.tokens -= len(tokens)
        self.without_figures += not has_room
        self.explained -= 1
        return run_document(run, tokens if has_room else None, explain=self.explained >= 0)

    def left_out(self, runs: int, what: str = "older run") -> list[str]:
        """In sentences: how many runs are missing, and how many have lost the figures of their tokens."""
        missing = runs + self.without_room
        said = [f"{_count(missing, what)} {'is' if missing == 1 else 'are'} not part of this page."]
        lost = self.without_figures
        said += [f"{_count(lost, 'long answer')} {'is' if lost == 1 else 'are'} shown as text alone."]
        return [sentence for sentence, count in zip(said, (missing, lost), strict=True) if count]


def snapshot_of(target: Target) -> Document:
    """The document of ``target`` as it is now."""
    match target:
        case Run():
            return _of_run(target)
        case Version():
            return _of_version(target)
        case Experiment():
            return _of_experiment(target)
        case Comparison():
            return _of_comparison(target)


def title_of(target: Target) -> str:
    """What a link to ``target`` is called."""
    match target:
        case Run():
            title = target.experiment.title if target.experiment else "A run"
        case Version():
            title = f"{target.experiment.title}, version {target.number}"
        case _:
            title = target.title
    return title[: LIMITS.title_chars]


def is_live(document: Document) -> bool:
    """Whether some answer of it is still being written."""
    return any(run["status"] in LIVE for run in document["runs"])


def settled(document: Document) -> Document:
    """What may be kept of ``document``: an answer that is still being written would stay unfinished in it."""
    live = sum(run["status"] in LIVE for run in document["runs"])
    if not live or document["kind"] == "run":
        return document
    ended = [place for place, run in enumerate(document["runs"]) if run["status"] not in LIVE]
    moved = {old: new for new, old in enumerate(ended)}
    said = f"{_count(live, 'answer')} {'was' if live == 1 else 'were'} still being written."
    kept = document | {
        "runs": [document["runs"][place] for place in ended],
        "left_out": [*document["left_out"], said],
    }
    if "cells" in document:
        kept["cells"] = [
            cell | {"run": moved[cell["run"]]} for cell in document["cells"] if cell["run"] in moved
        ]
    return kept


def run_document(run: Run, tokens: list[Any] | None, *, explain: bool) -> Document:
    """What is shown of a run. ``tokens`` may be None: then only its text is; ``explain`` marks the parts
    of its prompt, which is null too when today's tokenizer would make another prompt."""
    return {
        "status": run.status,
        "model": run.model,
        "settings_words": run.settings_words,
        "text": run.text,
        "tokens": tokens,
        "prompt": {"text": run.prompt_text, "parts": parts_of(run) if explain else None},
        "finish_reason": run.finish_reason,
        "error": error_of(run),
        "usage": run.usage,
        "timing": run.timing,
        "span_ms": span_of(run),
        "queued_at": run.queued_at.isoformat(),
        "receipt": rows(run) if run.receipt else [],
    }


def error_of(run: Run) -> Document | None:
    """Its code and the sentence for it; what the engine said of it is for the team alone."""
    known = RUN_ERRORS.get(run.error_code, "This answer failed.")
    return {"code": run.error_code, "message": known} if run.error_code else None


def span_of(run: Run) -> int | None:
    """Milliseconds from the first token to the end."""
    if not (run.first_token_at and run.finished_at):
        return None
    return max(0, round((run.finished_at - run.first_token_at).total_seconds() * 1000))


def parts_of(run: Run) -> list[list[Any]] | None:
    """The prompt as stretches of one part each: ``[part, text, special]``; together they are its text."""
    rendered = prompts.again(run)
    return _stretches(rendered.text, rendered.tokens) if rendered else None


def _stretches(text: str, tokens: Iterable[PromptToken]) -> list[list[Any]]:
    stretches: list[list[Any]] = []
    shown = 0

    def add(part: str, to: int, special: bool) -> None:
        nonlocal shown
        if to <= shown:
            return
        piece, shown = text[shown:to], to
        if stretches and not special and stretches[-1][0] == part and not stretches[-1][2]:
            stretches[-1][1] += piece
        else:
            stretches.append([part, piece, special])

    for token in tokens:
        add("format", token.start, False)
        add(token.part.split(":")[0], token.end, token.special)
    add("format", len(text), False)
    return stretches


def _head(kind: str, target: Target, team: str) -> Document:
    return {"schema": 1, "kind": kind, "title": title_of(target), "team": team, "runs": [], "left_out": []}


def _of_run(run: Run) -> Document:
    room = Room()
    document = _head("run", run, run.team.name) | {"spec": run.spec, "runs": room.take([run])}
    return document | {"left_out": room.left_out(0)}


def _of_version(version: Version) -> Document:
    return _head("version", version, version.experiment.team.name) | {
        "number": version.number,
        "label": version.label,
        "message": version.message,
        "saved_at": (version.saved_at or version.created_at).isoformat(),
        "spec": version.spec,
    }


def _of_experiment(experiment: Experiment) -> Document:
    room = Room()
    kept = experiment.runs.filter(deleted_at=None)
    newest = kept.newest_first().select_related("experiment")[: LIMITS.shared_runs]
    document = _head("experiment", experiment, experiment.team.name) | {
        "scope": experiment.scope,
        "spec": experiment.draft,
        "runs": room.take(newest),
    }
    return document | {"left_out": room.left_out(max(0, kept.count() - LIMITS.shared_runs))}


def _of_comparison(comparison: Comparison) -> Document:
    """The newest answer of each sample of each cell that the board still has."""
    room = Room()
    board = comparison.board
    columns = [column["key"] for column in board["columns"]]
    # In the order of the board: row by row.
    order = [(column, row["key"]) for row in board["rows"] for column in columns]
    rank = {place: index for index, place in enumerate(order)}
    newest = [run for run in cells.newest(comparison) if (run.column, run.row) in rank]
    # The first samples of all cells come before the second ones.
    newest.sort(key=lambda run: (run.sample, rank[run.column, run.row]))
    shown = newest[: LIMITS.shared_answers]
    loaded = Run.objects.in_bulk([run.pk for run in shown])
    runs: list[Document] = []
    places: list[Document] = []
    for run in shown:
        for document in room.take([loaded[run.pk]]):
            places.append({"column": run.column, "row": run.row, "sample": run.sample, "run": len(runs)})
            runs.append(document)
    return _head("comparison", comparison, comparison.experiment.team.name) | {
        "board": board,
        "cells": places,
        "runs": runs,
        "votes": _votes(comparison, columns),
        "verdicts": _verdicts(comparison),
        "left_out": room.left_out(len(newest) - len(shown), "answer"),
    }


def _verdicts(comparison: Comparison) -> list[str]:
    """How each column stands against the baseline, in sentences; none before somebody has voted."""
    found = results.results(comparison)
    if not found["votes"]:
        return []
    verdicts = [column["against_baseline"] for column in found["columns"]]
    return [verdict["sentence"] for verdict in verdicts if verdict]


def _votes(comparison: Comparison, columns: list[str]) -> list[Document]:
    """For each pair of columns how often the first was called better, worse, a tie, or both bad."""
    place = {key: index for index, key in enumerate(columns)}
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    votes = comparison.votes.values_list("run__column", "against__column", "choice")
    for first, second, choice in votes:
        if first not in place or second not in place or first == second:
            continue
        if place[first] > place[second]:
            first, second, choice = second, first, OPPOSITE.get(Choice(choice), choice)
        counts[first, second][choice] += 1
    names = ("better", "worse", "tie", "both_bad")
    pairs = sorted(counts, key=lambda pair: (place[pair[0]], place[pair[1]]))
    return [
        {"first": pair[0], "second": pair[1], **{name: counts[pair][name] for name in names}}
        for pair in pairs
    ]


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
