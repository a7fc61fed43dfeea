"""Everything else below ``/v1``: clients read errors in one shape only."""

from typing import NoReturn

from django.http import HttpRequest

from playground.api.endpoint import ANY, endpoint
from playground.errors import Refusal
from playground.models import ApiKey


@endpoint(ANY, None)
async def show(request: HttpRequest, key: ApiKey, rest: str) -> NoReturn:
    raise Refusal("unknown_address", f"There is nothing at {request.method} {request.path}.", status=404)
