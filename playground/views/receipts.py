"""The receipt of a run: where it came from, how a repeat compares, and all that makes it repeatable."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from playground.access import Verb, may, run_for
from playground.actions import receipts as actions
from playground.receipts import rows, visible
from playground.run_news import comparison_of
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_GET
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A fragment of the page; of a live run only where it came from."""
    user = user_of(request)
    run = run_for(user, pk)
    verdict = actions.settle(run)
    context = {
        "run": run,
        "comparison": comparison_of(run),
        "place": len(run.begun or []),
        "begins_with": visible(run.begun[-1]["t"]) if run.begun else "",
        "verdict": verdict,
        "candidates": [named(candidate) for candidate in verdict["candidates"]] if verdict else [],
        "rows": rows(run),
        "may_run": may(user, run.team_id, Verb.RUN),
    }
    return render(request, "runs/_receipt.html", context)


def named(candidate: dict[str, Any]) -> dict[str, Any]:
    ends = candidate["text"] is None
    words = f"the end ({candidate['finish_reason']})" if ends else visible(candidate["text"])
    return candidate | {"words": words, "ends": ends}
