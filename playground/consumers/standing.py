"""Who a socket belongs to, and what it may do now."""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, parse_cookie

from playground.access import Verb, experiments_of, rights, runs_of


@dataclass(frozen=True)
class Standing:
    """What a socket may do now: without a user nothing; ``may_do`` is about its page's experiment."""

    user_id: int | None
    readable: set[uuid.UUID]
    may_do: dict[str, bool] | None


def standing_of(session_key: str, experiment: uuid.UUID | None, doubted: list[uuid.UUID]) -> Standing:
    """Looks at the page before the runs: a right that ends in between ends the runs first, then the page."""
    user = user_of_session(session_key)
    found = experiments_of(user).filter(pk=experiment).first() if experiment else None
    verbs = rights(user, found.team_id) if found else set()
    readable = set(runs_of(user).filter(pk__in=doubted).values_list("pk", flat=True)) if doubted else set()
    may_do = {"may_run": Verb.RUN in verbs, "may_edit": Verb.EDIT in verbs} if verbs else None
    return Standing(user.pk, readable, may_do)


def experiment_of(scope: dict[str, Any]) -> uuid.UUID | None:
    """The experiment whose page opened this socket; one that is no id is one that nobody may read."""
    named = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("experiment")
    try:
        return uuid.UUID(named[0]) if named else None
    except ValueError:
        return uuid.UUID(int=0)


def session_key_of(scope: dict[str, Any]) -> str:
    """The session cookie of a socket's handshake."""
    # Other programs of this host name set cookies too, some of which http.cookies would not read.
    cookies = [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
    return parse_cookie("; ".join(cookies)).get(settings.SESSION_COOKIE_NAME, "")


def user_of_session(session_key: str) -> User | AnonymousUser:
    """Who this session belongs to now: signing out or a new password ends it for open sockets too."""
    request = HttpRequest()
    request.session = SessionStore(session_key or None)
    user = get_user(request)
    return user if isinstance(user, User) else AnonymousUser()
