"""Documents: a draft as a Yjs document, in which many people write at the same time.

The page writes into the same document (static/js/models/room_document.js, which says why it is made so):
a text for every box, a value for every setting, a list for every order, all of them roots with a name.
Documents belong to the thread that made them; what passes between threads is their state, as bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from uuid import uuid4

from pycrdt import Array, Doc, Map, Text

Content = dict[str, Any]  # title, scope, spec, inputs
VALUES = ("output_name", "shots", "layout", "model")


def document_of(state: bytes) -> "Doc[Any]":
    """The document with this state; raises ValueError for bytes that are none."""
    document: Doc[Any] = Doc()
    document.apply_update(state)
    return document


def state_of(content: Content) -> bytes:
    """The state of a new document that holds ``content``."""
    document: Doc[Any] = Doc()
    Writer(document).write(content)
    return document.get_update()


def written(state: bytes, content: Content) -> bytes:
    """The state of the document of ``state`` after the smallest edits that make it hold ``content``."""
    document = document_of(state)
    Writer(document).write(content)
    return document.get_update()


@dataclass(frozen=True)
class FieldOf:
    """A field: an id that stays, and the name that people gave it."""

    id: str
    name: str


class Reader:
    """Reads what a document holds. Values of a wrong kind are for the validation of the draft to refuse."""

    def __init__(self, document: "Doc[Any]") -> None:
        self.document = document
        self.values: Map[Any] = document.get("values", type=Map)

    def read(self) -> Content:
        fields = self.fields()
        return {
            "title": self.text("title"),
            "scope": self.text("scope"),
            "spec": {
                "schema": 1,
                "instruction": self.text("instruction"),
                "fields": [field.name for field in fields],
                "output_name": self.values.get("output_name"),
                "examples": [self.example(id, fields) for id in self.ids("examples")],
                "input": self.texts(fields, input_name),
                "layout": self.values.get("layout"),
                "model": self.values.get("model"),
                "settings": self.settings(),
            }
            | ({"shots": self.values["shots"]} if "shots" in self.values else {}),
            "inputs": [self.row(id, fields) for id in self.ids("inputs")],
        }

    def example(self, id: str, fields: list[FieldOf]) -> dict[str, Any]:
        return {
            "id": id,
            "values": self.texts(fields, lambda field: cell_name(id, field)),
            "output": self.text(output_name(id)),
            "on": self.values.get(f"on/{id}", True),
        }

    def texts(self, fields: list[FieldOf], name_of: Callable[[FieldOf], str]) -> dict[str, str]:
        """The text of each field, without the empty ones."""
        found = {field.name: self.text(name_of(field)) for field in fields}
        return {name: text for name, text in found.items() if text}

    def text(self, name: str) -> str:
        return str(self.document.get(name, type=Text))

    def ids(self, name: str) -> list[str]:
        """Two people who move one thing at the same time leave it in two places; the first counts."""
        ids: Array[str] = self.document.get(name, type=Array)
        return list(dict.fromkeys(ids.to_py() or []))

    def fields(self) -> list[FieldOf]:
        """Names that two people gave at the same time are told apart."""
        taken = {self.values.get("output_name")}
        named = [(id, self.values.get(f"name/{id}", "input")) for id in self.ids("fields")]
        # None is left when two people each removed another one of the last two.
        return [FieldOf(id, free_name(name, taken)) for id, name in named or [("input", "input")]]

    def settings(self) -> dict[str, Any]:
        start = "setting/"
        values = self.values.to_py() or {}
        return {key.removeprefix(start): value for key, value in values.items() if key.startswith(start)}

    def row(self, id: str, fields: list[FieldOf]) -> dict[str, str]:
        row: dict[str, str] = self.values.get(f"row/{id}", {})
        return {field.name: row[field.id] for field in fields if field.id in row}


def input_name(field: FieldOf) -> str:
    return f"input/{field.id}"


def cell_name(example: str, field: FieldOf) -> str:
    return f"cell/{field.id}/{example}"


def output_name(example: str) -> str:
    return f"output/{example}"


def free_name(name: str, taken: set[Any]) -> str:
    """``name``, or with a number behind it when it is taken; it is taken then."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name} {number}", number + 1
    taken.add(free)
    return free


