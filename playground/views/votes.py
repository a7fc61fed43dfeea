"""JSON of votes and ratings. Who may read may judge: it is their own opinion."""

import uuid

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_http_methods

from playground.access import Verb, comparison_for, run_for
from playground.actions import votes as actions
from playground.specs import parse
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_http_methods(["GET", "PUT"])
def of_comparison(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Everybody's votes and ratings, or a vote of the caller's own."""
    user = user_of(request)
    if request.method == "GET":
        return JsonResponse(actions.listed(comparison_for(user, pk)))
    comparison = comparison_for(user, pk, Verb.JUDGE)
    ballot = parse(actions.Ballot, request.body)
    run, against = (run_for(user, each, Verb.JUDGE) for each in (ballot.run, ballot.against))
    vote = actions.cast(comparison, user, run, against, ballot.choice)
    return JsonResponse({"vote": vote and actions.vote_as_json(vote)})


@signed_in
@require_http_methods(["PUT"])
def rating(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """The caller's mark and words on one answer."""
    user = user_of(request)
    run = run_for(user, pk, Verb.JUDGE)
    kept = actions.rate(run, user, parse(actions.Opinion, request.body))
    return JsonResponse({"rating": kept and actions.rating_as_json(kept)})
