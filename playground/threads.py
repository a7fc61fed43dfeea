"""Database connections of threads that outlive requests and tasks."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections


@contextmanager
def database() -> Iterator[None]:
    """A unit of work on the database in a thread that outlives connections."""
    try:
        yield
    finally:
        leave()


def leave() -> None:
    """Ends this thread's work on the database.

    To open SQLite costs six times as much as a read of one row, so a thread keeps it open. A connection to
    PostgreSQL goes back to its pool, unless a transaction around this call still needs it.
    """
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            continue
        if connection.vendor != "sqlite" or connection.errors_occurred:
            connection.close_if_unusable_or_obsolete()
