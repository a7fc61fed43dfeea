"""What people without an account see behind a share link. Nothing here takes the id of a row."""

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

import redis
from allauth.account.adapter import get_adapter
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from playground.access import Verb, link_of, teams_of
from playground.actions import share_links as actions
from playground.actions.snapshots import Document, is_live, settled
from playground.errors import NotFound
from playground.models import ShareLink
from playground.shared_page import STYLES, context_of
from playground.views.forms import chosen_team
from playground.views.offline_file import as_file

View = Callable[..., HttpResponse]
Context = dict[str, Any]
VISIT = 60 * 60  # seconds in which the same visitor counts once
ATTEMPTS = {"address": 10, "link": 100}  # passphrases for one link, from one address and from all
ATTEMPTS_LIFE = 15 * 60  # seconds
REMEMBERED = 50  # links that one session has unlocked
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address is the secret
    "X-Robots-Tag": "noindex, nofollow",
}


def public(view: View) -> View:
    """For what anybody with the secret may see; every way in which a link can be no link looks the same."""

    @wraps(view)
    def guarded(request: HttpRequest, secret: str) -> HttpResponse:
        try:
            link = link_of(secret)
        except NotFound:
            answer = page(request, "share/ended.html", status=404)
        else:
            answer = view(request, link, secret)
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    return guarded


def page(
    request: HttpRequest, template: str, context: Context | None = None, status: int = 200
) -> HttpResponse:
    return render(request, template, {"styles": STYLES, **(context or {})}, status=status)


def form_page(
    request: HttpRequest, template: str, context: Context | None = None, status: int = 200
) -> HttpResponse:
    """A page with a form. Browsers that send no referrer send no origin either, which Django refuses."""
    answer = page(request, template, context, status)
    answer["Referrer-Policy"] = "same-origin"
    return answer


@public
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, link: ShareLink, secret: str) -> HttpResponse:
    """The page, or the form for its passphrase; POST brings one."""
    if request.method == "POST":
        return unlock(request, link, secret)
    if is_locked(request, link):
        return form_page(request, "share/locked.html")
    if request.method == "GET" and is_new_visit(request, link):
        link.count_view()
    document = actions.document_of(link)
    context = context_of(document) | {"secret": secret, "at": link.created_at}
    if link.snapshot is None:
        context |= {"note": "live, as it is now", "follows": is_live(document)}
    if not request.user.is_authenticated:
        return page(request, "share/page.html", context)
    return form_page(request, "share/page.html", context | {"teams": teams_of(request.user, Verb.EDIT)})


@public
@require_safe
def data(request: HttpRequest, link: ShareLink, secret: str) -> HttpResponse:
    """The document, for a page that waits for the end of an answer; 304 while nothing has changed."""
    if is_locked(request, link):
        raise NotFound("share link")
    document = actions.document_of(link)
    tag = etag_of(document)
    if request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304)
    return JsonResponse({"document": document, "live": is_live(document)}, headers={"ETag": tag})


@public
@require_safe
def offline(request: HttpRequest, link: ShareLink, secret: str) -> HttpResponse:
    """The page as one file that needs no network."""
    if is_locked(request, link):
        return redirect("shared", secret)
    document = actions.document_of(link)
    at = timezone.now() if link.snapshot is None else link.created_at
    return as_file(settled(document), at)


@public
@require_POST
def fork(request: HttpRequest, link: ShareLink, secret: str) -> HttpResponse:
    """What the link shows as an experiment of a team that the form names."""
    user = request.user
    if is_locked(request, link) or not isinstance(user, User):
        return redirect("shared", secret)
    experiment = actions.fork(actions.document_of(link), chosen_team(request, user), user)
    return redirect("experiment", experiment.pk)


def etag_of(document: Document) -> str:
    text = json.dumps(document, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def is_locked(request: HttpRequest, link: ShareLink) -> bool:
    return bool(link.passphrase_hash) and str(link.pk) not in request.session.get("unlocked", [])


def unlock(request: HttpRequest, link: ShareLink, secret: str) -> HttpResponse:
    """Takes a passphrase. Wrong ones are counted before they are checked, so that a burst cannot pass."""
    if not is_locked(request, link):
        return redirect("shared", secret)
    try:
        is_too_many = not may_try(request, link)
    except redis.RedisError:
        fault = "The passphrase cannot be checked at this moment. Try again in a minute."
        return form_page(request, "share/locked.html", {"fault": fault}, status=503)
    if is_too_many:
        fault = "There were too many wrong passphrases. Wait 15 minutes, then try again."
        return form_page(request, "share/locked.html", {"fault": fault}, status=429)
    if not actions.is_passphrase(link, request.POST.get("passphrase", "")):
        return form_page(request, "share/locked.html", {"fault": "That is not the passphrase."}, status=403)
    known = [pk for pk in request.session.get("unlocked", []) if pk != str(link.pk)]
    request.session["unlocked"] = [*known, str(link.pk)][-REMEMBERED:]
    return redirect("shared", secret)


def may_try(request: HttpRequest, link: ShareLink) -> bool:
    """Counts a try, and says whether this address and all together have one left."""
    address = get_adapter().get_client_ip(request)
    keys = {"address": f"passphrase:{link.pk}:{address}", "link": f"passphrase:{link.pk}"}
    for key in keys.values():
        cache.add(key, 0, ATTEMPTS_LIFE)
    tries = {name: cache.incr(key) for name, key in keys.items()}
    return all(tries[name] <= most for name, most in ATTEMPTS.items())


def is_new_visit(request: HttpRequest, link: ShareLink) -> bool:
    """Whether this browser at this address did not look within the last hour; nothing else is kept of it."""
    address = get_adapter().get_client_ip(request)
    visitor = salted_hmac("share link visit", f"{address} {request.headers.get('User-Agent', '')}")
    try:
        return bool(cache.add(f"visit:{link.pk}:{visitor.hexdigest()}", 1, VISIT))
    except redis.RedisError:
        return True  # the page matters more than its count
