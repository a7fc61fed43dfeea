"""Races: of writers that choose the same number or key, all but one look again."""

from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError, transaction

from playground.errors import Refusal

TRIES = 3
Stored = TypeVar("Stored")


def nothing() -> None:
    """For ``find``, when what another writer has stored is no answer to this one."""


def stored_once(store: Callable[[], Stored], find: Callable[[], Stored | None]) -> tuple[Stored, bool]:
    """What ``store`` answers and True, or what ``find`` does and False when a racing request was first.

    ``store`` runs in a transaction; racing writers meet in a unique constraint. Raises Refusal ``busy``
    when three other writers were faster.
    """
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                return store(), True
        except IntegrityError:
            if (found := find()) is not None:
                return found, False
    raise Refusal("busy", "Somebody saved this experiment at the same moment. Try again.", status=503)
