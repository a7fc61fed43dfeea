"""Share links: make, list, change, revoke; open one by its secret; fork what it shows."""

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import BooleanField, Case, QuerySet, Value, When
from django.utils import timezone
from pydantic import AfterValidator, AwareDatetime, Field

from playground.actions import audit, versions
from playground.actions.snapshots import Document, settled, snapshot_of, title_of
from playground.boards import Board
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Comparison, Experiment, Run, ShareLink, Team
from playground.models.secrets import digest, new_secret
from playground.models.share_link import Target, is_open
from playground.people import name_of
from playground.specs import PromptSpec, Strict, clean

Kind = Literal["experiment", "version", "run", "comparison"]
LIFETIMES = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
Expiry = Literal["hour", "day", "week", "month", "never"] | AwareDatetime
Passphrase = Annotated[str, Field(max_length=LIMITS.passphrase_chars), AfterValidator(clean)]


class Wanted(Strict):
    """What is to be shared; an empty passphrase asks for none."""

    kind: Kind
    id: uuid.UUID


class NewLink(Wanted):
    mode: Literal["snapshot", "live"]
    expires: Expiry
    passphrase: Passphrase = ""


class Change(Strict):
    expires: Expiry


def listed(links: QuerySet[ShareLink], kind: Kind, target: Target) -> list[dict[str, Any]]:
    """Those of ``links`` that lead to ``target``, open ones first; none of them tells its secret."""
    found = shown(links.filter(**{kind: target.pk})).annotate(ended=Case(When(is_open(), then=0), default=1))
    return [as_json(link) for link in found.order_by("ended", "-created_at")[: LIMITS.share_links]]


def shown(links: QuerySet[ShareLink]) -> QuerySet[Any]:
    """``links`` with what ``as_json`` needs; snapshots are large, and only asked whether they are there."""
    has_snapshot = Case(
        When(snapshot=None, then=Value(False)), default=Value(True), output_field=BooleanField()
    )
    return links.select_related("created_by").defer("snapshot").annotate(has_snapshot=has_snapshot)


def as_json(link: Any) -> dict[str, Any]:
    by = link.created_by
    return {
        "id": str(link.pk),
        "title": link.title,
        "mode": "snapshot" if link.has_snapshot else "live",
        "passphrase": link.passphrase_hash != "",
        "made_by": name_of(by) if by else "",
        "created_at": link.created_at.isoformat(),
        "expires_at": link.expires_at and link.expires_at.isoformat(),
        "views": link.views,
        "last_viewed_at": link.last_viewed_at and link.last_viewed_at.isoformat(),
        "state": link.state,
    }


def team_of(target: Target) -> Team:
    return target.team if isinstance(target, Experiment | Run) else target.experiment.team


def make(user: User, target: Target, wanted: NewLink) -> tuple[ShareLink, str]:
    """A link to ``target`` in its team, and its secret, which is stored nowhere.

    Raises Refusal: 409 for a snapshot of an answer that is still being written, and when the target has
    as many open links as it may; 422 for a time that has passed.
    """
    team = team_of(target)
    if team.share_links.open().filter(**{wanted.kind: target}).count() >= LIMITS.share_links:
        message = f"This has {LIMITS.share_links} open links already; revoke one first."
        raise Refusal("too_many_links", message, status=409)
    is_snapshot = wanted.mode == "snapshot"
    if is_snapshot and isinstance(target, Run) and target.is_live:
        message = "This answer is still being written. Share it live, or wait for its end."
        raise Refusal("run_is_live", message, status=409)
    secret = new_secret()
    with transaction.atomic():
        link = ShareLink.objects.create(
            team=team,
            title=title_of(target),
            secret_hash=digest(secret),
            snapshot=settled(snapshot_of(target)) if is_snapshot else None,
            passphrase_hash=make_password(wanted.passphrase) if wanted.passphrase else "",
            created_by=user,
            expires_at=_moment(wanted.expires),
            **{wanted.kind: target},
        )
        audit.record(team, user, "share_link_made", title=link.title)
    link.has_snapshot = is_snapshot  # type: ignore[attr-defined]  # as the list annotates it
    return link, secret


def revoke(link: ShareLink, user: User) -> None:
    """Ends a link at once and for good; repeating it is harmless."""
    with transaction.atomic():
        rows = ShareLink.objects.filter(pk=link.pk, revoked_at=None)
        if rows.update(revoked_at=timezone.now()):
            audit.record(link.team, user, "share_link_revoked", title=link.title)


def change(link: ShareLink, user: User, wanted: Change) -> None:
    """Moves the end of a link. Raises Refusal 409 for one that was revoked."""
    expires_at = _moment(wanted.expires)
    with transaction.atomic():
        rows = ShareLink.objects.filter(pk=link.pk, revoked_at=None)
        if not rows.update(expires_at=expires_at):
            raise Refusal("link_revoked", "This link was revoked; make a new one.", status=409)
        until = f"{expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "revoked"
        audit.record(link.team, user, "share_link_changed", title=link.title, until=until)


def document_of(link: ShareLink) -> Document:
    """What the link shows: what was kept when it was made, or what there is now."""
    kept: Document | None = link.snapshot
    return snapshot_of(link.target) if kept is None else kept


@transaction.atomic
def fork(document: Document, team: Team, user: User) -> Experiment:
    """An experiment of ``team`` that begins with what a link shows; a comparison takes its board along.

    The caller has proved that ``user`` may edit in ``team``.
    """
    if document["kind"] != "comparison":
        return versions.fork(team, user, _work(document, PromptSpec.model_validate(document["spec"])))
    board = Board.model_validate(document["board"])
    experiment = versions.fork(team, user, _work(document, board.spec_of(board.columns[0], board.rows[0])))
    Comparison.objects.create(
        experiment=experiment, title=document["title"], board=board.as_json(), created_by=user
    )
    return experiment


def _work(document: Document, spec: PromptSpec) -> versions.Work:
    return versions.Work(f"Fork of {document['title']}", spec, document.get("scope", ""))


def is_passphrase(link: ShareLink, given: str) -> bool:
    return check_password(given[: LIMITS.passphrase_chars], link.passphrase_hash)


def _moment(expires: str | datetime) -> datetime | None:
    if expires == "never":
        return None
    moment = expires if isinstance(expires, datetime) else timezone.now() + LIFETIMES[expires]
    if moment <= timezone.now():
        raise Refusal("invalid", "Choose a time that is still to come.", field="expires")
    return moment
