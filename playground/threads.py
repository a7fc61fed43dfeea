"""Database connections of threads that outlive requests and tasks."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import close_old_connections


@contextmanager
def database() -> Iterator[None]:
    """A unit of work on the database in a thread that outlives connections."""
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
