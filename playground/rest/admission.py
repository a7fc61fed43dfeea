"""Who asks: an API key in the header, as ``/v1`` takes it. No cookie is looked at."""

from typing import Any

from django.http import HttpRequest
from ninja.security.base import AuthBase

from playground.api.endpoint import admit
from playground.models import ApiKey, Scope


class Bearer(AuthBase):
    """Lets a request in whose key has ``scope``; its answers are those of ``admit``."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> ApiKey:
        return admit(request, self.scope)


READ, RUN, WRITE = map(Bearer, (Scope.READ, Scope.RUN, Scope.WRITE))


def key_of(request: HttpRequest) -> ApiKey:
    """The key of a request that was let in; as an actor it sees its own team alone."""
    key: Any = request.auth  # type: ignore[attr-defined]  # where ninja puts what Bearer answered
    assert isinstance(key, ApiKey)
    return key
