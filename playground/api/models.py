"""GET /v1/models, and one of them."""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from playground import catalog
from playground.api.endpoint import endpoint
from playground.models import ApiKey


@endpoint("GET", None)
async def index(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    return JsonResponse({"object": "list", "data": [entry(name) for name in catalog.registry().names()]})


@endpoint("GET", None)
async def one(request: HttpRequest, key: ApiKey, name: str) -> HttpResponseBase:
    return JsonResponse(entry(catalog.model_spec(name).name))


def entry(name: str) -> dict[str, object]:
    """``created`` is not known of a folder of weights."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "fewshot"}
