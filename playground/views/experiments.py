"""Pages and JSON of experiments."""

import uuid
from itertools import groupby
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from playground import catalog
from playground.access import Verb, experiment_for, experiments_of, may, team_for
from playground.actions import experiments as actions
from playground.limits import LIMITS
from playground.models import Experiment, Run
from playground.specs import parse, shot_label
from playground.views.signed_in import signed_in, user_of

RAIL = 50  # experiments in the rail; the list page has them all
PAGE = 50
HISTORY = 100  # runs in the history of one experiment


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    page = Paginator(listed(user), PAGE).get_page(request.GET.get("page"))
    context = {
        "experiments": [row_of(experiment) for experiment in page],
        "page": page,
        "team": team_for(user),
    }
    return render(request, "experiments/index.html", context)


@login_required
@require_POST
def new(request: HttpRequest) -> HttpResponseRedirect:
    user = user_of(request)
    experiment = actions.make_blank(team_for(user, Verb.EDIT), user)
    return redirect("experiment", experiment.pk)


@never_cache  # going back must not show a draft that was saved over meanwhile
@login_required
@require_GET
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    experiment = experiment_for(user, pk)
    context = {
        "experiment": experiment,
        "team": experiment.team,
        "page": page_data(user, experiment),
        "ages": by_age([row_of(other) for other in listed(user)[:RAIL]]),
        "days": days_of(experiment),
        "may_run": may(user, experiment.team_id, Verb.RUN),
    }
    return render(request, "experiments/show.html", context)


@signed_in
@require_http_methods(["PUT"])
def draft(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    experiment = experiment_for(user_of(request), pk, Verb.EDIT)
    version = actions.save_draft(experiment, parse(actions.Draft, request.body))
    return JsonResponse({"draft_version": version})


@signed_in
@require_GET
def history(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    experiment = experiment_for(user_of(request), pk)
    return render(request, "runs/_history.html", {"days": days_of(experiment), "experiment": experiment})


def listed(user: User) -> Any:
    return experiments_of(user).annotate(run_count=Count("runs"))


def row_of(experiment: Experiment) -> Experiment:
    """The experiment with what its row shows."""
    shots = sum(1 for example in experiment.draft.get("examples", []) if example.get("on"))
    experiment.shot_label = shot_label(shots)  # type: ignore[attr-defined]
    return experiment


def by_age(experiments: list[Experiment]) -> list[tuple[str, list[Experiment]]]:
    """Experiments, newest first, under the headings of the rail."""
    now = timezone.now()

    def age(experiment: Experiment) -> str:
        days = (now - experiment.updated_at).days
        return "Today" if days < 1 else "This week" if days < 7 else "Earlier"

    return [(label, list(group)) for label, group in groupby(experiments, key=age)]


def page_data(user: User, experiment: Experiment) -> dict[str, Any]:
    """Everything the page's script starts from."""
    last_run = experiment.runs.order_by("-queued_at").values_list("pk", flat=True).first()
    return {
        "experiment": {
            "id": str(experiment.pk),
            "title": experiment.title,
            "scope": experiment.scope,
            "draft_version": experiment.draft_version,
        },
        "spec": experiment.draft,
        "models": [state.as_json() for state in catalog.model_states()],
        "limits": LIMITS.as_json(),
        "urls": {
            "draft": reverse("experiment-draft", args=[experiment.pk]),
            "runs": reverse("experiment-runs", args=[experiment.pk]),
            "history": reverse("experiment-history", args=[experiment.pk]),
            "render": reverse("prompt-render"),
            "next_token": reverse("next-token"),
            "score": reverse("score"),
            "models": reverse("models"),
            "experiment": reverse("experiment", args=[experiment.pk]),
            "socket": "/ws/",
        },
        "last_run": str(last_run) if last_run else None,
        "user": {"name": user.get_short_name() or user.username},
    }


def days_of(experiment: Experiment) -> list[tuple[str, list[Run]]]:
    """The newest runs of an experiment, grouped by day."""
    runs = experiment.runs.select_related("user").defer("prompt_text", "prompt_ids", "tokens", "spec")
    newest = list(runs.order_by("-queued_at")[:HISTORY])
    grouped = groupby(newest, key=lambda run: timezone.localdate(run.queued_at))
    today = timezone.localdate()
    return [
        ({0: "Today", 1: "Yesterday"}.get((today - day).days, f"{day:%d %B %Y}"), list(runs_of_day))
        for day, runs_of_day in grouped
    ]
