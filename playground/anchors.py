"""Anchors: what a comment is about. A span of text is words with their surroundings, not two numbers.

The page finds the words again where they stand now (static/js/models/anchors.js), so an anchor outlives
edits; when the words are gone, it still says what they were.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from playground.limits import LIMITS
from playground.specs import Strict, clean

ExampleId = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(clean)]
# Names may hold any character, so a path is compared as a whole and never taken apart.
Path = Annotated[
    str,
    StringConstraints(pattern=r"(?s)^(instruction|scope|input/.{1,60}|example/.{1,40}/.{1,60})$"),
    Field(max_length=LIMITS.path_chars),
    AfterValidator(clean),
]
Context = Annotated[str, Field(max_length=LIMITS.quote_context_chars), AfterValidator(clean)]


class Quote(Strict):
    """Words of a text; ``offset`` counts the UTF-16 units before them, as browsers do."""

    text: Annotated[str, Field(min_length=1, max_length=LIMITS.quote_chars), AfterValidator(clean)]
    before: Context = ""
    after: Context = ""
    offset: int = Field(default=0, ge=0, le=2 * LIMITS.text_chars)


class AboutAll(Strict):
    kind: Literal["experiment"]


class AboutExample(Strict):
    """One row of the grid."""

    kind: Literal["example"]
    example: ExampleId


class AboutText(Strict):
    kind: Literal["text"]
    path: Path
    quote: Quote
