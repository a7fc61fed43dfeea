"""The database from a socket's coroutine."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async

P = ParamSpec("P")
R = TypeVar("R")


def in_database(work: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Runs short reads in a pool of threads.

    Channels' default puts every query of every socket on one thread, where a single locked write
    would stall them all.
    """
    wrapped: Callable[P, Awaitable[R]] = database_sync_to_async(work, thread_sensitive=False)
    return wrapped
