"""Forms that pages post: read as strictly as JSON, refused in a notice on the page they came from."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from pydantic import BaseModel

from playground.access import Verb, personal_team_for, team_for
from playground.errors import NotFound, Refusal
from playground.models import Team
from playground.specs import checked

T = TypeVar("T", bound=BaseModel)


def read_form(kind: type[T], request: HttpRequest) -> T:
    """The posted form as a ``kind``; raises Refusal naming the first field that is wrong."""
    return checked(
        kind, {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}
    )


def chosen_team(request: HttpRequest, user: User) -> Team:
    """The team that a form names, for writing; the personal one where it names none."""
    named = request.POST.get("team")
    if not named:
        return personal_team_for(user, Verb.EDIT)
    try:
        return team_for(user, uuid.UUID(named), Verb.EDIT)
    except ValueError:
        raise NotFound("team") from None


@contextmanager
def one_change(request: HttpRequest) -> Iterator[None]:
    """One transaction; a refusal undoes it and becomes a notice. No access stays no access."""
    try:
        with transaction.atomic():
            yield
    except Refusal as error:
        if error.status in (403, 404):
            raise
        messages.error(request, error.message)
