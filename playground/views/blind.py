"""The page on which people judge answers without knowing which column wrote them."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from playground.access import Verb, comparison_for
from playground.actions.blind import Ballot, Booth, End
from playground.models import Comparison
from playground.specs import parse
from playground.views.comparisons import address
from playground.views.signed_in import signed_in, user_of


@require_http_methods(["GET", "PUT"])
def index(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return cast(request, pk) if request.method == "PUT" else show(request, pk)


@never_cache  # going back must not show votes as they were
@login_required
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    comparison = comparison_for(user, pk, Verb.JUDGE)
    page = {"ballots": Booth(comparison, user).as_json(), "urls": urls(comparison)}
    context = {"comparison": comparison, "team": comparison.experiment.team, "page": page}
    return render(request, "comparisons/blind.html", context)


@signed_in
def cast(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """A vote under the key of a pair."""
    user = user_of(request)
    comparison = comparison_for(user, pk, Verb.JUDGE)
    Booth(comparison, user).cast(parse(Ballot, request.body))
    return JsonResponse({})


@signed_in
@require_POST
def reveal(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Which column wrote which answer, once the votes are in."""
    user = user_of(request)
    booth = Booth(comparison_for(user, pk, Verb.JUDGE), user)
    return JsonResponse({"pairs": booth.reveal(parse(End, request.body or b"{}"))})


def urls(comparison: Comparison) -> dict[str, str]:
    own = ("blind", "reveal", "results")
    addresses = {name: reverse(f"comparison-{name}", args=[comparison.pk]) for name in own}
    return addresses | {"comparison": address(comparison.pk)}
