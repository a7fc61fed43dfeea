"""Log-probabilities of tokens as OpenAI's two interfaces word them."""

import re
from typing import Any

from playground import catalog
from playground.api.following import Record

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def chat_token(model: str, record: Record, most: int) -> dict[str, Any]:
    """One entry of ``logprobs.content``; ``top_logprobs`` has the ``most`` likely tokens."""
    top = [_told(text, logprob) for _, text, logprob in record["top"][:most]]
    return _told(catalog.tokenizer(model).text(record["id"]), record["lp"]) | {"top_logprobs": top}


def _told(text: str, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(_bytes(text))}


def _bytes(text: str) -> bytes:
    """A token that is part of a character is shown by the number of its byte."""
    parts = _BYTE.split(text)
    return b"".join(bytes.fromhex(part) if at % 2 else part.encode() for at, part in enumerate(parts))
