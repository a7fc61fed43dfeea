"""JSON of presets: list, save, change, delete."""

import uuid

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_http_methods

from playground.access import Verb, experiment_for, preset_for
from playground.actions import presets as actions
from playground.specs import parse
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_http_methods(["GET", "POST"])
def of_team(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Those of an experiment's team, or a new one among them."""
    user = user_of(request)
    if request.method == "GET":
        team = experiment_for(user, pk).team
        return JsonResponse({"presets": actions.listed(team)})
    team = experiment_for(user, pk, Verb.EDIT).team
    preset = actions.save(team, user, parse(actions.NewPreset, request.body))
    return JsonResponse({"preset": actions.as_json(preset)}, status=201)


@signed_in
@require_http_methods(["PATCH", "DELETE"])
def one(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    preset = preset_for(user_of(request), pk, Verb.EDIT)
    if request.method == "DELETE":
        preset.delete()
        return JsonResponse({})
    changed = actions.change(preset, parse(actions.Change, request.body))
    return JsonResponse({"preset": actions.as_json(changed)})
