"""The operator's models: how they stand, loading and unloading; and the limits."""

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from playground import catalog
from playground.access import Verb, experiment_for
from playground.actions import models as actions
from playground.limits import LIMITS
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_GET
def index(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"models": [state.as_json() for state in catalog.model_states()]})


@signed_in
@require_POST
def load(request: HttpRequest, pk: uuid.UUID, name: str) -> JsonResponse:
    """Whoever may run this experiment may load the models it could run on."""
    experiment_for(user_of(request), pk, Verb.RUN)
    state = actions.load(name, user_of(request))
    return JsonResponse({"model": state.as_json()}, status=202)


@signed_in
@require_POST
def unload(request: HttpRequest, pk: uuid.UUID, name: str) -> JsonResponse:
    experiment_for(user_of(request), pk, Verb.RUN)
    state = actions.unload(name, user_of(request))
    return JsonResponse({"model": state.as_json()}, status=202)


@signed_in
@require_GET
def vocabulary(request: HttpRequest, name: str) -> HttpResponse:
    """The texts of all tokens of a model. At the address with its hash (``v``) they never change."""
    found = catalog.vocabulary(name)
    lasts = request.GET.get("v") == found.digest
    answer = HttpResponse(found.body, content_type="application/json")
    answer["Cache-Control"] = "private, max-age=31536000, immutable" if lasts else "no-cache"
    return answer


@require_GET
def limits(request: HttpRequest) -> JsonResponse:
    return JsonResponse(LIMITS.as_json())
