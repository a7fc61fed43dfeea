"""Runs: start, look, stop."""

import hashlib
import uuid
from datetime import datetime
from typing import Annotated, Any, Self

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Header, Query, Router, Status
from pydantic import BaseModel, model_validator

from playground.access import Verb, experiment_for, run_for, runs_of, version_for
from playground.actions import runs as actions
from playground.boards import Values
from playground.errors import NotFound, Refusal
from playground.models import ApiKey, Experiment, Run
from playground.models.run import Kind
from playground.models.run import Status as RunStatus
from playground.people import name_of
from playground.rest.admission import READ, RUN, key_of
from playground.rest.pagination import Page, Wanted, page
from playground.rest.problems import BODY, QUERY, answers
from playground.specs import PromptSpec, Strict

router = Router(tags=["runs"], by_alias=True)

# The same key with the same request is the same run; the pages ask for this header, too.
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=80, pattern=r"^[\x20-\x7e]+$")
]
WHAT = ("kind", "model", "status", "attempt", "finish_reason", "queued_at", "started_at", "finished_at")


class RunError(BaseModel):
    code: str
    message: str


class Usage(BaseModel):
    prompt_tokens: int | None
    cached_tokens: int
    given_tokens: int
    completion_tokens: int


class ShownRun(BaseModel):
    id: uuid.UUID
    experiment: uuid.UUID | None
    comparison: uuid.UUID | None
    version: int | None
    kind: Kind
    model: str
    status: RunStatus
    attempt: int
    user: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    finish_reason: str
    error: RunError | None

    @classmethod
    def of(cls, run: Run) -> Self:
        return cls(**said_of(run))


def said_of(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in WHAT} | {
        "id": run.pk,
        "experiment": run.experiment_id,
        "comparison": run.comparison_id,
        "version": run.version and run.version.number,
        "user": name_of(run.user),
        "error": {"code": run.error_code, "message": run.error_message} if run.error_code else None,
    }


class WholeRun(ShownRun):
    """``settings`` are those that acted, with the seed that was drawn; ``text`` grows while it runs."""

    text: str
    usage: Usage
    settings: dict[str, Any]
    spec: PromptSpec | None
    prompt_text: str

    @classmethod
    def of(cls, run: Run) -> Self:
        spec = PromptSpec.model_validate(run.spec) if run.spec else None
        more = {name: getattr(run, name) for name in ("text", "usage", "settings", "prompt_text")}
        return cls(**said_of(run), **more, spec=spec)


class WantedRun(Strict):
    """The stored draft, one of the experiment's versions, or a spec; ``values`` replace its input."""

    spec: PromptSpec | None = None
    version: uuid.UUID | None = None
    values: Values | None = None

    @model_validator(mode="after")
    def has_one_source(self) -> Self:
        if self.spec and self.version:
            raise ValueError("give a spec or a version, not both")
        return self

    def hash(self, experiment: Experiment) -> str:
        """Of the request as it came: the draft may be another one when it comes again."""
        whole = f"{experiment.pk} {self.model_dump_json(by_alias=True)}"
        return hashlib.sha256(whole.encode()).hexdigest()


@router.get("/runs", auth=READ, response=answers({200: Page[ShownRun]}, *QUERY), url_name="runs")
def of_team(request: HttpRequest, wanted: Query[Wanted]) -> Page[ShownRun]:
    """All of the key's team, also those of programs and comparisons."""
    return page(listed(runs_of(key_of(request))), "queued_at", wanted, ShownRun.of)


@router.get(
    "/experiments/{uuid:pk}/runs",
    auth=READ,
    response=answers({200: Page[ShownRun]}, *QUERY),
    url_name="experiment-runs",
)
def of_experiment(request: HttpRequest, pk: uuid.UUID, wanted: Query[Wanted]) -> Page[ShownRun]:
    rows = experiment_for(key_of(request), pk).runs.filter(deleted_at=None)
    return page(listed(rows), "queued_at", wanted, ShownRun.of)


def listed(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Prompts, answers and tokens are large, and a list shows none of them."""
    names = ("user__first_name", "user__username", "version__number")
    shown = ("experiment", "comparison", "error_code", "error_message", *WHAT, *names)
    return runs.select_related("user", "version").only(*shown)


@router.post(
    "/experiments/{uuid:pk}/runs",
    auth=RUN,
    response=answers({201: WholeRun, 200: WholeRun}, 409, 503, *BODY),
    url_name="experiment-runs",
)
def start(
    request: HttpRequest, pk: uuid.UUID, wanted: WantedRun, idempotency_key: IdempotencyKey = None
) -> Status[WholeRun]:
    """201 for a new run, 200 for the one that the same request made before under its Idempotency-Key."""
    key = key_of(request)
    experiment = experiment_for(key, pk, Verb.RUN)
    asked = actions.Submission(
        key.user,
        key.team,
        spec_of(experiment, key, wanted),
        idempotency_key or str(uuid.uuid4()),
        experiment,
        Kind.API,
        asked=wanted.hash(experiment),
        api_key=key,
    )
    run, is_new = actions.submit(asked)
    return Status(201 if is_new else 200, WholeRun.of(run))


def spec_of(experiment: Experiment, key: ApiKey, wanted: WantedRun) -> PromptSpec:
    stored = experiment.draft if wanted.version is None else version_in(experiment, key, wanted.version)
    spec = wanted.spec or PromptSpec.model_validate(stored)
    if wanted.values is None:
        return spec
    if unknown := next((name for name in wanted.values if name not in spec.fields), None):
        raise Refusal("invalid", f"values.{unknown}: The prompt has no such field.", field="values")
    return spec.model_copy(update={"input": wanted.values})


def version_in(experiment: Experiment, key: ApiKey, pk: uuid.UUID) -> dict[str, Any]:
    version = version_for(key, pk, Verb.RUN)
    if version.experiment_id != experiment.pk:
        raise NotFound("version")
    spec: dict[str, Any] = version.spec
    return spec


@router.get("/runs/{uuid:pk}", auth=READ, response=answers({200: WholeRun}), url_name="run")
def show(request: HttpRequest, pk: uuid.UUID) -> WholeRun:
    return WholeRun.of(run_for(key_of(request), pk))


@router.post(
    "/runs/{uuid:pk}/cancel",
    auth=RUN,
    response=answers({200: ShownRun, 202: ShownRun}),
    url_name="run-cancel",
)
def cancel(request: HttpRequest, pk: uuid.UUID) -> Status[ShownRun]:
    """202 while the engine stops, 200 once the run has ended; repeating it is harmless."""
    run = actions.cancel(run_for(key_of(request), pk, Verb.RUN))
    return Status(202 if run.is_live else 200, ShownRun.of(run))
