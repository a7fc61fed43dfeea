"""Public ids."""

import uuid

import uuid_utils.compat


def new_id() -> uuid.UUID:
    """A UUIDv7: unguessable enough to be public, ordered by time so that indexes stay compact."""
    return uuid_utils.compat.uuid7()