class Writer(Reader):
    """Makes a document hold a draft, as the page does when somebody edits it there."""

    def write(self, content: Content) -> None:
        spec = content["spec"]
        with self.document.transaction():
            fields = self.write_fields(spec["fields"])
            for name in ("title", "scope"):
                self.write_text(name, content[name])
            self.write_text("instruction", spec["instruction"])
            for field in fields:
                self.write_text(input_name(field), spec["input"].get(field.name, ""))
            self.write_examples(spec["examples"], fields)
            for key in VALUES:
                self.write_value(key, spec.get(key))
            for key, value in spec["settings"].items():
                self.write_value(f"setting/{key}", value, keep_none=True)
            self.write_inputs(content["inputs"], fields)

    def write_text(self, name: str, wanted: str) -> None:
        """Positions of texts are in bytes of UTF-8 here; the page counts in UTF-16."""
        text: Text = self.document.get(name, type=Text)
        before = str(text)
        if before == wanted:
            return
        start = common(before, wanted)
        end = common(before[start:][::-1], wanted[start:][::-1])
        removed, added = before[start : len(before) - end], wanted[start : len(wanted) - end]
        at = len(before[:start].encode())
        if removed:
            del text[at : at + len(removed.encode())]
        if added:
            text.insert(at, added)

    def write_value(self, key: str, value: Any, keep_none: bool = False) -> None:
        if value is None and not keep_none:
            self.values.pop(key, None)
        elif key not in self.values or self.values[key] != value:
            self.values[key] = as_numbers(value)

    def write_ids(self, name: str, wanted: list[str]) -> None:
        ids: Array[Any] = self.document.get(name, type=Array)
        for place in reversed(repeats(ids.to_py() or [])):
            del ids[place]
        changes = SequenceMatcher(None, ids.to_py() or [], wanted, autojunk=False).get_opcodes()
        # From the end, so that places before it stay what they were.
        for what, first, last, start, stop in reversed(changes):
            if what in ("delete", "replace"):
                del ids[first:last]
            for offset, id in enumerate(wanted[start:stop] if what in ("insert", "replace") else []):
                ids.insert(first + offset, id)

    def write_fields(self, names: list[str]) -> list[FieldOf]:
        known = self.fields()
        by_name = {field.name: field for field in known}
        fields = []
        for place, name in enumerate(names):
            renamed = len(known) == len(names) and known[place].name not in names
            id = by_name[name].id if name in by_name else known[place].id if renamed else new_id()
            fields.append(FieldOf(id, name))
        self.write_ids("fields", [field.id for field in fields])
        for field in fields:
            if field not in known:
                self.write_value(f"name/{field.id}", field.name)
        return fields

    def write_examples(self, examples: list[dict[str, Any]], fields: list[FieldOf]) -> None:
        self.write_ids("examples", [example["id"] for example in examples])
        for example in examples:
            for field in fields:
                self.write_text(cell_name(example["id"], field), example["values"].get(field.name, ""))
            self.write_text(output_name(example["id"]), example["output"])
            self.write_value(f"on/{example['id']}", example["on"])

    def write_inputs(self, inputs: list[dict[str, str]], fields: list[FieldOf]) -> None:
        """Test inputs have no ids: those that are still there are known by what they hold."""
        free = [(id, self.row(id, fields)) for id in self.ids("inputs")]
        wanted = []
        for row in inputs:
            place = next((at for at, (_, held) in enumerate(free) if held == row), None)
            wanted.append((new_id(), row) if place is None else free.pop(place))
        self.write_ids("inputs", [id for id, _ in wanted])
        for id, row in wanted:
            if self.row(id, fields) != row:
                held = {field.id: row[field.name] for field in fields if field.name in row}
                self.write_value(f"row/{id}", held)


def common(one: str, other: str) -> int:
    """How many characters both begin with."""
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)


def repeats(ids: list[str]) -> list[int]:
    """Places of what stands in a list for the second time."""
    first = {id: at for at, id in reversed(list(enumerate(ids)))}
    return [at for at, id in enumerate(ids) if first[id] != at]


def as_numbers(value: Any) -> Any:
    """Whole numbers as floats: a page would read integers as BigInt, which is no number of JSON."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def new_id() -> str:
    return uuid4().hex[:8]
