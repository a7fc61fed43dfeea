"""Who asks: pages send strangers to the sign-in page, scripts get 401 in JSON."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from playground.errors import Refusal

View = Callable[..., HttpResponse]


def user_of(request: HttpRequest) -> User:
    """The signed-in user; raises Refusal 401 otherwise."""
    if not isinstance(request.user, User):
        raise Refusal("signed_out", "You are signed out. Sign in again to go on.", status=401)
    return request.user


def signed_in(view: View) -> View:
    """For JSON views: 401 in JSON instead of a redirect that a script cannot follow."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user_of(request)
        return view(request, *args, **kwargs)

    return guarded
