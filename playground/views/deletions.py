"""Delete and undo: a form's page goes on with a way back, a script gets the same in JSON."""

import time
import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from playground.access import Verb, experiment_for, may, run_for, team_for
from playground.actions import deletions as actions
from playground.views.refusals import wants_page
from playground.views.signed_in import signed_in, user_of

# What the page calls them, and where they are brought back.
KINDS = {
    "experiments": ("Experiments", "experiment-restore"),
    "comparisons": ("Comparisons", "comparison-restore"),
    "runs": ("Runs", "run-restore"),
}
OFFERED = 60.0  # seconds that the way back stays on every page


@signed_in
@require_POST
def experiment(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    deleted = experiment_for(user, pk, Verb.EDIT)
    actions.delete(deleted, user)
    undo = offer_undo(request, f"Deleted “{deleted.title}”.", reverse("experiment-restore", args=[pk]))
    if wants_page(request):
        return redirect(f"{reverse('experiments')}?team={deleted.team_id}")
    return JsonResponse({"undo": undo})


@signed_in
@require_POST
def restore_experiment(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    actions.restore(experiment_for(user, pk, Verb.EDIT, deleted=True), user)
    return restored(request, reverse("experiment", args=[pk]))


@signed_in
@require_POST
def run(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    user = user_of(request)
    actions.delete(run_for(user, pk, Verb.EDIT), user)
    return JsonResponse({"undo": offer_undo(request, "Deleted a run.", reverse("run-restore", args=[pk]))})


@signed_in
@require_POST
def restore_run(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    row = run_for(user, pk, Verb.EDIT, deleted=True)
    actions.restore(row, user)
    home = ("experiment", row.experiment_id) if row.experiment_id else ("team-deleted", row.team_id)
    return restored(request, reverse(home[0], args=[home[1]]))


@never_cache
@login_required
@require_GET
def of_team(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What was deleted lately in a team, each with the way back."""
    user = user_of(request)
    team = team_for(user, pk)
    context = {
        "team": team,
        "days": actions.KEPT.days,
        "may_edit": may(user, pk, Verb.EDIT),
        "kinds": [(*KINDS[kind], rows) for kind, rows in actions.listed(team).items() if rows],
    }
    return render(request, "teams/deleted.html", context)


def offer_undo(request: HttpRequest, words: str, url: str) -> dict[str, Any]:
    """Notes the way back in the session, so that it is on whatever page comes next."""
    undo = {"words": words, "url": url}
    request.session["undo"] = undo | {"until": time.time() + OFFERED}
    return undo


def restored(request: HttpRequest, url: str) -> HttpResponse:
    request.session.pop("undo", None)
    if wants_page(request):
        messages.success(request, "Brought back.")
        return redirect(url)
    return JsonResponse({"url": url})
