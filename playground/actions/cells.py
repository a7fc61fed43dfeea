"""Cells of a comparison: run many at once, say how each stands, stop them.

A cell is column x row and holds samples. Its runs are of kind batch, so they wait behind everybody's
single runs. They point to the version of their column, which has no input; their spec is what really ran.
"""

import hashlib
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber
from pydantic import Field

from playground.actions import rooms, runs
from playground.actions.branches import Columns
from playground.actions.comparisons import board_of
from playground.actions.doorbells import ring
from playground.actions.races import stored_once
from playground.actions.versions import version_of
from playground.boards import Board, Column, Key, Row
from playground.errors import NotFound, Refusal
from playground.limits import LIMITS
from playground.models import Comparison, Run, SearchEntry
from playground.models.run import Kind, Status, milliseconds, speed
from playground.people import name_of
from playground.specs import PromptSpec, Strict


class Cell(Strict):
    column: Key
    row: Key


class Press(Strict):
    """What one press of Run asks for; without ``samples`` as many answers as the board says."""

    cells: list[Cell] | None = Field(default=None, min_length=1, max_length=LIMITS.columns * LIMITS.rows)
    samples: int | None = Field(default=None, ge=1, le=LIMITS.samples)

    def hash(self, comparison: Comparison) -> str:
        whole = f"{comparison.pk} {self.model_dump_json()}"
        return hashlib.sha256(whole.encode()).hexdigest()


class Stop(Strict):
    """Which cells to stop, and whether those that others have started as well."""

    cells: list[Cell] | None = Field(default=None, max_length=LIMITS.columns * LIMITS.rows)
    everyone: bool = False


@dataclass(frozen=True)
class Ready:
    """A cell that can run: its prompt is rendered and fits."""

    column: Column
    row: Row
    columns: Columns


@dataclass(frozen=True)
class Started:
    """What came of a press. ``refused`` cells cannot run; ``notes`` say what is otherwise than asked."""

    runs: list[Run]
    refused: list[dict[str, str]]
    notes: list[str]
    is_new: bool = True


def start(comparison: Comparison, user: User, press: Press, key: str) -> Started:
    """Queues the runs of all cells that can run, in one transaction, and rings.

    The same press under the same key returns the runs that it made before, whatever has been edited
    since. Raises NotFound for a cell that the board does not have, Refusal 409 ``idempotency_conflict``,
    429 ``too_many_runs``, and 422 with the reasons when no cell can run.
    """
    maker = Maker(comparison, user, press, key)
    if found := maker.find():
        return Started(found, [], [], is_new=False)
    board = board_of(comparison)
    places = [_placed(board, cell) for cell in dict.fromkeys(press.cells)] if press.cells else _all(board)
    wanted = press.samples or board.samples
    runs.refuse_batch_flood(user, sum(samples_of(column, wanted) for column, _ in places))
    ready, refused = _rendered(board, places)
    if not ready:
        raise _nothing(refused)
    rows = [
        maker.row(cell, board.spec_of(cell.column, cell.row, sample), sample)
        for cell in ready
        for sample in range(samples_of(cell.column, wanted))
    ]
    columns = {cell.column.key: cell.column for cell in ready}
    made, is_new = stored_once(lambda: maker.store(rows, columns), maker.find)
    return Started(made, refused, _notes(board, list(columns.values()), wanted), is_new)


