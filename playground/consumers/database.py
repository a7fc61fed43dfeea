"""The database from a socket's coroutine."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

P = ParamSpec("P")
R = TypeVar("R")


def in_database(work: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Runs short reads in a pool of threads.

    Channels' own way puts every query of every socket on one thread, where a single locked write would
    stall them all, and opens a connection for each of them.
    """

    def kept(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        finally:
            _leave()

    return sync_to_async(kept, thread_sensitive=False)


def _leave() -> None:
    """To open SQLite costs six times as much as a read of one row, so these few threads keep it open.

    A connection to PostgreSQL goes back to its pool, unless a transaction around this call still needs it.
    """
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            continue
        if connection.vendor != "sqlite" or connection.errors_occurred:
            connection.close_if_unusable_or_obsolete()
