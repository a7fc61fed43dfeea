"""Log-probabilities of tokens as OpenAI's two interfaces word them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from playground import catalog
from playground.models import Run

Record = dict[str, Any]  # of a token, as playground/events.py makes them
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def of_chat(model: str, records: Sequence[Record], most: int) -> dict[str, Any]:
    """With the ``most`` likely tokens in the place of each."""
    content = [
        _told(_text(model, record), record["lp"])
        | {"top_logprobs": [_told(text, logprob) for _, text, logprob in record["top"][:most]]}
        for record in records
    ]
    return {"content": content, "refusal": None}


def _text(model: str, record: Record) -> str:
    """A token's own text; of a remote model only what it adds is known."""
    return str(record["t"]) if "id" not in record else catalog.tokenizer(model).text(record["id"])


def _told(text: str, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(_bytes(text))}


def _bytes(text: str) -> bytes:
    """A token that is part of a character is shown by the numbers of its bytes."""
    parts = _BYTE.split(text)
    return b"".join(bytes.fromhex(part) if at % 2 else part.encode() for at, part in enumerate(parts))


def of_completion(model: str, records: Sequence[Record], offset: int) -> dict[str, list[Any]]:
    """As the first completions interface had it; ``offset`` is where in the text the records begin.

    The token that came is among the likely ones, also where it is not. The first of a prompt has neither.
    """
    found: dict[str, list[Any]] = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
    for record in records:
        own, logprob = _text(model, record), record["lp"]
        # Two ids may have one text; the likely one has it.
        top = {text: chance for _, text, chance in reversed(record["top"])} | {own: logprob}
        found["tokens"].append(own)
        found["token_logprobs"].append(logprob)
        found["top_logprobs"].append(None if logprob is None else top)
        found["text_offset"].append(offset)
        offset += len(record["t"])
    return found


def of_continuation(model: str, records: Sequence[Record]) -> dict[str, list[Any]]:
    """The same of a text that was scored: where it begins is not known in characters."""
    told = of_completion(model, [record | {"t": ""} for record in records], 0)
    return {name: values for name, values in told.items() if name != "text_offset"}


def of_prompt(run: Run, scores: Sequence[Record]) -> Iterator[Record]:
    """The tokens of a prompt with what each adds to its text; ``scores`` are of all but the first."""
    pieces = catalog.tokenizer(run.model).answer_texts((), run.prompt_ids)
    yield {"id": run.prompt_ids[0], "t": pieces[0], "lp": None, "top": []}
    for piece, score in zip(pieces[1:], scores, strict=False):
        yield score | {"t": piece}
