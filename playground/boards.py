"""Board: everything that makes a comparison, validated at the door and stored as JSON."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from playground.limits import LIMITS
from playground.specs import Name, PromptSpec, Strict, Text, Title

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
    _columns: dict[str, Column] = PrivateAttr(default_factory=dict)
    _rows: dict[str, Row] = PrivateAttr(default_factory=dict)
    _json: dict[tuple[str, int], dict[str, Any]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def keys_are_unique(self) -> Self:
        for what, parts in (("columns", self.columns), ("rows", self.rows)):
            if len({part.key for part in parts}) != len(parts):
                raise ValueError(f"two {what} have the same key")
        if self.baseline is not None and self.baseline not in {column.key for column in self.columns}:
            raise ValueError("the baseline is not one of the columns")
        return self

    def model_post_init(self, _: Any) -> None:
        self._columns.update((column.key, column) for column in self.columns)
        self._rows.update((row.key, row) for row in self.rows)

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
        """What a cell runs: the column's prompt on the row's input, or on the column's own if it has one."""
        own = {} if Link.INPUT in self.links else column.inputs
        settings = column.spec.settings.for_sample(sample)
        return column.spec.model_copy(update={"input": own.get(row.key, row.values), "settings": settings})

    def json_of(self, column: Column, row: Row, sample: int = 0) -> dict[str, Any]:
        """The same as ``spec_of(...).as_json()``; a column is turned into JSON once, not for each row."""
        key = column.key, sample
        if key not in self._json:
            self._json[key] = self.spec_of(column, row, sample).as_json()
        own = {} if Link.INPUT in self.links else column.inputs
        return self._json[key] | {"input": own.get(row.key, row.values)}

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)
