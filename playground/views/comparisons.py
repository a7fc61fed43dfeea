"""Pages and JSON of comparisons."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from playground import catalog
from playground.access import Verb, comparison_for, experiment_for, may
from playground.actions import cells, deletions, presets, votes
from playground.actions import comparisons as actions
from playground.errors import NotFound
from playground.limits import LIMITS
from playground.models import Comparison
from playground.people import name_of
from playground.specs import parse
from playground.views.refusals import wants_page
from playground.views.runs import idempotency_key, summary
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_http_methods(["GET", "POST"])
def of_experiment(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Those of an experiment, or a new one among them."""
    user = user_of(request)
    if request.method == "GET":
        rows = actions.listed(experiment_for(user, pk))
        return JsonResponse({"comparisons": [row | {"url": address(row["id"])} for row in rows]})
    experiment = experiment_for(user, pk, Verb.EDIT)
    return made(actions.make(experiment, user, parse(actions.NewComparison, request.body)))


@require_http_methods(["GET", "DELETE"])
def one(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return delete(request, pk) if request.method == "DELETE" else show(request, pk)


@never_cache  # going back must not show a draft that was saved over meanwhile
@login_required
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    comparison = comparison_for(user, pk)
    context = {
        "comparison": comparison,
        "experiment": comparison.experiment,
        "team": comparison.experiment.team,
        "page": page_data(user, comparison),
    }
    return render(request, "comparisons/show.html", context)


@signed_in
def delete(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    user = user_of(request)
    deletions.delete(comparison_for(user, pk, Verb.EDIT), user)
    return JsonResponse({})


@signed_in
@require_POST
def restore(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Undoes a deletion; repeating it is harmless."""
    user = user_of(request)
    try:
        comparison = comparison_for(user, pk, Verb.EDIT, deleted=True)
    except NotFound:
        comparison = comparison_for(user, pk, Verb.EDIT)
    deletions.restore(comparison, user)
    if wants_page(request):
        return redirect("comparison", pk)
    return JsonResponse({"comparison": named(comparison)})


@signed_in
@require_POST
def copy(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    user = user_of(request)
    return made(actions.copy(comparison_for(user, pk, Verb.EDIT), user))


@signed_in
@require_http_methods(["PUT"])
def draft(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    comparison = comparison_for(user_of(request), pk, Verb.EDIT)
    version = actions.save_draft(comparison, parse(actions.Draft, request.body))
    return JsonResponse({"draft_version": version})


@signed_in
@require_POST
def runs(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Runs cells of the stored board under the request's Idempotency-Key."""
    user = user_of(request)
    comparison = comparison_for(user, pk, Verb.RUN)
    press = parse(cells.Press, request.body or b"{}")
    started = cells.start(comparison, user, press, idempotency_key(request))
    body = {
        "cells": [
            {"column": run.column, "row": run.row, "sample": run.sample, "run": summary(run)}
            for run in started.runs
        ],
        "refused": started.refused,
        "notes": started.notes,
    }
    return JsonResponse(body, status=201 if started.is_new else 200)


@signed_in
@require_GET
def cells_of(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    comparison = comparison_for(user_of(request), pk)
    return JsonResponse({"cells": cells.listed(comparison, actions.board_of(comparison))})


@signed_in
@require_POST
def cancel(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Stops the caller's own live runs, or everybody's if the body says so; repeating it is harmless."""
    user = user_of(request)
    comparison = comparison_for(user, pk, Verb.RUN)
    asked = cells.stop(comparison, user, parse(cells.Stop, request.body or b"{}"))
    return JsonResponse({"asked": asked})


def made(comparison: Comparison) -> JsonResponse:
    return JsonResponse({"comparison": named(comparison)}, status=201)


def named(comparison: Comparison) -> dict[str, str]:
    return {"id": str(comparison.pk), "url": address(comparison.pk)}


def address(pk: uuid.UUID | str) -> str:
    return reverse("comparison", args=[pk])


def page_data(user: User, comparison: Comparison) -> dict[str, Any]:
    """Everything the page's script starts from."""
    experiment = comparison.experiment
    board = actions.board_of(comparison)
    return {
        "comparison": {
            "id": str(comparison.pk),
            "title": comparison.title,
            "draft_version": comparison.draft_version,
            "experiment": {
                "id": str(experiment.pk),
                "title": experiment.title,
                "spec": experiment.draft,
            },
        },
        "board": board.as_json(),
        "cells": cells.listed(comparison, board),
        **votes.listed(comparison),
        "models": [state.as_json() for state in catalog.model_states()],
        "presets": presets.listed(experiment.team),
        "limits": LIMITS.as_json(),
        "urls": urls(comparison),
        "user": {"id": user.pk, "name": name_of(user)},
        "may_run": may(user, experiment.team_id, Verb.RUN),
        "may_edit": may(user, experiment.team_id, Verb.EDIT),
        "may_manage": may(user, experiment.team_id, Verb.MANAGE),
        "may_judge": may(user, experiment.team_id, Verb.JUDGE),
    }


def urls(comparison: Comparison) -> dict[str, str]:
    own = ("draft", "runs", "cells", "cancel", "copy", "restore", "votes", "results", "blind")
    addresses = {name: reverse(f"comparison-{name}", args=[comparison.pk]) for name in own}
    experiment = [comparison.experiment_id]
    return addresses | {
        "comparison": address(comparison.pk),
        "comparisons": reverse("comparisons", args=experiment),
        "experiment": reverse("experiment", args=experiment),
        "experiment_runs": reverse("experiment-runs", args=experiment),
        "presets": reverse("presets", args=experiment),
        "comments": reverse("comments", args=experiment),
        "seen": reverse("comments-seen", args=experiment),
        "activity": reverse("experiment-activity", args=experiment),
        "versions": reverse("versions", args=experiment),
        "examples": reverse("prompt-examples"),
        "render": reverse("prompt-render"),
        "models": reverse("models"),
        "socket": f"/ws/?experiment={comparison.experiment_id}",
    }
