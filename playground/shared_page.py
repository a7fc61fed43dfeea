"""What the templates of a shared page need, worked out from its document alone."""

from datetime import datetime
from typing import Any

from playground.actions.snapshots import Document
from playground.specs import PromptSpec, Settings, settings_words, shot_label

PARTS = {"instruction": "instruction", "example": "examples", "input": "input"}
# In their order; playground/offline.py puts the same ones into a file.
NAMES = "base context run tokens shared shared_answers shared_table player contrast"
STYLES = [f"css/{name}.css" for name in NAMES.split()]


def context_of(document: Document) -> dict[str, Any]:
    runs = [
        run | {"at": datetime.fromisoformat(run["queued_at"]), "parts": _parts(run["prompt"])}
        for run in document["runs"]
    ]
    context: dict[str, Any] = {
        "document": document,
        "styles": STYLES,
    }
    if document["kind"] != "run" and "spec" in document:
        context["spec"] = _spec(document["spec"])
    if document["kind"] == "version":
        context["saved_at"] = datetime.fromisoformat(document["saved_at"])
    if document["kind"] == "comparison":
        context |= _grid(document)
    return context | {"runs": _labelled(document, runs)}


def _parts(prompt: dict[str, Any]) -> list[tuple[str, str]]:
    """What the colours of a prompt mean, as far as it has them."""
    there = {part for part, _, _ in prompt["parts"] or []}
    return [(part, name) for part, name in PARTS.items() if part in there]


def _spec(stored: dict[str, Any]) -> dict[str, Any]:
    """A prompt as people read it: of each example what stands in its cells, and whether it is placed."""
    spec = PromptSpec.model_validate(stored)
    placed = {example.id for example in spec.placed}
    return {
        "instruction": spec.instruction,
        "heads": [*spec.fields, spec.output_name],
        "examples": [
            {
                "cells": [*(example.values.get(name, "") for name in spec.fields), example.output],
                "is_placed": example.id in placed,
            }
            for example in spec.examples
        ],
        "input": [(name, spec.input.get(name, "")) for name in spec.fields],
        "model": spec.model,
        "shots": shot_label(len(spec.placed)),
        "settings": _settings(spec.settings),
    }


def _settings(settings: Settings) -> str:
    words = settings_words(settings.effective())
    if settings.mode == "sample" and settings.seed is None:
        return words[: words.rindex("seed ")] + "seed drawn for every run"
    return words


def _labelled(document: Document, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs with a name each; in a comparison that of their cell."""
    if document["kind"] != "comparison":
        return [run | {"name": f"Answer {number}"} for number, run in enumerate(runs, 1)]
    board = document["board"]
    columns = {column["key"]: letter(index) for index, column in enumerate(board["columns"])}
    rows = {row["key"]: index for index, row in enumerate(board["rows"], 1)}
    named = []
    for cell in document["cells"]:
        name = f"{columns[cell['column']]}{rows[cell['row']]}"
        sample = f", sample {cell['sample'] + 1}" if cell["sample"] else ""
        named.append(runs[cell["run"]] | {"name": f"Answer {name}{sample}"})
    return named


def _grid(document: Document) -> dict[str, Any]:
    """Columns with their settings, and for each row of inputs the answers of every column."""
    board = document["board"]
    answers: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for cell in document["cells"]:
        run = document["runs"][cell["run"]]
        answer = {"number": cell["run"] + 1, "text": run["text"].strip(), "status": run["status"]}
        answers.setdefault((cell["column"], cell["row"]), []).append(answer)
    columns = [
        {"letter": letter(index), "title": column["title"], "spec": _spec(column["spec"])}
        for index, column in enumerate(board["columns"])
    ]
    rows = [
        {
            "number": number,
            "values": [value for value in row["values"].values() if value],
            "cells": [answers.get((column["key"], row["key"]), []) for column in board["columns"]],
        }
        for number, row in enumerate(board["rows"], 1)
    ]
    letters = {column["key"]: letter(index) for index, column in enumerate(board["columns"])}
    votes = [
        pair | {"first": letters[pair["first"]], "second": letters[pair["second"]]}
        for pair in document["votes"]
    ]
    return {"columns": columns, "rows": rows, "votes": votes}


def letter(index: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[index]
