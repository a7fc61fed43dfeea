"""Runs made from earlier ones: a repeat asks for the same once more, a branch leaves an answer at a token.

Both take prompt and settings from the earlier run's row, whatever has been edited since.
"""

import uuid
from typing import Any

from pydantic import Field

from playground import catalog
from playground.errors import Refusal
from playground.models import Run
from playground.specs import Strict

COLUMNS = (
    "model",
    "settings",
    "spec",
    "asks_hash",
    "version",
    "messages",
    "prompt_text",
    "prompt_ids",
    "prompt_tokens",
    "max_new_tokens",
    "begun",
    "branch_of",
)
Columns = dict[str, Any]
Record = dict[str, Any]


class Begin(Strict):
    """How an answer begins: with the first ``at`` tokens of a run's answer, then the token ``id``."""

    run: uuid.UUID | None = None  # None: a prompt of one's own, whose answer begins with ``id`` alone
    at: int = Field(default=0, ge=0)
    id: int = Field(ge=0)


def columns_of(origin: Run) -> Columns:
    """What a run made from ``origin`` has in common with it. Raises Refusal if that no longer fits."""
    if origin.prompt_tokens is not None and not catalog.remote_source(origin.model):
        _refuse_overflow(origin, origin.prompt_tokens)
    return {name: getattr(origin, name) for name in COLUMNS}


def _refuse_overflow(origin: Run, prompt: int) -> None:
    window = catalog.tokenizer(origin.model).window
    reserved = origin.settings["max_new_tokens"]
    if (over := prompt + reserved - window) > 0:
        message = (
            f"That prompt has {prompt:,} tokens and {reserved:,} are reserved for the answer: "
            f"{over:,} more than the model's window, which is {window:,} now."
        )
        raise Refusal("prompt_too_long", message)


def begin(columns: Columns, begin: Begin, origin: Run | None = None) -> Columns:
    """The columns of a run whose answer begins as ``begin`` says.

    Raises Refusal: 409 ``run_is_live`` while ``origin`` is written, 422 for a token that there is not,
    ``answer_ends`` for one that ends the answer, ``answer_full`` when no token is left for the model.
    """
    if origin is not None and origin.is_live:
        message = "This answer is still being written. Stop it or wait for its end, then branch."
        raise Refusal("run_is_live", message, status=409)
    begun = _begun(columns, begin, (origin.tokens or []) if origin else [])
    most = columns["settings"]["max_new_tokens"]
    if len(begun) >= most:
        message = (
            f"The answer may have {most:,} tokens, and with this one {len(begun):,} are given: none is left "
            "for the model. Branch at an earlier token, or run the prompt with more max new tokens."
        )
        raise Refusal("answer_full", message)
    return columns | {"begun": begun, "branch_of": origin, "max_new_tokens": most - len(begun)}


def _begun(columns: Columns, begin: Begin, tokens: list[Record]) -> list[Record]:
    """The records of the given tokens; the last one's figures are not known before the model has run."""
    if begin.at > len(tokens):
        message = f"{len(tokens):,} tokens of that answer are kept, so it has no place {begin.at:,}."
        raise Refusal("invalid", message, field="begin.at")
    tokenizer = catalog.tokenizer(columns["model"])
    if begin.id >= tokenizer.vocabulary_size:
        raise Refusal("invalid", f"This model has no token {begin.id:,}.", field="begin.id")
    records = [*map(_untimed, tokens[: begin.at]), {"id": begin.id}]
    # Texts are made anew: a character that was cut, or a stop string, may go on another way here.
    texts = tokenizer.answer_texts(columns["prompt_ids"], [record["id"] for record in records])
    _refuse_end(columns, begin.id, "".join(texts))
    return [record | {"t": text, "given": True} for record, text in zip(records, texts, strict=True)]


def _untimed(record: Record) -> Record:
    """When a token came is true of the answer that it was written for."""
    return {key: value for key, value in record.items() if key != "ms"}


def _refuse_end(columns: Columns, token_id: int, text: str) -> None:
    tokenizer = catalog.tokenizer(columns["model"])
    if token_id in tokenizer.eos_ids:
        message = f"{tokenizer.token(token_id)} ends the answer, so nothing could follow it."
        raise Refusal("answer_ends", message)
    if met := next((stop for stop in columns["settings"]["stop"] if stop in text), None):
        message = f"With this token the answer has the stop string {met!r}, so nothing could follow it."
        raise Refusal("answer_ends", message)
