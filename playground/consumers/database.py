"""The database from a socket's coroutine."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async

from playground.threads import database

P = ParamSpec("P")
R = TypeVar("R")


def in_database(work: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Runs short reads in a pool of threads.

    Channels' own way puts every query of every socket on one thread, where a single locked write would
    stall them all, and opens a connection for each of them.
    """

    def kept(*args: P.args, **kwargs: P.kwargs) -> R:
        with database():
            return work(*args, **kwargs)

    return sync_to_async(kept, thread_sensitive=False)
