"""Refusals: the one shape that all of them have here, and which an address may answer."""

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from pydantic import BaseModel, ConfigDict

from playground.errors import Refusal

log = logging.getLogger(__name__)

ALWAYS = (400, 401, 403, 404, 429, 500)
BODY = (413, 422)  # of what takes a body
QUERY = (422,)  # of what takes parameters


class Fault(BaseModel):
    """``code`` is one of a published list, ``message`` a sentence to act on, ``field`` what is wrong."""

    code: str
    message: str
    field: str | None = None


class Problem(BaseModel):
    """Some refusals say more beside the error, such as the draft that is stored."""

    model_config = ConfigDict(extra="allow")

    error: Fault


def answers(fine: dict[int, Any], *refusals: int) -> dict[int, Any]:
    """Of an address, by status: ``fine``, what every address refuses with, and ``refusals``."""
    return fine | dict.fromkeys(sorted({*ALWAYS, *refusals}), Problem)


def refusal_of(error: Exception) -> Refusal:
    """What a program is told of ``error``; a fault of ours goes to the log."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestDataTooBig):
        return Refusal("too_large", "The request is larger than 4 MiB.", status=413)
    log.error("A program's request failed.", exc_info=error)
    return Refusal("internal", "That failed on the server. Try again.", status=500)


def headers_of(refusal: Refusal) -> dict[str, str]:
    found = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    if "retry_after" in refusal.extra:
        found["Retry-After"] = str(refusal.extra["retry_after"])
    return found
