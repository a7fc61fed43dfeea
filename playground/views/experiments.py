"""Pages and JSON of experiments."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from playground import catalog
from playground.access import (
    Verb,
    experiment_for,
    experiments_of,
    may,
    memberships_of,
    personal_team_for,
    rights,
    team_for,
    versions_of,
)
from playground.actions import experiments as actions
from playground.actions import presets, tags, versions
from playground.limits import LIMITS
from playground.models import Experiment, SearchEntry, Version
from playground.people import name_of
from playground.specs import parse
from playground.starters import STARTERS
from playground.views import history
from playground.views.forms import chosen_team
from playground.views.listings import Listing, by_age, listed, rows_of, with_tags
from playground.views.signed_in import signed_in, user_of

RAIL = 50  # experiments in the rail; the list page has them all
STARRED = 20  # of these at most
PAGE = 50
FOUND = 12  # experiments that a search by title answers
SNIPPETS = (
    "run",
    *(f"experiment__{name}" for name in ("title", "scope", "draft")),
    "run__text",
    "run__prompt_text",
)


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    wanted = Listing.of(request)
    memberships = list(memberships_of(user))
    only = memberships[0].team if len(memberships) == 1 else None
    team = team_for(user, wanted.team) if wanted.team else only
    ids = listed(user, wanted).values_list("pk", flat=True)
    page = Paginator(ids, PAGE).get_page(request.GET.get("page"))
    target = team or personal_team_for(user)
    context = {
        "experiments": with_tags(rows_of(user, page)),
        "page": page,
        "listing": wanted,
        "team": team,
        "found": texts_with(user, wanted) if wanted.q.strip() else None,
        "target": target,  # where a new experiment goes
        "starters": STARTERS.values(),
        "may_create": may(user, target.pk, Verb.EDIT),
    }
    return render(request, "experiments/index.html", context)


@login_required
@require_POST
def new(request: HttpRequest) -> HttpResponseRedirect:
    """Makes a blank experiment, or one from the starter that the form names, in the team it names."""
    user = user_of(request)
    team = chosen_team(request, user)
    key = request.POST.get("starter")
    experiment = actions.make_from_starter(team, user, key) if key else actions.make_blank(team, user)
    return redirect("experiment", experiment.pk)


@login_required
@require_POST
def move(request: HttpRequest, pk: uuid.UUID) -> HttpResponseRedirect:
    """Moves an experiment to the team of the form.

    It takes the experiment away from everybody in its team, so only an owner of that team may.
    """
    user = user_of(request)
    experiment = experiment_for(user, pk, Verb.MANAGE)
    target = chosen_team(request, user)
    actions.move(experiment, target, user)
    messages.success(request, f"Moved to {target.name}.")
    return redirect("experiment", pk)


@login_required
@require_POST
def fork(request: HttpRequest, pk: uuid.UUID) -> HttpResponseRedirect:
    """Forks the stored draft into the team of the form."""
    user = user_of(request)
    experiment = experiment_for(user, pk)
    made = versions.fork_experiment(experiment, chosen_team(request, user), user)
    return redirect("experiment", made.pk)


@signed_in
@require_GET
def search(request: HttpRequest) -> JsonResponse:
    """The newest experiments whose title holds ``q``; without it, the newest ones."""
    wanted = request.GET.get("q", "")[: LIMITS.title_chars].replace("\0", "")
    found = experiments_of(user_of(request)).filter(title__icontains=wanted)[:FOUND]
    rows = [{"title": one.title, "url": reverse("experiment", args=[one.pk])} for one in found]
    texts = texts_with(user_of(request), Listing(q=wanted))[:FOUND] if wanted.strip() else []
    return JsonResponse({"experiments": rows, "texts": texts})


def texts_with(user: User, wanted: Listing) -> list[dict[str, Any]]:
    """The best places for the words of ``wanted``, in experiments and in the runs that ``user`` may read."""
    entries = SearchEntry.objects.filter(experiment__in=listed(user, wanted).order_by())
    rows = (
        entries.filter(Q(run=None) | Q(run__deleted_at=None))
        .select_related("experiment", "run")
        .only(*SNIPPETS)
        .matching(wanted.q)[:PAGE]
    )
    return [
        {
            "title": entry.experiment.title,
            "url": reverse("experiment", args=[entry.experiment_id])
            + (f"#run-{entry.run_id}" if entry.run_id else ""),
            "run": entry.run_id and str(entry.run_id),
            "snippet": entry.snippet(wanted.q),
        }
        for entry in rows
    ]


@never_cache  # going back must not show a draft that was saved over meanwhile
@login_required
@require_GET
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    experiment = experiment_for(user, pk)
    may_do = rights(user, experiment.team_id)
    context = {
        "experiment": experiment,
        "team": experiment.team,
        "page": page_data(user, experiment, may_do),
        "ages": by_age(rows_of(user, beside(user, experiment.team_id))),
        "starred": experiment.starred_by.filter(pk=user.pk).exists(),
        "may_run": Verb.RUN in may_do,
        "may_edit": Verb.EDIT in may_do,
        "may_move": Verb.MANAGE in may_do,
        "has_acts": True,
        "origin": origin_of(user, experiment),
    }
    return render(request, "experiments/show.html", context)


def beside(user: User, team: uuid.UUID) -> list[uuid.UUID]:
    """What the rail shows: the newest experiments with a star, then the newest of the team."""
    starred = listed(user, Listing(team=team, starred="1")).values_list("pk", flat=True)[:STARRED]
    newest = listed(user, Listing(team=team)).values_list("pk", flat=True)[:RAIL]
    return list(dict.fromkeys([*starred, *newest]))[:RAIL]


def origin_of(user: User, experiment: Experiment) -> Version | None:
    """The version that this is a fork of, if ``user`` may read it."""
    if experiment.forked_from_id is None:
        return None
    return versions_of(user).defer("spec").filter(pk=experiment.forked_from_id).first()


@signed_in
@require_http_methods(["PUT"])
def draft(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    user = user_of(request)
    experiment = experiment_for(user, pk, Verb.EDIT)
    version = actions.save_draft(experiment, parse(actions.Draft, request.body), user)
    return JsonResponse({"draft_version": version})


def page_data(user: User, experiment: Experiment, may_do: set[Verb]) -> dict[str, Any]:
    """Everything the page's script starts from."""
    newest = history.page_of(experiment, history.Search())
    return {
        "experiment": {
            "id": str(experiment.pk),
            "title": experiment.title,
            "scope": experiment.scope,
            "inputs": experiment.inputs,
            "draft_version": experiment.draft_version,
        },
        "spec": experiment.draft,
        "models": [state.as_json() for state in catalog.model_states()],
        "presets": presets.listed(experiment.team),
        "tags": tags.of_experiment(experiment),
        "team_tags": tags.listed(experiment.team),
        "limits": LIMITS.as_json(),
        "urls": {
            "draft": reverse("experiment-draft", args=[experiment.pk]),
            "runs": reverse("experiment-runs", args=[experiment.pk]),
            "history": reverse("experiment-history", args=[experiment.pk]),
            "comparisons": reverse("comparisons", args=[experiment.pk]),
            "render": reverse("prompt-render"),
            "examples": reverse("prompt-examples"),
            "next_token": reverse("next-token"),
            "score": reverse("score"),
            "models": reverse("models"),
            "presets": reverse("presets", args=[experiment.pk]),
            "published": reverse("experiment-published", args=[experiment.pk]),
            "versions": reverse("versions", args=[experiment.pk]),
            "comments": reverse("comments", args=[experiment.pk]),
            "seen": reverse("comments-seen", args=[experiment.pk]),
            "activity": reverse("experiment-activity", args=[experiment.pk]),
            "tags": reverse("experiment-tags", args=[experiment.pk]),
            "experiment": reverse("experiment", args=[experiment.pk]),
            "socket": f"/ws/?experiment={experiment.pk}",
        },
        "history": newest,
        "may_run": Verb.RUN in may_do,
        "may_edit": Verb.EDIT in may_do,
        "may_manage": Verb.MANAGE in may_do,
        "user": {"id": user.pk, "name": name_of(user)},
    }
