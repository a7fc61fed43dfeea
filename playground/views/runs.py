"""JSON of runs: start, look, stop."""

import uuid
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from playground.access import Verb, experiment_for, run_for
from playground.actions import runs as actions
from playground.errors import Refusal
from playground.models import Run
from playground.specs import PromptSpec, Strict, parse
from playground.views.signed_in import signed_in, user_of


class NewRun(Strict):
    spec: PromptSpec


@signed_in
@require_POST
def start(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Starts a run of an experiment under the request's Idempotency-Key."""
    user = user_of(request)
    experiment = experiment_for(user, pk, Verb.RUN)
    spec = parse(NewRun, request.body).spec
    wanted = actions.Submission(user, experiment.team, spec, idempotency_key(request), experiment)
    run, is_new = actions.submit(wanted)
    return JsonResponse({"run": summary(run)}, status=201 if is_new else 200)


@signed_in
@require_GET
def show(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    return JsonResponse({"run": whole(run_for(user_of(request), pk))})


@signed_in
@require_POST
def cancel(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """202 while the engine stops, 200 once the run has ended; repeating it is harmless."""
    run = actions.cancel(run_for(user_of(request), pk, Verb.RUN))
    return JsonResponse({"run": summary(run)}, status=202 if run.is_live else 200)


def idempotency_key(request: HttpRequest) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not (1 <= len(key) <= 80 and key.isascii() and key.isprintable()):
        message = "Send an Idempotency-Key header of 1 to 80 printable characters."
        raise Refusal("idempotency_key", message, status=400)
    return key


def summary(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "status": run.status,
        "attempt": run.attempt,
        "model": run.model,
        "settings": run.settings,
        "user_id": run.user_id,
        "queued_at": run.queued_at.isoformat(),
        "settings_words": run.settings_words,
    }


def whole(run: Run) -> dict[str, Any]:
    return {
        **summary(run),
        **run.ending,
        "text": run.text,
        "tokens": run.tokens or [],
        "spec": run.spec,
        "prompt_text": run.prompt_text,
        "receipt": run.receipt,
        "user_name": run.user.get_short_name() or run.user.username,
    }
