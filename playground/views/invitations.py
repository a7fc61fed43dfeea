"""Invitations: made and revoked by owners, opened and accepted by whoever has the link."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db import transaction
from django.forms import CharField, PasswordInput
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from playground.access import Verb, invitation_for, memberships_of, team_to_change
from playground.actions import invitations as actions
from playground.errors import NotFound, Refusal
from playground.limits import LIMITS
from playground.models import Invitation, Role, Team
from playground.people import name_of
from playground.specs import parse
from playground.views.secrets import secret_address
from playground.views.signed_in import signed_in, user_of
from playground.views.welcome import NEW_PASSWORD, WelcomeForm

DAYS = (1, 7, LIMITS.invitation_days)


class JoinForm(WelcomeForm):
    """A new account: without a password there would be no way in after this visit."""

    password = CharField(widget=PasswordInput(NEW_PASSWORD), label="Password")


def panel(team: Team) -> dict[str, Any]:
    """What the page of a team shows of them."""
    return {
        "open_invitations": team.invitations.open().select_related("created_by").order_by("-created_at"),
        "invitation_days": DAYS,
        "mail_is_on": bool(settings.EMAIL_URL),
    }


@signed_in
@require_POST
def of_team(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Makes one. The answer holds the link, which nobody can read again."""
    user = user_of(request)
    wanted = parse(actions.NewInvitation, request.body)
    with transaction.atomic():
        team = team_to_change(user, pk, Verb.MANAGE)
        invitation, secret = actions.make(team, user, wanted)
    link = request.build_absolute_uri(reverse("invitation", args=[secret]))
    fault = actions.send(invitation, link) if invitation.email else ""
    answer = {
        "id": str(invitation.pk),
        "role": invitation.role,
        "email": invitation.email,
        "expires_at": invitation.expires_at.isoformat(),
        "revoke": reverse("invitation-revoke", args=[invitation.pk]),
    }
    return JsonResponse({"invitation": answer, "link": link, "mail_fault": fault}, status=201)


@login_required
@require_POST
def revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponseRedirect:
    user = user_of(request)
    invitation = invitation_for(user, pk)
    actions.revoke(invitation, user)
    messages.success(request, "The invitation is withdrawn; its link admits nobody.")
    return redirect("team", invitation.team_id)


@secret_address
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, secret: str) -> HttpResponse:
    """GET only shows it, so that link previews cannot use it up."""
    invitation = Invitation.objects.find(secret)
    if invitation is None:
        raise NotFound("invitation")
    if invitation.ending:
        return ended(request, f"{invitation.ending} Ask for a new one.")
    try:
        if request.user.is_authenticated:
            return for_member(request, invitation)
        return for_stranger(request, invitation)
    except Refusal as error:
        return ended(request, error.message)


def for_member(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    user = user_of(request)
    if request.method == "POST":
        actions.accept(invitation, user)
        return arrived(request, invitation)
    known = memberships_of(user).filter(team=invitation.team).first()
    has_role = known is not None and not Role(invitation.role).is_above(Role(known.role))
    return page(request, invitation, {"known": known, "has_role": has_role})


def for_stranger(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = JoinForm(request.POST or None, initial={"user": User()})
    if request.method == "POST" and form.is_valid():
        try:
            user = actions.accept_as_new(invitation, form.cleaned_data["name"], form.cleaned_data["password"])
        except Refusal as error:
            if error.code != "name_taken":
                raise
            form.add_error("name", error.message)
        else:
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            return arrived(request, invitation)
    return page(request, invitation, {"form": form})


def page(request: HttpRequest, invitation: Invitation, more: dict[str, Any]) -> HttpResponse:
    inviter = name_of(invitation.created_by) if invitation.created_by else ""
    context = {"invitation": invitation, "inviter": inviter, "address": request.path} | more
    return render(request, "invitations/show.html", context)


def arrived(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    messages.success(request, f"Welcome to {invitation.team.name}.")
    return redirect(f"{reverse('experiments')}?team={invitation.team_id}")


def ended(request: HttpRequest, message: str) -> HttpResponse:
    return render(request, "invitations/ended.html", {"message": message}, status=410)
