"""What every page knows without its view: the teams for the switcher, and the way back from a deletion."""

import time
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from playground.access import memberships_of


def teams(request: HttpRequest) -> dict[str, Any]:
    """``memberships`` of the user with their teams; one query, and only on a page that shows them."""
    if not hasattr(request, "user"):
        return {}  # an error page of a request that no middleware has seen
    return {"memberships": SimpleLazyObject(lambda: list(memberships_of(request.user)))}


def undo(request: HttpRequest) -> dict[str, Any]:
    """``undo`` while the last deletion can be taken back here, with the seconds ``left`` to do so."""
    if not hasattr(request, "session"):
        return {}
    offered = request.session.get("undo")
    if not offered or (left := offered["until"] - time.time()) <= 0:
        return {}
    return {"undo": {**offered, "left": round(left)}}