@dataclass(frozen=True)
class Maker:
    """Turns the cells of one press into runs, or finds those that it made before."""

    comparison: Comparison
    user: User
    press: Press
    key: str

    @property
    def prefix(self) -> str:
        """What the keys of all runs of this press begin with."""
        return _digest(self.key)

    def find(self) -> list[Run] | None:
        made = self.comparison.runs.filter(user=self.user, idempotency_key__startswith=f"{self.prefix} ")
        found = list(made.order_by("pk"))
        if any(run.request_hash != self.press.hash(self.comparison) for run in found):
            message = "This idempotency key was used for another request."
            raise Refusal("idempotency_conflict", message, status=409)
        return found or None

    def row(self, cell: Ready, spec: PromptSpec, sample: int) -> Run:
        """A run of one sample, which is not stored yet; samples share the prompt, not the seed."""
        place = f"{cell.column.key} {cell.row.key} {sample}"
        wanted = runs.Submission(
            self.user,
            self.comparison.experiment.team,
            spec,
            f"{self.prefix} {_digest(place)}",
            self.comparison.experiment,
            Kind.BATCH,
            cell=runs.Cell(self.comparison, cell.column.key, cell.row.key, sample),
            asked=self.press.hash(self.comparison),
        )
        own = {
            "spec": spec.as_json(),
            "asks_hash": spec.asks_hash(),
            "settings": runs.acting(spec.model, spec.settings),
        }
        return runs.made_of(wanted, cell.columns | own)

    def store(self, rows: list[Run], columns: dict[str, Column]) -> list[Run]:
        experiment = self.comparison.experiment
        versions = {key: version_of(experiment, column.content, self.user) for key, column in columns.items()}
        for run in rows:
            run.version = versions[run.column]
        Run.objects.bulk_create(rows)
        SearchEntry.of_new_runs(rows)
        for model, waiting in Counter(run.model for run in rows).items():
            transaction.on_commit(partial(ring, model, waiting))
        rooms.tell(experiment.pk, "cells", comparison=str(self.comparison.pk))
        return rows


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def samples_of(column: Column, wanted: int) -> int:
    """Greedy decoding gives the same answer every time, so one is enough."""
    return 1 if column.spec.settings.mode == "greedy" else wanted


def _all(board: Board) -> list[tuple[Column, Row]]:
    """Row by row, so that what stands side by side is answered together."""
    return [(column, row) for row in board.rows for column in board.columns]


def _placed(board: Board, cell: Cell) -> tuple[Column, Row]:
    column, row = board.column(cell.column), board.row(cell.row)
    if column is None or row is None:
        raise NotFound("cell")
    return column, row


def _rendered(board: Board, places: list[tuple[Column, Row]]) -> tuple[list[Ready], list[dict[str, str]]]:
    ready, refused = [], []
    for column, row in places:
        try:
            ready.append(Ready(column, row, runs.columns_of(board.spec_of(column, row))))
        except Refusal as error:
            place = {"column": column.key, "row": row.key}
            refused.append(place | {"code": error.code, "message": error.message})
    return ready, refused


def _nothing(refused: list[dict[str, str]]) -> Refusal:
    """Why no cell runs: the one reason there is, or the first of several."""
    first = refused[0]
    if all(cell["message"] == first["message"] for cell in refused):
        return Refusal(first["code"], first["message"], refused=refused)
    message = f"None of these {len(refused)} cells can run. The first of the reasons: {first['message']}"
    return Refusal("no_cell_runs", message, refused=refused)


def _notes(board: Board, columns: list[Column], wanted: int) -> list[str]:
    if wanted == 1:
        return []
    notes = []
    for column in columns:
        settings = column.spec.settings
        if settings.mode == "greedy":
            said = "decodes greedily, which gives the same answer every time, so it gets one per row"
            notes.append(f"Column {board.letter(column)} {said}.")
        elif settings.seed is not None:
            said = f"has the seed {settings.seed}: its further answers use {settings.seed + 1} and so on"
            notes.append(f"Column {board.letter(column)} {said}.")
    return notes


class Answer(NamedTuple):
    """What a board shows of a run. It has thousands: as records they cost half of what they do as rows."""

    pk: uuid.UUID
    column: str
    row: str
    sample: int
    status: str
    text: str
    asks_hash: str
    user: int
    version__number: int | None
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    logprob_sum: float | None
    scored_tokens: int
    finish_reason: str
    error_code: str
    error_message: str
    queued_at: datetime
    first_token_at: datetime | None
    finished_at: datetime | None


