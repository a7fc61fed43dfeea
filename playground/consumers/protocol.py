"""Frames that browsers send, as typed records. docs/events.md describes both directions."""

import json
import uuid
from typing import Annotated, Any, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from playground.events import EntryId


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Frame(Part):
    """One kind for each ``op``."""


class Watch(Frame):
    op: Literal["watch"]
    run: uuid.UUID
    after: Annotated[str, Field(max_length=24)] | None = None

    @field_validator("after")
    @classmethod
    def is_entry_id(cls, value: str | None) -> str | None:
        return value if value is None else str(EntryId.parse(value))

    @property
    def cursor(self) -> EntryId | None:
        return EntryId.parse(self.after) if self.after else None


class Unwatch(Frame):
    op: Literal["unwatch"]
    run: uuid.UUID


class Cancel(Frame):
    op: Literal["cancel"]
    run: uuid.UUID


class Ack(Frame):
    op: Literal["ack"]
    run: uuid.UUID
    id: Annotated[str, Field(max_length=24)]

    @field_validator("id")
    @classmethod
    def is_entry_id(cls, value: str) -> str:
        return str(EntryId.parse(value))


class Ping(Frame):
    op: Literal["ping"]


class Join(Frame):
    """Takes a seat in the room of the page. ``vector`` is what the page has of the document ``room``."""

    op: Literal["join"]
    room: uuid.UUID | None = None
    vector: Base64Bytes | None = None


class Edit(Frame):
    """An edit of the document ``room`` in Yjs' format, as base64; ``n`` is the page's own count of its edits.

    A long one comes in several frames, all but the last with ``more``.
    """

    op: Literal["edit"]
    room: uuid.UUID
    n: Annotated[int, Field(ge=1, le=2**53)]
    update: str
    more: bool = False


class Place(Part):
    """Where somebody writes: a text of the document, and places in it as the page made them."""

    text: Annotated[str, Field(max_length=120)]
    anchor: Annotated[str, Field(max_length=200)] = ""
    head: Annotated[str, Field(max_length=200)] = ""


class View(Part):
    """What somebody looks at, for those who follow them."""

    run: uuid.UUID | None = None
    token: Annotated[int, Field(ge=0, le=2**31)] | None = None
    panel: Annotated[str, Field(max_length=40)] = ""
    top: Annotated[str, Field(max_length=120)] = ""


class Cursor(Frame):
    op: Literal["cursor"]
    at: Place | None = None
    away: bool = False
    presents: bool = False
    follows: uuid.UUID | None = None  # the seat of whoever presents
    view: View | None = None


class Leave(Frame):
    op: Literal["leave"]


AnyFrame = Watch | Unwatch | Cancel | Ack | Ping | Join | Edit | Cursor | Leave
ClientFrame = Annotated[AnyFrame, Field(discriminator="op")]
_adapter: TypeAdapter[AnyFrame] = TypeAdapter(ClientFrame)


class BadFrame(Exception):
    """A frame that says nothing we know; the message says why."""


def read_frame(text: str | None) -> AnyFrame:
    """Raises BadFrame for everything but one of the frames."""
    if text is None:
        raise BadFrame("Send text frames; binary ones are not read.")
    try:
        return _adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(str(step) for step in first["loc"])
        raise BadFrame(f"{path + ': ' if path else ''}{first['msg']}.") from None
    except ValueError as error:  # text that is not even Unicode
        raise BadFrame(str(error)) from None


def write_frame(op: str, **fields: Any) -> str:
    return json.dumps({"op": op, **fields}, separators=(",", ":"), ensure_ascii=False)
