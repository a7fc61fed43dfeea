"""The page that takes an exported file."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from playground.access import Verb, teams_of
from playground.actions import imports as actions
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.views.forms import chosen_team
from playground.views.signed_in import user_of


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    fault, status = "", 200
    if request.method == "POST":
        team = chosen_team(request, user)
        try:
            made = actions.store(team, user, actions.read(uploaded(request)))
        except Refusal as error:
            fault, status = error.message, error.status
        else:
            messages.success(request, f"Imported {len(made)} experiment{'' if len(made) == 1 else 's'}.")
            if len(made) == 1:
                return redirect("experiment", made[0].pk)
            return redirect(f"/experiments/?team={team.pk}")
    teams = teams_of(user, Verb.EDIT)
    asked = request.POST.get("team") or request.GET.get("team")
    context = {
        "fault": fault,
        "teams": teams,
        "team": next((team for team in teams if str(team.pk) == asked), None),
        "most": LIMITS.import_bytes,
    }
    return render(request, "experiments/import.html", context, status=status)


def uploaded(request: HttpRequest) -> bytes:
    file = request.FILES.get("file")
    if file is None or isinstance(file, list):
        raise Refusal("no_file", "Choose a file first.")
    return bytes(file.read())
