"""Experiments and their drafts."""

import uuid
from datetime import datetime
from typing import Any, Self

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status
from pydantic import BaseModel

from playground.access import Verb, experiment_for, experiments_of
from playground.actions import deletions, rooms
from playground.actions import experiments as actions
from playground.actions.experiments import Heading, NewExperiment
from playground.actions.rooms import Content
from playground.models import Experiment
from playground.rest import etags
from playground.rest.admission import READ, WRITE, key_of
from playground.rest.pagination import Page, Wanted, page
from playground.rest.problems import BODY, QUERY, answers

router = Router(tags=["experiments"], by_alias=True)
COLUMNS = ("title", "scope", "draft_version", "created_at", "updated_at")
WITH_TAG: dict[str, Any] = {"responses": {200: etags.TAGGED}}


class ShownExperiment(BaseModel):
    """``draft_version`` counts the saves of the draft; in quotes it is the draft's ETag."""

    id: uuid.UUID
    title: str
    scope: str
    draft_version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Experiment) -> Self:
        return cls(id=row.pk, **{name: getattr(row, name) for name in COLUMNS})


@router.get("", auth=READ, response=answers({200: Page[ShownExperiment]}, *QUERY), url_name="experiments")
def index(request: HttpRequest, wanted: Query[Wanted]) -> Page[ShownExperiment]:
    """Those of the key's team, the one that was made last first."""
    rows = experiments_of(key_of(request)).only(*COLUMNS)
    return page(rows, "created_at", wanted, ShownExperiment.of)


@router.post("", auth=WRITE, response=answers({201: ShownExperiment}, *BODY), url_name="experiments")
def create(request: HttpRequest, wanted: NewExperiment) -> Status[ShownExperiment]:
    key = key_of(request)
    return Status(201, ShownExperiment.of(actions.make(key.team, key.user, wanted)))


@router.get("/{uuid:pk}", auth=READ, response=answers({200: ShownExperiment}), url_name="experiment")
def show(request: HttpRequest, pk: uuid.UUID) -> ShownExperiment:
    return ShownExperiment.of(experiment_for(key_of(request), pk))


@router.patch(
    "/{uuid:pk}",
    auth=WRITE,
    response=answers({200: ShownExperiment}, 412, 428, *BODY),
    url_name="experiment",
    openapi_extra=WITH_TAG | etags.asks("If-Match", required=True),
)
def change(request: HttpRequest, pk: uuid.UUID, wanted: Heading, response: HttpResponse) -> ShownExperiment:
    """Title and scope are saved with the draft, so If-Match names the save that was seen."""
    key = key_of(request)
    experiment = experiment_for(key, pk, Verb.EDIT)
    seen = etags.seen(request, experiment.draft_version)
    with etags.preconditions():
        response["ETag"] = etags.tag(actions.change_heading(experiment, wanted, key.user, seen))
    return ShownExperiment.of(experiment_for(key, pk))


@router.delete("/{uuid:pk}", auth=WRITE, response=answers({204: None}), url_name="experiment")
def delete(request: HttpRequest, pk: uuid.UUID) -> Status[None]:
    """With everything in it; members can undo it for seven days."""
    key = key_of(request)
    deletions.delete(experiment_for(key, pk, Verb.EDIT), key.user)
    return Status(204, None)


@router.get(
    "/{uuid:pk}/draft",
    auth=READ,
    response=answers({200: Content, 304: None}),
    url_name="draft",
    openapi_extra=WITH_TAG | etags.asks("If-None-Match"),
)
def draft(request: HttpRequest, pk: uuid.UUID, response: HttpResponse) -> Status[Any]:
    experiment = experiment_for(key_of(request), pk)
    response["ETag"] = etags.tag(experiment.draft_version)
    if etags.is_known(request, experiment.draft_version):
        return Status(304, None)
    return Status(200, Content.model_validate(rooms.held_by(experiment)))


@router.put(
    "/{uuid:pk}/draft",
    auth=WRITE,
    response=answers({200: Content}, 412, 428, *BODY),
    url_name="draft",
    openapi_extra=WITH_TAG | etags.asks("If-Match", required=True),
)
def save(request: HttpRequest, pk: uuid.UUID, wanted: Content, response: HttpResponse) -> Content:
    """Replaces the whole draft; whoever has the experiment open sees it. 412 has the draft that is stored."""
    key = key_of(request)
    experiment = experiment_for(key, pk, Verb.EDIT)
    seen = etags.seen(request, experiment.draft_version)
    given = actions.Draft(draft_version=seen, **dict(wanted))
    with etags.preconditions():
        response["ETag"] = etags.tag(actions.save_draft(experiment, given, key.user))
    return wanted
