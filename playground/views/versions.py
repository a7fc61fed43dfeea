"""JSON of versions: list, save, look, name, restore."""

import uuid

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from playground.access import Verb, experiment_for, version_for
from playground.actions import versions as actions
from playground.errors import Refusal
from playground.specs import parse
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_http_methods(["GET", "POST"])
def of_experiment(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Those of an experiment, older than ``before`` if that is given; or one more, saved with a label."""
    user = user_of(request)
    if request.method == "GET":
        return JsonResponse(actions.listed(experiment_for(user, pk), before(request)))
    experiment = experiment_for(user, pk, Verb.EDIT)
    version = actions.save(experiment, user, parse(actions.NewVersion, request.body))
    return JsonResponse({"version": actions.as_json(version)}, status=201)


@signed_in
@require_http_methods(["GET", "PATCH"])
def one(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """A version with its spec; an automatic one takes a label and a message once."""
    user = user_of(request)
    if request.method == "GET":
        version = version_for(user, pk)
        return JsonResponse({"version": actions.as_json(version) | {"spec": version.spec}})
    version = version_for(user, pk, Verb.EDIT)
    named = actions.name(version, parse(actions.Naming, request.body))
    return JsonResponse({"version": actions.as_json(named)})


@signed_in
@require_POST
def restore(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """A new version that holds what this one holds; the page puts it into the draft."""
    user = user_of(request)
    version = actions.restore(version_for(user, pk, Verb.EDIT), user)
    return JsonResponse({"version": actions.as_json(version) | {"spec": version.spec}}, status=201)


def before(request: HttpRequest) -> int | None:
    number = request.GET.get("before", "")
    if number and not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise Refusal("invalid", "before is the number of a version.", field="before")
    return int(number) if number else None
