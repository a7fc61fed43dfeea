"""What all addresses of ``/v1`` have in common: a method, a key in the header, errors in one shape."""

import logging
import time
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import redis
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from playground.access import api_key_of
from playground.api import errors
from playground.consumers.database import in_database
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import ApiKey, Scope
from playground.models.api_key import PREFIX

log = logging.getLogger(__name__)

MINUTE = 60  # seconds
ANY = "any method"
Answer = Coroutine[Any, Any, HttpResponseBase]
View = Callable[..., Answer]


def endpoint(method: str, scope: Scope | None) -> Callable[[View], View]:
    """An address for keys with ``scope`` (None: any). No cookie is looked at, so none can be abused."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        async def guarded(request: HttpRequest, **parts: Any) -> HttpResponseBase:
            try:
                if method not in (request.method, ANY):
                    raise Refusal("method_not_allowed", f"Use {method} here.", status=405)
                answer = await view(request, await in_database(admit)(request, scope), **parts)
            except Refusal as error:
                answer = errors.answer(error)
            except Exception:
                log.exception("A program's request failed.")
                fault = Refusal("internal", "That failed on the server. Try again.", status=500)
                answer = errors.answer(fault)
            if isinstance(answer, HttpResponse):
                answer["Content-Length"] = str(len(answer.content))
            answer["X-Content-Type-Options"] = "nosniff"
            return answer

        return guarded

    return decorate


def admit(request: HttpRequest, scope: Scope | None) -> ApiKey:
    """The key that a request came with. Raises Refusal 401, 403 or 429."""
    key = api_key_of(secret_of(request), scope)
    _refuse_haste(key)
    key.note_use()
    return key


def secret_of(request: HttpRequest) -> str:
    """Addresses are written into logs and histories, so a key that stands in one is refused, and is lost."""
    if any(value.startswith(PREFIX) for values in request.GET.lists() for value in values[1]):
        message = "Send the API key in the Authorization header; revoke this one, for addresses are logged."
        raise Refusal("key_in_address", message, status=400)
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret:
        raise Refusal("invalid_api_key", "Send an API key: Authorization: Bearer fs-...", status=401)
    return secret.strip()


def _refuse_haste(key: ApiKey) -> None:
    """Counts the key's requests of this minute; a broker that does not answer stops nobody."""
    now = time.time()
    name = f"api:{key.pk}:{now // MINUTE:.0f}"
    try:
        count = _count(name)
    except (redis.RedisError, ValueError):
        return
    if count > LIMITS.api_requests_per_minute:
        message = f"At most {LIMITS.api_requests_per_minute} requests a minute are taken of one API key."
        raise Refusal("too_fast", message, status=429, retry_after=MINUTE - int(now % MINUTE))


def _count(name: str) -> int:
    """One more of ``name``; only the first of a minute makes the counter, which costs another round trip."""
    try:
        return cache.incr(name)
    except ValueError:
        cache.add(name, 0, timeout=2 * MINUTE)
        return cache.incr(name)
