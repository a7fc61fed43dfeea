"""JSON of the results of a comparison."""

import uuid

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from playground.access import comparison_for
from playground.actions import results as actions
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_GET
def index(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    return JsonResponse(actions.results(comparison_for(user_of(request), pk)))
