"""Probes: the next token's distribution, and how likely a text is as the answer."""

import uuid

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST
from pydantic import Field

from playground import catalog
from playground.access import run_for
from playground.actions import probes
from playground.errors import Refusal
from playground.specs import PromptSpec, Strict, Text, parse
from playground.views.signed_in import signed_in, user_of


class NextToken(Strict):
    """Behind the prompt of ``spec``, or before token ``at`` of the answer of ``run``."""

    spec: PromptSpec | None = None
    run: uuid.UUID | None = None
    at: int = Field(default=0, ge=0)


class Score(Strict):
    spec: PromptSpec
    text: Text


@signed_in
@require_POST
def next_token(request: HttpRequest) -> HttpResponse:
    """Little-endian float16 logits by token id; headers say where their texts are, and which id was taken."""
    user = user_of(request)
    place = place_of(user, parse(NextToken, request.body))
    answer = HttpResponse(probes.next_token(user, place), content_type="application/octet-stream")
    address = reverse("vocabulary", args=[place.model])
    answer["X-Vocabulary"] = f"{address}?v={catalog.vocabulary(place.model).digest}"
    if place.taken is not None:
        answer["X-Taken"] = str(place.taken)
    return answer


@signed_in
@require_POST
def score(request: HttpRequest) -> JsonResponse:
    """How likely each token of a text is as the answer: records like those of runs."""
    wanted = parse(Score, request.body)
    return JsonResponse({"tokens": probes.score(user_of(request), wanted.spec, wanted.text)})


def place_of(user: User, wanted: NextToken) -> probes.Place:
    if wanted.spec is not None and wanted.run is None:
        return probes.behind_prompt(wanted.spec)
    if wanted.run is not None and wanted.spec is None:
        return probes.inside_answer(run_for(user, wanted.run), wanted.at)
    raise Refusal("invalid", "Give either a spec or a run.")
