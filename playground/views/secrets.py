"""Pages whose address is a secret: nothing keeps it, nothing passes it on."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.views.decorators.cache import never_cache

View = Callable[..., HttpResponse]


def secret_address(view: View) -> View:
    """No cache, no search engine, and no Referer that is more than the origin.

    Not ``no-referrer``: with it browsers send ``Origin: null`` with forms, which the CSRF check refuses.
    """

    @never_cache
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> HttpResponse:
        response = view(*args, **kwargs)
        response["Referrer-Policy"] = "strict-origin"
        response["X-Robots-Tag"] = "noindex"
        return response

    return guarded
