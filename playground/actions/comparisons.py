"""Comparisons: make, save, copy and list."""

import secrets
from typing import Annotated, Any, Self

from django.contrib.auth.models import User
from django.db.models import Func, IntegerField, QuerySet
from pydantic import Field, model_validator

from playground.actions import drafts
from playground.boards import Board, Column, Row, Values
from playground.errors import NotFound, Refusal
from playground.limits import LIMITS
from playground.models import Comparison, Experiment
from playground.people import name_of
from playground.specs import PromptSpec, Strict, Title

NAME = "Comparison"


class NewColumn(Strict):
    spec: PromptSpec
    title: Title = ""


class NewComparison(Strict):
    """What to compare: specs, or versions of the experiment by number. One alone is compared with a copy."""

    title: Title = ""
    columns: list[NewColumn] = Field(default=[], max_length=LIMITS.columns)
    versions: list[int] = Field(default=[], max_length=LIMITS.columns)
    rows: Annotated[list[Values], Field(max_length=LIMITS.rows)] = []

    @model_validator(mode="after")
    def has_one_source(self) -> Self:
        if bool(self.columns) == bool(self.versions):
            raise ValueError("give columns, or the numbers of versions")
        return self


class Draft(Strict):
    """What the page saves while people edit. ``draft_version`` is the number that they last saw."""

    draft_version: int
    title: Title
    board: Board


def make(experiment: Experiment, user: User, wanted: NewComparison) -> Comparison:
    """A comparison; raises NotFound for a version that the experiment does not have.

    Without rows it gets the input of its first column and the test inputs of the experiment.
    """
    columns = list(wanted.columns) or _columns_of_versions(experiment, wanted.versions)
    if len(columns) == 1:
        columns.append(columns[0].model_copy(update={"title": ""}))
    rows = list(wanted.rows) or _rows_of(experiment, columns[0].spec)
    board = Board(
        columns=[Column(key=_key(), title=column.title, spec=_bare(column.spec)) for column in columns],
        rows=[Row(key=_key(), values=values) for values in rows],
    )
    title = wanted.title.strip() or f"{NAME} {experiment.comparisons.count() + 1}"
    return experiment.comparisons.create(title=title, board=board.as_json(), created_by=user)


def _columns_of_versions(experiment: Experiment, numbers: list[int]) -> list[NewColumn]:
    found = {version.number: version for version in experiment.versions.filter(number__in=numbers)}
    if not found.keys() >= set(numbers):
        raise NotFound("version")
    return [
        NewColumn(
            spec=PromptSpec.model_validate(found[number].spec), title=found[number].label or f"v{number}"
        )
        for number in numbers
    ]


def _rows_of(experiment: Experiment, spec: PromptSpec) -> list[Values]:
    """The input that is being worked on, then the test inputs; each once, and at least one row."""
    rows: list[Values] = []
    for values in (spec.input, *experiment.inputs):
        if any(text.strip() for text in values.values()) and values not in rows:
            rows.append(values)
    return rows[: LIMITS.rows] or [{}]


def _bare(spec: PromptSpec) -> PromptSpec:
    return spec.model_copy(update={"input": {}})


def _key() -> str:
    """The key of a column or a row: never used again, so that nothing inherits the runs of another."""
    return secrets.token_hex(4)


def board_of(comparison: Comparison) -> Board:
    return Board.model_validate(comparison.board)


def save_draft(comparison: Comparison, draft: Draft) -> int:
    """Stores the draft and returns its new number; raises ``draft_conflict`` with the stored one."""
    title = draft.title.strip() or NAME
    saved = drafts.store(comparison, draft.draft_version, title=title, board=draft.board.as_json())
    if saved is None:
        raise _conflict(Comparison.objects.get(pk=comparison.pk))
    return saved


def _conflict(current: Comparison) -> Refusal:
    return drafts.conflict(current, title=current.title, board=current.board)


def copy(comparison: Comparison, user: User) -> Comparison:
    """The same board once more, without its answers and votes."""
    title = f"{comparison.title[: LIMITS.title_chars - 7]} (copy)"
    return Comparison.objects.create(
        experiment=comparison.experiment, title=title, board=comparison.board, created_by=user
    )


def listed(experiment: Experiment) -> list[dict[str, Any]]:
    """The comparisons of an experiment, the one that was changed last first."""
    rows = sized(experiment.comparisons.filter(deleted_at=None)).order_by("-updated_at")
    return [as_json(row, row.columns, row.rows) for row in rows]


def sized(rows: QuerySet[Comparison]) -> QuerySet[Any]:
    """``rows`` with the numbers that ``as_json`` needs in place of their boards."""
    counts = {"columns": Length("board__columns"), "rows": Length("board__rows")}
    return rows.select_related("created_by").annotate(**counts).defer("board")


class Length(Func):
    """Of a list inside a JSON column: a board is large, and its list needs two numbers of it."""

    function = "JSONB_ARRAY_LENGTH"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **options: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSON_ARRAY_LENGTH", **options)


def as_json(comparison: Comparison, columns: int, rows: int) -> dict[str, Any]:
    author = comparison.created_by
    return {
        "id": str(comparison.pk),
        "title": comparison.title,
        "columns": columns,
        "rows": rows,
        "updated_at": comparison.updated_at.isoformat(),
        "user_name": author and name_of(author),
    }
