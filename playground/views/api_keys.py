"""API keys of a team: made and revoked by their people and by owners; and what programs asked with them."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from playground import catalog
from playground.access import NEEDS, Verb, api_key_for, api_keys_of, rights, runs_of, team_for
from playground.actions import api_keys as actions
from playground.models import ApiKey, Team
from playground.models.run import Kind
from playground.specs import parse
from playground.views.signed_in import signed_in, user_of

DAYS = (7, 30, 90, 365)
PAGE = 25
PREVIEW = 160  # characters
SHOWN = (
    "api_key__name",
    "messages",
    "max_new_tokens",
    "model",
    "status",
    "error_message",
    "queued_at",
    "prompt_tokens",
    "completion_tokens",
)


@never_cache
@require_http_methods(["GET", "POST"])
def of_team(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return make(request, pk) if request.method == "POST" else page(request, pk)


@login_required
def page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    team = team_for(user, pk)
    asked = Paginator(asked_by_programs(user, team), PAGE).get_page(request.GET.get("page"))
    context = {
        "team": team,
        "keys": api_keys_of(user).filter(team=team, pk__in=ApiKey.objects.in_force()),
        "scopes": [scope for scope, verb in NEEDS.items() if verb in rights(user, pk)],
        "days": DAYS,
        "base": f"{settings.SITE_URLS[0]}/v1",
        "model": catalog.registry().default,
        "page": asked,
        "asked": [row_of(run) for run in asked],
    }
    return render(request, "teams/api_keys.html", context)


def asked_by_programs(user: User, team: Team) -> Any:
    """Runs of API keys, the newest first; an experiment's history has none of them."""
    runs = runs_of(user).filter(team=team, kind=Kind.API).select_related("api_key").only(*SHOWN)
    preview = {"prompt": Left("prompt_text", PREVIEW), "answer": Left("text", PREVIEW)}
    return runs.annotate(**preview).order_by("-queued_at", "-pk")


def row_of(run: Any) -> dict[str, Any]:
    """Of a conversation its last message tells most; a run that may write nothing has scored its prompt."""
    nothing = "scored" if run.max_new_tokens == 0 and not run.error_message else "no text"
    return {
        "run": run,
        "prompt": run.messages[-1]["content"][:PREVIEW] if run.messages else run.prompt,
        "answer": run.answer or run.error_message or nothing,
    }


@signed_in
def make(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """The answer holds the key, which nobody can read again."""
    user = user_of(request)
    team = team_for(user, pk, Verb.READ)
    key, secret = actions.make(team, user, parse(actions.NewApiKey, request.body))
    answer = {
        "id": str(key.pk),
        "name": key.name,
        "shown": key.shown,
        "scopes": key.scopes,
        "expires_at": key.expires_at and key.expires_at.isoformat(),
        "revoke": reverse("api-key-revoke", args=[key.pk]),
    }
    return JsonResponse({"key": answer, "secret": secret}, status=201)


@login_required
@require_POST
def revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponseRedirect:
    user = user_of(request)
    key = api_key_for(user, pk)
    actions.revoke(key, user)
    messages.success(request, f"The key “{key.name}” opens nothing any more, and what it was doing ends.")
    return redirect("team-api-keys", key.team_id)
