"""GET /v1/models, and one of them."""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from playground import catalog
from playground.access import Verb, published_prompt_called, published_prompts_of
from playground.actions.published_prompts import is_address
from playground.api.endpoint import endpoint
from playground.consumers.database import in_database
from playground.models import ApiKey, PublishedPrompt
from playground.models.published_prompt import PublishedPromptQuerySet


@endpoint("GET", None)
async def index(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    """The operator's models, then what the key's team has published."""
    models = [entry(name) for name in catalog.registry().names()]
    published = [entry_of(prompt) for prompt in await in_database(list)(published_for(key))]
    return JsonResponse({"object": "list", "data": models + published})


@endpoint("GET", None)
async def one(request: HttpRequest, key: ApiKey, name: str) -> HttpResponseBase:
    if is_address(name):
        return JsonResponse(entry_of(await in_database(published_prompt_called)(key, name, Verb.READ)))
    return JsonResponse(entry(catalog.model_spec(name).name))


def published_for(key: ApiKey) -> PublishedPromptQuerySet:
    return published_prompts_of(key).open().defer("version__spec")


def entry(name: str) -> dict[str, object]:
    """``created`` is not known of a folder of weights."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "fewshot"}


def entry_of(prompt: PublishedPrompt) -> dict[str, object]:
    created = int(prompt.published_at.timestamp())
    return {"id": prompt.address, "object": "model", "created": created, "owned_by": prompt.team.slug}
