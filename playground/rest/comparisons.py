"""Comparisons: make, look, run all cells, stop them, and what came of them."""

import uuid
from datetime import datetime
from typing import Any, Self

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel

from playground.access import Verb, comparison_for, experiment_for
from playground.actions import cells, results
from playground.actions import comparisons as actions
from playground.boards import Board
from playground.models import Comparison
from playground.rest.admission import READ, RUN, WRITE, key_of
from playground.rest.pagination import Page, Wanted, page
from playground.rest.problems import BODY, QUERY, answers
from playground.rest.runs import IdempotencyKey, RunError, ShownRun

router = Router(tags=["comparisons"], by_alias=True)


class ShownComparison(BaseModel):
    """``columns`` and ``rows`` are their numbers."""

    id: uuid.UUID
    title: str
    columns: int
    rows: int
    updated_at: datetime
    user_name: str | None


class WholeComparison(BaseModel):
    id: uuid.UUID
    experiment: uuid.UUID
    title: str
    draft_version: int
    board: Board

    @classmethod
    def of(cls, row: Comparison) -> Self:
        return cls(
            id=row.pk,
            experiment=row.experiment_id,
            title=row.title,
            draft_version=row.draft_version,
            board=actions.board_of(row),
        )


class StartedCell(BaseModel):
    column: str
    row: str
    sample: int
    run: ShownRun


class RefusedCell(BaseModel):
    column: str
    row: str
    code: str
    message: str


class Started(BaseModel):
    """``refused`` cells cannot run; ``notes`` say what is otherwise than asked."""

    cells: list[StartedCell]
    refused: list[RefusedCell]
    notes: list[str]


class ShownCell(BaseModel):
    """One sample of a cell by its newest run; stale when the board would ask something else now."""

    column: str
    row: str
    sample: int
    id: uuid.UUID
    status: str
    text: str
    error: RunError | None
    figures: dict[str, float | None]
    version: int | None
    finish_reason: str
    user_name: str
    stale: bool


class Cells(BaseModel):
    cells: list[ShownCell]


class Stopped(BaseModel):
    """How many runs were asked to stop."""

    asked: int


@router.get(
    "/experiments/{uuid:pk}/comparisons",
    auth=READ,
    response=answers({200: Page[ShownComparison]}, *QUERY),
    url_name="comparisons",
)
def index(request: HttpRequest, pk: uuid.UUID, wanted: Query[Wanted]) -> Page[ShownComparison]:
    rows = actions.sized(experiment_for(key_of(request), pk).comparisons.filter(deleted_at=None))

    def shown(row: Any) -> ShownComparison:
        return ShownComparison.model_validate(actions.as_json(row, row.columns, row.rows))

    return page(rows, "created_at", wanted, shown)


@router.post(
    "/experiments/{uuid:pk}/comparisons",
    auth=WRITE,
    response=answers({201: WholeComparison}, *BODY),
    url_name="comparisons",
)
def create(request: HttpRequest, pk: uuid.UUID, wanted: actions.NewComparison) -> Status[WholeComparison]:
    """Of specs, or of versions by their numbers; one alone is compared with a copy."""
    key = key_of(request)
    made = actions.make(experiment_for(key, pk, Verb.EDIT), key.user, wanted)
    return Status(201, WholeComparison.of(made))


@router.get(
    "/comparisons/{uuid:pk}", auth=READ, response=answers({200: WholeComparison}), url_name="comparison"
)
def show(request: HttpRequest, pk: uuid.UUID) -> WholeComparison:
    return WholeComparison.of(comparison_for(key_of(request), pk))


@router.post(
    "/comparisons/{uuid:pk}/runs",
    auth=RUN,
    response=answers({201: Started, 200: Started}, 409, 503, *BODY),
    url_name="comparison-runs",
)
def start(
    request: HttpRequest, pk: uuid.UUID, wanted: cells.Press, idempotency_key: IdempotencyKey = None
) -> Status[Started]:
    """Runs cells of the stored board, without ``cells`` all of them; 200 repeats what the key has made."""
    key = key_of(request)
    comparison = comparison_for(key, pk, Verb.RUN)
    started = cells.start(comparison, key.user, wanted, idempotency_key or str(uuid.uuid4()))
    made = [
        {"column": run.column, "row": run.row, "sample": run.sample, "run": ShownRun.of(run)}
        for run in started.runs
    ]
    body = Started.model_validate({"cells": made, "refused": started.refused, "notes": started.notes})
    return Status(201 if started.is_new else 200, body)


@router.get(
    "/comparisons/{uuid:pk}/cells", auth=READ, response=answers({200: Cells}), url_name="comparison-cells"
)
def cells_of(request: HttpRequest, pk: uuid.UUID) -> Cells:
    comparison = comparison_for(key_of(request), pk)
    return Cells.model_validate({"cells": cells.listed(comparison, actions.board_of(comparison))})


@router.get(
    "/comparisons/{uuid:pk}/results",
    auth=READ,
    response=answers({200: dict[str, Any]}),
    url_name="comparison-results",
)
def results_of(request: HttpRequest, pk: uuid.UUID) -> dict[str, Any]:
    """Each column against the baseline, with a sentence that says how sure that is."""
    return results.results(comparison_for(key_of(request), pk))


@router.post(
    "/comparisons/{uuid:pk}/cancel",
    auth=RUN,
    response=answers({200: Stopped}, *BODY),
    url_name="comparison-cancel",
)
def cancel(request: HttpRequest, pk: uuid.UUID, wanted: cells.Stop) -> Stopped:
    """Stops the live runs of the key's person, or everybody's; repeating it is harmless."""
    key = key_of(request)
    return Stopped(asked=cells.stop(comparison_for(key, pk, Verb.RUN), key.user, wanted))
