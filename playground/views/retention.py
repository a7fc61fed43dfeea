"""What a team stores, and for how long: the page that shows it, previews a policy and saves it."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from playground.access import Verb, rights, team_for
from playground.actions import retention as actions
from playground.actions import storage
from playground.specs import checked
from playground.views.signed_in import user_of


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def of_team(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """GET with ``tokens`` or ``runs`` in its query shows what that policy would let go; POST saves it."""
    user = user_of(request)
    if request.method == "POST":
        team = team_for(user, pk, Verb.MANAGE)
        actions.save(team, user, policy_of(request.POST))
        messages.success(request, "Saved. What is too old goes within minutes.")
        return redirect("team-storage", pk)
    team = team_for(user, pk)
    may_manage = Verb.MANAGE in rights(user, pk)
    saved = actions.of_team(team)
    asked = policy_of(request.GET) if may_manage and request.GET.keys() & {"tokens", "runs"} else None
    context = {
        "team": team,
        "storage": storage.of_team(team),
        "saved": saved,
        "policy": asked or saved,
        "preview": actions.preview(team, asked) if asked else None,
        "choices": sorted({*actions.CHOICES, *filter(None, vars(asked or saved).values())}),
        "may_manage": may_manage,
    }
    return render(request, "teams/storage.html", context)


def policy_of(form: QueryDict) -> actions.Policy:
    """The policy of a form, where an empty field keeps for ever; raises Refusal."""
    return checked(actions.Policy, {key: form.get(key) or None for key in ("tokens", "runs")})
