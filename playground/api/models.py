"""GET /v1/models."""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from playground import catalog
from playground.api.endpoint import endpoint
from playground.models import ApiKey

OWNER = "fewshot"


@endpoint("GET", None)
async def index(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    entries = [entry(name) for name in catalog.local_models()]
    return JsonResponse({"object": "list", "data": entries})


def entry(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": OWNER}
