"""JSON of the tags of an experiment."""

import uuid

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_http_methods

from playground.access import Verb, experiment_for
from playground.actions import tags as actions
from playground.specs import parse
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_http_methods(["PATCH"])
def of_experiment(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    experiment = experiment_for(user_of(request), pk, Verb.EDIT)
    tags = actions.change(experiment, parse(actions.Change, request.body))
    return JsonResponse({"tags": tags, "team_tags": actions.listed(experiment.team)})
