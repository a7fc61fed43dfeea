"""Versions of experiments: immutable prompts with a number."""

import uuid
from datetime import datetime
from typing import Self

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel

from playground.access import Verb, experiment_for, version_for
from playground.actions import versions as actions
from playground.models import Version
from playground.people import name_of
from playground.rest.admission import READ, WRITE, key_of
from playground.rest.pagination import Page, Wanted, page
from playground.rest.problems import BODY, QUERY, answers
from playground.specs import PromptSpec

router = Router(tags=["versions"], by_alias=True)


class ShownVersion(BaseModel):
    """Those that nobody saved by hand have no label, no message and no ``saved_at``."""

    id: uuid.UUID
    number: int
    label: str
    message: str
    author: str
    created_at: datetime
    saved_at: datetime | None

    @classmethod
    def of(cls, row: Version) -> Self:
        columns = ("number", "label", "message", "created_at", "saved_at")
        said = {name: getattr(row, name) for name in columns}
        return cls(id=row.pk, author=name_of(row.author), **said)


class WholeVersion(ShownVersion):
    experiment: uuid.UUID
    spec: PromptSpec

    @classmethod
    def of(cls, row: Version) -> Self:
        shown = ShownVersion.of(row)
        spec = PromptSpec.model_validate(row.spec)
        return cls(**dict(shown), experiment=row.experiment_id, spec=spec)


class LabelledVersion(actions.Naming):
    """Without a spec it is the stored draft that is saved."""

    spec: PromptSpec | None = None


@router.get(
    "/experiments/{uuid:pk}/versions",
    auth=READ,
    response=answers({200: Page[ShownVersion]}, *QUERY),
    url_name="versions",
)
def index(request: HttpRequest, pk: uuid.UUID, wanted: Query[Wanted]) -> Page[ShownVersion]:
    rows = experiment_for(key_of(request), pk).versions.select_related("author").defer("spec")
    return page(rows, "created_at", wanted, ShownVersion.of)


@router.post(
    "/experiments/{uuid:pk}/versions",
    auth=WRITE,
    response=answers({201: WholeVersion}, 409, 503, *BODY),
    url_name="versions",
)
def save(request: HttpRequest, pk: uuid.UUID, wanted: LabelledVersion) -> Status[WholeVersion]:
    """409 when the newest version holds the same and has a label already."""
    key = key_of(request)
    experiment = experiment_for(key, pk, Verb.EDIT)
    spec = wanted.spec or PromptSpec.model_validate(experiment.draft)
    new = actions.NewVersion(label=wanted.label, message=wanted.message, spec=spec)
    return Status(201, WholeVersion.of(actions.save(experiment, key.user, new)))


@router.get("/versions/{uuid:pk}", auth=READ, response=answers({200: WholeVersion}), url_name="version")
def show(request: HttpRequest, pk: uuid.UUID) -> WholeVersion:
    return WholeVersion.of(version_for(key_of(request), pk))
