"""A person's star on an experiment."""

import uuid

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_http_methods

from playground.access import experiment_for
from playground.actions import stars as actions
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_http_methods(["PUT", "DELETE"])
def of_experiment(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    user = user_of(request)
    starred = request.method == "PUT"
    actions.put(experiment_for(user, pk), user, starred=starred)
    return JsonResponse({"starred": starred})
