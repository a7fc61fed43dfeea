"""JSON of code that asks the same again: of a run, and of a published prompt."""

import uuid

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from playground.access import published_prompt_for, run_for
from playground.actions import code as actions
from playground.code_export import Call, in_all_languages
from playground.errors import NotFound
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_GET
def of_run(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    user = user_of(request)
    return written(request, actions.of_run(run_for(user, pk), user))


@signed_in
@require_GET
def of_published(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    user = user_of(request)
    prompt = published_prompt_for(user, pk)
    if not prompt.is_open:
        raise NotFound("published prompt")
    return written(request, actions.of_published(prompt, user))


def written(request: HttpRequest, call: Call) -> JsonResponse:
    """For the address that the page is read at."""
    return JsonResponse({"languages": in_all_languages(call, request.build_absolute_uri("/v1"))})
