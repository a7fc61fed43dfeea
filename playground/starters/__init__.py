"""Starters: ready experiments for the classic applications, one TOML file each.

They are written for small models; docs/starters.md shows what the default model answers.
"""

import tomllib
from pathlib import Path

from playground.specs import (
    Example,
    Inputs,
    Layout,
    Name,
    PromptSpec,
    Scope,
    Settings,
    Strict,
    Text,
    Title,
    shot_label,
)

# The order of the gallery; a key is the name of a file.
KEYS = (
    "sentiment",
    "summary",
    "translation",
    "question",
    "entities",
    "spelling",
    "completion",
    "chat",
)
FIRST = "sentiment"  # what everybody finds on the first day


class Starter(Strict):
    """One starter. ``inputs`` are its test inputs; the first one stands in the prompt."""

    key: str
    title: Title
    purpose: Text  # one sentence for the gallery
    scope: Scope
    instruction: Text = ""
    layout: Layout
    fields: list[Name]
    output_name: Name
    settings: Settings
    examples: list[dict[Name, Text]]  # fields and output
    inputs: Inputs

    def spec(self, model: str) -> PromptSpec:
        """The prompt, for ``model``."""
        return PromptSpec(
            instruction=self.instruction,
            fields=self.fields,
            output_name=self.output_name,
            examples=[self._example(number, row) for number, row in enumerate(self.examples, 1)],
            input=self.inputs[0],
            layout=self.layout,
            model=model,
            settings=self.settings,
        )

    def _example(self, number: int, row: dict[str, str]) -> Example:
        values = {name: row[name] for name in self.fields}
        return Example(id=f"e{number}", values=values, output=row[self.output_name])

    @property
    def shot_label(self) -> str:
        return shot_label(len(self.examples))


def _read(key: str) -> Starter:
    path = Path(__file__).with_name(f"{key}.toml")
    return Starter.model_validate({"key": key, **tomllib.loads(path.read_text())})


STARTERS = {key: _read(key) for key in KEYS}
