"""JSON of share links for members: list, make, change, revoke; and what they show as one file."""

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from playground.access import Verb, share_link_for, share_links_of, target_for
from playground.actions import share_links as actions
from playground.actions.share_links import Wanted
from playground.actions.snapshots import settled, snapshot_of
from playground.specs import checked, parse
from playground.views.offline_file import as_file
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> JsonResponse:
    """The links to one thing, or a new one among them: only this answer holds its address."""
    user = user_of(request)
    if request.method == "GET":
        wanted = checked(Wanted, request.GET.dict())
        links = actions.listed(share_links_of(user), wanted.kind, target_for(user, wanted.kind, wanted.id))
        return JsonResponse({"links": links})
    new = parse(actions.NewLink, request.body)
    link, secret = actions.make(user, target_for(user, new.kind, new.id, Verb.EDIT), new)
    url = request.build_absolute_uri(reverse("shared", args=[secret]))
    return JsonResponse({"link": actions.as_json(link), "url": url}, status=201)


@signed_in
@require_http_methods(["PATCH", "DELETE"])
def one(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    user = user_of(request)
    link = share_link_for(user, pk, Verb.EDIT)
    if request.method == "DELETE":
        actions.revoke(link, user)
    else:
        actions.change(link, user, parse(actions.Change, request.body))
    return JsonResponse({})


@signed_in
@require_GET
def offline(request: HttpRequest) -> HttpResponse:
    """What a link to one thing would show, as one file; no link is made."""
    user = user_of(request)
    wanted = checked(Wanted, request.GET.dict())
    document = settled(snapshot_of(target_for(user, wanted.kind, wanted.id)))
    return as_file(document, timezone.now())
