"""The operator's models and the limits, for scripts."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from playground import catalog
from playground.limits import LIMITS
from playground.views.signed_in import signed_in


@signed_in
@require_GET
def index(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"models": [state.as_json() for state in catalog.model_states()]})


@require_GET
def limits(request: HttpRequest) -> JsonResponse:
    return JsonResponse(LIMITS.as_json())
