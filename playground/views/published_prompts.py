"""Published prompts: the page of a team, and what an experiment publishes."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from playground.access import (
    Verb,
    experiment_for,
    published_prompt_for,
    published_prompts_of,
    rights,
    team_for,
    version_for,
)
from playground.actions import published_prompts as actions
from playground.actions import versions
from playground.errors import NotFound
from playground.models import Experiment, PublishedPrompt, Version
from playground.specs import parse
from playground.views.forms import one_change, read_form
from playground.views.signed_in import signed_in, user_of


@never_cache
@login_required
@require_GET
def of_team(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    team = team_for(user, pk)
    context = {
        "team": team,
        "rows": actions.listed(published_prompts_of(user).filter(team=team)),
        "may_edit": Verb.EDIT in rights(user, pk),
    }
    return render(request, "teams/published_prompts.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
def of_experiment(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """What is published of it, and a name for the next; or one version more, or in another's place."""
    user = user_of(request)
    if request.method == "GET":
        experiment = experiment_for(user, pk)
        published = [as_json(prompt) for prompt in actions.names_of(experiment)]
        return JsonResponse({"published": published, "suggested": actions.suggested_name(experiment)})
    experiment = experiment_for(user, pk, Verb.EDIT)
    wanted = parse(actions.Wanted, request.body)
    prompt = actions.publish(chosen_version(user, experiment, wanted.version), user, wanted.name)
    return JsonResponse({"published": as_json(prompt)}, status=201)


def chosen_version(user: User, experiment: Experiment, pk: uuid.UUID | None) -> Version:
    """The version that is named, of this experiment, or that of the draft."""
    if pk is None:
        return versions.of_draft(experiment, user)
    version = version_for(user, pk, Verb.EDIT)
    if version.experiment_id != experiment.pk:
        raise NotFound("version")
    return version


def as_json(prompt: PublishedPrompt) -> dict[str, object]:
    return {
        "name": prompt.name,
        "address": prompt.address,
        "number": prompt.version and prompt.version.number,
        "code": reverse("published-prompt-code", args=[prompt.pk]),
    }


@login_required
@require_POST
def switch(request: HttpRequest, pk: uuid.UUID) -> HttpResponseRedirect:
    """Puts a version in place that had the name before."""
    user = user_of(request)
    prompt = published_prompt_for(user, pk, Verb.EDIT)
    with one_change(request):
        version = actions.switch(prompt, user, read_form(actions.Switch, request).version)
        messages.success(
            request, f"{prompt.name} runs v{version.number} of “{version.experiment.title}” now."
        )
    return redirect("team-published-prompts", prompt.team_id)


@login_required
@require_POST
def end(request: HttpRequest, pk: uuid.UUID) -> HttpResponseRedirect:
    user = user_of(request)
    prompt = published_prompt_for(user, pk, Verb.EDIT)
    with one_change(request):
        actions.end(prompt, user)
        messages.success(request, f"Programs that ask {prompt.name} are told that it is not there any more.")
    return redirect("team-published-prompts", prompt.team_id)
