"""Pages of a list, newest first. A cursor is a place in time, so what is added meanwhile moves nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db.models import Q, QuerySet
from pydantic import BaseModel, Field

from playground.errors import Refusal

LARGEST = 100

T = TypeVar("T", bound=BaseModel)


class Wanted(BaseModel):
    """Which page; ``cursor`` is the ``next`` of the one before."""

    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=LARGEST)


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: str | None  # None: there is no more


class Place(NamedTuple):
    moment: datetime
    pk: UUID


def page(rows: QuerySet[Any], moment: str, wanted: Wanted, shape: Callable[[Any], T]) -> Page[T]:
    """``rows`` by the column ``moment``, and by their ids where that is the same."""
    if wanted.cursor is not None:
        place = _parsed(wanted.cursor)
        older = Q(**{f"{moment}__lt": place.moment})
        rows = rows.filter(older | Q(**{moment: place.moment, "pk__lt": place.pk}))
    found = list(rows.order_by(f"-{moment}", "-pk")[: wanted.limit + 1])
    shown = found[: wanted.limit]
    more = len(found) > len(shown)
    return Page(items=[shape(row) for row in shown], next=_cursor(shown[-1], moment) if more else None)


# Signed, so that no other text is ever taken for one.
_signer = Signer(salt="cursor")


def _cursor(row: Any, moment: str) -> str:
    return _signer.sign_object([getattr(row, moment).isoformat(), str(row.pk)])


def _parsed(cursor: str) -> Place:
    try:
        moment, pk = _signer.unsign_object(cursor)
    except BadSignature:
        raise Refusal("invalid", "cursor: Send the next of another page.", field="cursor") from None
    return Place(datetime.fromisoformat(moment), UUID(pk))