def newest(comparison: Comparison, **only: str) -> list[Answer]:
    """The newest run of every sample of every cell, or of those that ``only`` names; in one query."""
    rank = Window(
        RowNumber(),
        partition_by=[F("column"), F("row"), F("sample")],
        order_by=[F("queued_at").desc(), F("pk").desc()],
    )
    ranked = comparison.runs.filter(deleted_at=None, **only).annotate(rank=rank).filter(rank=1)
    rows = ranked.order_by("column", "row", "sample").values_list(*Answer._fields)
    return [Answer._make(row) for row in rows]


def listed(comparison: Comparison, board: Board) -> list[dict[str, Any]]:
    """Every cell of the board that has been run, each sample by its newest run."""
    shown = [one for one in newest(comparison) if board.column(one.column) and board.row(one.row)]
    people = User.objects.only("first_name", "username").in_bulk({one.user for one in shown})
    return [as_json(one, people[one.user]) | {"stale": not is_fresh(one, board)} for one in shown]


def is_fresh(answer: Answer | Run, board: Board) -> bool:
    """Whether the board has the cell of the answer, and it would ask the model the same again."""
    column, row = board.column(answer.column), board.row(answer.row)
    if column is None or row is None:
        return False
    return answer.asks_hash == board.asks_hash(column, row, answer.sample)


def answers(comparison: Comparison, board: Board, **only: str) -> list[Answer]:
    """The answers that the board has now: of every sample the newest one, if it is whole and fresh."""
    whole = (one for one in newest(comparison, **only) if one.status == Status.SUCCEEDED)
    return [one for one in whole if is_fresh(one, board)]


def as_json(answer: Answer, user: User) -> dict[str, Any]:
    code, message = answer.error_code, answer.error_message
    return {
        "column": answer.column,
        "row": answer.row,
        "sample": answer.sample,
        "id": str(answer.pk),
        "status": answer.status,
        "text": answer.text,
        "error": {"code": code, "message": message} if code else None,
        "figures": figures(answer),
        "version": answer.version__number,
        "finish_reason": answer.finish_reason,
        "user_id": answer.user,
        "user_name": name_of(user),
    }


def figures(answer: Answer) -> dict[str, float | None]:
    """Milliseconds since the run was queued, tokens, and natural log-probabilities of what was written."""
    total, tokens = answer.logprob_sum, answer.completion_tokens
    return {
        "latency_ms": milliseconds(answer.queued_at, answer.finished_at),
        "first_token_ms": milliseconds(answer.queued_at, answer.first_token_at),
        "tokens_per_second": speed(answer.first_token_at, answer.finished_at, tokens),
        "prompt_tokens": answer.prompt_tokens,
        "cached_tokens": answer.cached_tokens,
        "completion_tokens": tokens,
        "logprob_sum": total,
        "logprob_mean": None if total is None else total / max(1, answer.scored_tokens),
    }


def stop(comparison: Comparison, user: User, wanted: Stop) -> int:
    """Asks the user's live runs of this comparison to stop, or everybody's; how many were asked.

    Raises NotFound for a cell that the board does not have.
    """
    chosen = comparison.runs.all()
    if not wanted.everyone:
        chosen = chosen.filter(user=user)
    if wanted.cells is not None:
        chosen = chosen.filter(_in(board_of(comparison), wanted.cells))
    return runs.stop(chosen)


def _in(board: Board, cells: list[Cell]) -> Q:
    """Runs in one of ``cells``; whole columns and rows are named once, as a query has its limits."""
    rows: dict[str, set[str]] = {}
    for cell in cells:
        column, row = _placed(board, cell)
        rows.setdefault(column.key, set()).add(row.key)
    found = Q(pk__in=[])
    for key, wanted in rows.items():
        found |= Q(column=key, row__in=wanted)
    return found
