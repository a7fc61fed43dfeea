"""ETags of drafts: the number of the save, so that no program overwrites what it has not seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest
from django.utils.http import parse_etags

from playground.errors import Refusal

NEVER = 0  # the number of no save: whoever has seen this one has seen an older draft

# What the document says of the headers; they are read here and not by ninja, which knows no lists of tags.
TAGGED: dict[str, Any] = {"headers": {"ETag": {"schema": {"type": "string"}, "required": True}}}


def asks(header: str, *, required: bool = False) -> dict[str, Any]:
    parameter = {"in": "header", "name": header, "schema": {"type": "string"}, "required": required}
    return {"parameters": [parameter]}


def tag(save: int) -> str:
    return f'"{save}"'


def is_known(request: HttpRequest, save: int) -> bool:
    """Whether the program has this save already: 304. Proxies that compress make tags weak."""
    given = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in given or tag(save) in [each.removeprefix("W/") for each in given]


def seen(request: HttpRequest, save: int) -> int:
    """The save that If-Match names if it is the present one, else NEVER. Raises Refusal 428 without it."""
    header = request.headers.get("If-Match")
    if header is None:
        message = "Send If-Match with the ETag of the draft that you have seen."
        raise Refusal("precondition_required", message, status=428)
    given = parse_etags(header)
    return save if "*" in given or tag(save) in given else NEVER


@contextmanager
def preconditions() -> Iterator[None]:
    """A conflict of drafts is a failed precondition in HTTP's words: 412."""
    try:
        yield
    except Refusal as refusal:
        if refusal.code == "draft_conflict":
            refusal.status = 412
        raise
