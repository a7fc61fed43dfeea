"""The runs of an experiment, newest first: searched, filtered, page by page."""

import uuid
from typing import Annotated, Any, Literal

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET
from pydantic import AfterValidator, Field

from playground.access import experiment_for
from playground.errors import NotFound
from playground.models import Experiment, Run
from playground.models.run import LIVE, RunQuerySet, Status
from playground.models.search_entry import folded
from playground.run_news import row_of, shown
from playground.specs import Strict, checked, clean
from playground.views.signed_in import signed_in, user_of

PAGE = 50
OUTCOMES = {
    "succeeded": (Status.SUCCEEDED,),
    "failed": (Status.FAILED, Status.EXPIRED),
    "stopped": (Status.CANCELLED,),
    "live": LIVE,
}


class Search(Strict):
    """Which runs; ``before`` is the last one that the reader has."""

    q: Annotated[str, Field(max_length=200), AfterValidator(clean)] = ""
    model: Annotated[str, Field(max_length=80), AfterValidator(clean)] = ""
    version: uuid.UUID | Literal[""] = ""
    outcome: Literal["", "succeeded", "failed", "stopped", "live"] = ""
    # One comparison has more runs than weeks of single ones, so they are left out unless asked for.
    among: Literal["", "comparisons"] = ""
    before: uuid.UUID | None = None


@signed_in
@require_GET
def index(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    experiment = experiment_for(user_of(request), pk)
    return JsonResponse(page_of(experiment, checked(Search, request.GET.dict())))


def page_of(experiment: Experiment, wanted: Search) -> dict[str, Any]:
    """One page of rows, whether older ones follow, and the models that the runs of the experiment had."""
    models = sorted(set(among(experiment, wanted).order_by().values_list("model", flat=True).distinct()))
    found = list(shown(chosen(experiment, wanted).newest_first())[: PAGE + 1])
    return {"runs": [row_of(run) for run in found[:PAGE]], "more": len(found) > PAGE, "models": models}


def among(experiment: Experiment, wanted: Search) -> RunQuerySet:
    return experiment.runs.filter(deleted_at=None, comparison__isnull=wanted.among != "comparisons")


def chosen(experiment: Experiment, wanted: Search) -> RunQuerySet:
    """The runs that ``wanted`` asks for, in no order; raises NotFound for a run or version of elsewhere."""
    runs = among(experiment, wanted)
    if wanted.before:
        runs = runs.older_than(known_run(experiment, wanted.before))
    if words := wanted.q.strip():
        # The experiment again, so that a database may begin with its entries, and not with those of all.
        runs = runs.filter(search_entry__experiment=experiment, search_entry__body__contains=folded(words))
    if wanted.model:
        runs = runs.filter(model=wanted.model)
    if wanted.version:
        runs = runs.filter(version=known_version(experiment, wanted.version))
    if wanted.outcome:
        runs = runs.filter(status__in=OUTCOMES[wanted.outcome])
    return runs


def known_run(experiment: Experiment, pk: uuid.UUID) -> Run:
    run = experiment.runs.filter(pk=pk).only("queued_at").first()
    if run is None:
        raise NotFound("run")
    return run


def known_version(experiment: Experiment, pk: uuid.UUID) -> uuid.UUID:
    if not experiment.versions.filter(pk=pk).exists():
        raise NotFound("version")
    return pk
