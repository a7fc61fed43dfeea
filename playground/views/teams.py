"""Pages and forms of teams: make, rename, members and their roles, leave, hand over, delete."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Case, Value, When
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from playground.access import Verb, member_of, rights, team_for, team_to_change
from playground.actions import audit, storage
from playground.actions import teams as actions
from playground.errors import NotFound, Refusal
from playground.models import AuditEntry, Membership, Role, Team
from playground.people import name_of
from playground.specs import Strict
from playground.views import invitations
from playground.views.forms import one_change, read_form
from playground.views.signed_in import user_of

LATEST = 8  # entries of the audit log on the team's page
PAGE = 50


class Heir(Strict):
    member: int


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    if request.method == "POST":
        try:
            team = actions.make(user, read_form(actions.Named, request).name)
        except Refusal as error:
            context = {"fault": error.message, "name": request.POST.get("name", "")}
            return render(request, "teams/new.html", context, status=error.status)
        return redirect("team", team.pk)
    return render(request, "teams/new.html")


@never_cache
@login_required
@require_GET
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    team = team_for(user, pk)
    may_manage = Verb.MANAGE in rights(user, pk)
    members = members_of(team)
    context = {
        "team": team,
        "members": members,
        "me": next(member for member in members if member.user_id == user.pk),
        "may_manage": may_manage,
        "roles": Role.values,
        "storage": storage.of_team(team),
        "is_shared": len(members) > 1,
    }
    if may_manage:
        context |= invitations.panel(team) | {"entries": entries_of(team.audit.order_by("-pk")[:LATEST])}
    return render(request, "teams/show.html", context)


@never_cache
@login_required
@require_GET
def activity(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The audit log, newest first, for owners."""
    team = team_for(user_of(request), pk, Verb.MANAGE)
    page = Paginator(team.audit.order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    return render(request, "teams/activity.html", {"team": team, "page": page, "entries": entries_of(page)})


@login_required
@require_POST
def rename(request: HttpRequest, pk: uuid.UUID) -> HttpResponseRedirect:
    user = user_of(request)
    with one_change(request):
        team = team_to_change(user, pk, Verb.MANAGE)
        actions.rename(team, user, read_form(actions.Named, request).name)
    return redirect("team", pk)


@login_required
@require_POST
def member(request: HttpRequest, pk: uuid.UUID, member: int) -> HttpResponseRedirect:
    """Gives a member another role."""
    user = user_of(request)
    with one_change(request):
        team = team_to_change(user, pk, Verb.MANAGE)
        changed = member_of(team, member)
        actions.change_role(team, user, changed, read_form(actions.NewRole, request).role)
        messages.success(request, f"The role of {name_of(changed.user)} is {changed.role} now.")
    return redirect("team", pk)


@login_required
@require_POST
def remove(request: HttpRequest, pk: uuid.UUID, member: int) -> HttpResponseRedirect:
    user = user_of(request)
    with one_change(request):
        team = team_to_change(user, pk, Verb.MANAGE)
        removed = member_of(team, member)
        if removed.user_id == user.pk:
            raise NotFound("other member")  # leaving has an address of its own
        actions.remove(team, user, removed)
        messages.success(request, f"{name_of(removed.user)} is no longer a member.")
    return redirect("team", pk)


@login_required
@require_POST
def leave(request: HttpRequest, pk: uuid.UUID) -> HttpResponseRedirect:
    user = user_of(request)
    onward = reverse("team", args=[pk])
    with one_change(request):
        team = team_to_change(user, pk, Verb.READ)
        actions.remove(team, user, member_of(team, user.pk))
        messages.success(request, f"You have left {team.name}.")
        onward = reverse("experiments")
    return redirect(onward)


@login_required
@require_POST
def transfer(request: HttpRequest, pk: uuid.UUID) -> HttpResponseRedirect:
    user = user_of(request)
    with one_change(request):
        team = team_to_change(user, pk, Verb.MANAGE)
        heir = member_of(team, read_form(Heir, request).member)
        actions.transfer(team, member_of(team, user.pk), heir)
        messages.success(request, f"{name_of(heir.user)} is an owner now, and you are an editor.")
    return redirect("team", pk)


@login_required
@require_POST
def delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponseRedirect:
    onward = reverse("team", args=[pk])
    with one_change(request):
        team = team_to_change(user_of(request), pk, Verb.MANAGE)
        actions.delete(team, request.POST.get("name", ""))
        messages.success(request, f"{team.name} and everything in it has been deleted.")
        onward = reverse("experiments")
    return redirect(onward)


def members_of(team: Team) -> list[Membership]:
    """Owners first, then editors and viewers, each by name."""
    order = Case(*(When(role=role, then=Value(place)) for place, role in enumerate(reversed(Role))))
    rows = team.memberships.select_related("user").annotate(order=order)
    return list(rows.order_by("order", Lower("user__first_name"), Lower("user__username"), "pk"))


def entries_of(rows: Iterable[AuditEntry]) -> list[dict[str, Any]]:
    """Entries of the audit log as pages show them."""
    return [{"actor": row.actor_name, "words": audit.words(row), "at": row.at} for row in rows]
