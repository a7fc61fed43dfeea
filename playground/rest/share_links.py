"""Share links: list, make, revoke."""

import uuid
from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from ninja import Query, Router, Status
from pydantic import BaseModel

from playground.access import Verb, share_link_for, share_links_of, target_for
from playground.actions import share_links as actions
from playground.actions.share_links import Kind, NewLink
from playground.rest.admission import READ, WRITE, key_of
from playground.rest.pagination import Page, Wanted, page
from playground.rest.problems import BODY, QUERY, answers

router = Router(tags=["share links"])


class ShownLink(BaseModel):
    """``kind`` and ``target`` are what it leads to."""

    id: uuid.UUID
    kind: Kind
    target: uuid.UUID
    title: str
    mode: Literal["snapshot", "live"]
    passphrase: bool
    made_by: str
    created_at: datetime
    expires_at: datetime | None
    views: int
    last_viewed_at: datetime | None
    state: Literal["open", "expired", "revoked"]

    @classmethod
    def of(cls, link: Any) -> "ShownLink":
        target = {"kind": link.kind, "target": getattr(link, f"{link.kind}_id")}
        return cls.model_validate(actions.as_json(link) | target)


class MadeLink(BaseModel):
    """``url`` holds the secret, which is stored nowhere."""

    link: ShownLink
    url: str


@router.get(
    "/share-links", auth=READ, response=answers({200: Page[ShownLink]}, *QUERY), url_name="share-links"
)
def index(request: HttpRequest, wanted: Query[Wanted]) -> Page[ShownLink]:
    """Those of the key's team; none of them tells its secret."""
    return page(actions.shown(share_links_of(key_of(request))), "created_at", wanted, ShownLink.of)


@router.post(
    "/share-links", auth=WRITE, response=answers({201: MadeLink}, 409, *BODY), url_name="share-links"
)
def create(request: HttpRequest, wanted: NewLink) -> Status[MadeLink]:
    key = key_of(request)
    target = target_for(key, wanted.kind, wanted.id, Verb.EDIT)
    link, secret = actions.make(key.user, target, wanted)
    url = settings.SITE_URLS[0] + reverse("shared", args=[secret])
    return Status(201, MadeLink(link=ShownLink.of(link), url=url))


@router.delete("/share-links/{uuid:pk}", auth=WRITE, response=answers({204: None}), url_name="share-link")
def revoke(request: HttpRequest, pk: uuid.UUID) -> Status[None]:
    """Ends it at once and for good; repeating it is harmless."""
    key = key_of(request)
    actions.revoke(share_link_for(key, pk, Verb.EDIT), key.user)
    return Status(204, None)
