"""Frames that browsers send, as typed records. docs/events.md describes both directions."""

import json
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from playground.events import EntryId


class Frame(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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


ClientFrame = Annotated[Watch | Unwatch | Cancel | Ack | Ping, Field(discriminator="op")]
_adapter: TypeAdapter[Watch | Unwatch | Cancel | Ack | Ping] = TypeAdapter(ClientFrame)


class BadFrame(Exception):
    """A frame that says nothing we know; the message says why."""


def read_frame(text: str | None) -> Watch | Unwatch | Cancel | Ack | Ping:
    """Raises BadFrame for everything but one of the five frames."""
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
