"""Forms that pages post: read as strictly as JSON, refused in a notice on the page they came from."""

from types import TracebackType
from typing import TypeVar

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from pydantic import BaseModel, ValidationError

from playground.errors import Refusal
from playground.specs import refusal

T = TypeVar("T", bound=BaseModel)


def read_form(kind: type[T], request: HttpRequest) -> T:
    """The posted form as a ``kind``; raises Refusal naming the first field that is wrong."""
    posted = {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}
    try:
        return kind.model_validate(posted)
    except ValidationError as error:
        raise refusal(error) from None


class OneChange:
    """``with``: one transaction; a refusal undoes it and becomes a notice. No access stays no access."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.transaction = transaction.atomic()

    def __enter__(self) -> None:
        self.transaction.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.transaction.__exit__(kind, error, trace)
        if not isinstance(error, Refusal) or error.status in (403, 404):
            return False
        messages.error(self.request, error.message)
        return True
