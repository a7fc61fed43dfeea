"""Board: everything that makes a comparison, validated at the door and stored as JSON."""

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from playground.limits import LIMITS
from playground.specs import Name, PromptSpec, Strict, Text, Title, hash_with_input

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Values = dict[Name, Text]


class Link(StrEnum):
    """A part that all columns share: an edit in one is an edit in all."""

    PROMPT = "prompt"  # instruction, fields, output name and layout
    EXAMPLES = "examples"  # the examples and how many are placed
    INPUT = "input"
    SETTINGS = "settings"


class Row(Strict):
    key: Key
    values: Values = {}


class Column(Strict):
    """One variant. The ``input`` of its spec is not used: each row brings one, or ``inputs`` does.

    ``inputs`` holds the column's own input of a row, by the row's key, while inputs are not linked.
    """

    key: Key
    title: Title = ""
    spec: PromptSpec
    inputs: dict[Key, Values] = Field(default={}, max_length=LIMITS.rows)

    @property
    def content(self) -> PromptSpec:
        """What the column is, whatever the row: its runs share the version of this."""
        return self.spec.model_copy(update={"input": {}})


class Board(Strict):
    schema_: Literal[1] = Field(default=1, alias="schema")
    columns: list[Column] = Field(min_length=1, max_length=LIMITS.columns)
    rows: list[Row] = Field(min_length=1, max_length=LIMITS.rows)
    links: list[Link] = Field(default=[Link.INPUT], max_length=len(Link))
    samples: int = Field(default=1, ge=1, le=LIMITS.samples)  # answers for each cell
    baseline: Key | None = None  # the column that others are compared with; None is the first

    @model_validator(mode="after")
    def keys_are_unique(self) -> Self:
        for what, parts in (("columns", self.columns), ("rows", self.rows)):
            if len({part.key for part in parts}) != len(parts):
                raise ValueError(f"two {what} have the same key")
        if self.baseline is not None and self.baseline not in {column.key for column in self.columns}:
            raise ValueError("the baseline is not one of the columns")
        return self

    # A board is asked for thousands of answers, and pydantic looks long for each private attribute.
    @cached_property
    def _columns(self) -> dict[str, Column]:
        return {column.key: column for column in self.columns}

    @cached_property
    def _rows(self) -> dict[str, Row]:
        return {row.key: row for row in self.rows}

    @cached_property
    def _frames(self) -> dict[tuple[str, int], str]:
        return {}

    def column(self, key: str) -> Column | None:
        return self._columns.get(key)

    def row(self, key: str) -> Row | None:
        return self._rows.get(key)

    @property
    def compared_with(self) -> Column:
        """The column that the others are judged against."""
        return self.column(self.baseline or "") or self.columns[0]

    def letter(self, column: Column) -> str:
        """A, B, C: how people call a column, by its place."""
        return chr(ord("A") + self.columns.index(column))

    def spec_of(self, column: Column, row: Row, sample: int = 0) -> PromptSpec:
        """What a cell runs: the column's prompt on the input of the cell."""
        changes = {"input": self.input_of(column, row), "settings": column.spec.settings.for_sample(sample)}
        return column.spec.model_copy(update=changes)

    def input_of(self, column: Column, row: Row) -> Values:
        """The input of the row, or the column's own if it has one."""
        own = {} if Link.INPUT in self.links else column.inputs
        return own.get(row.key, row.values)

    def asks_hash(self, column: Column, row: Row, sample: int = 0) -> str:
        """The same as ``spec_of(...).asks_hash()``; what does not depend on the row is hashed once."""
        key = column.key, sample
        if key not in self._frames:
            self._frames[key] = self.spec_of(column, row, sample).frame_hash()
        return hash_with_input(self._frames[key], column.spec.values_of(self.input_of(column, row)))

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)
