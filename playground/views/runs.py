"""JSON of runs: start, look, stop."""

import uuid
from typing import Any, Self

from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST
from pydantic import model_validator

from playground.access import Verb, experiment_for, run_for
from playground.actions import runs as actions
from playground.actions.branches import Begin
from playground.errors import NotFound, Refusal
from playground.models import Experiment, Run
from playground.people import name_of
from playground.specs import PromptSpec, Strict, parse
from playground.views.signed_in import signed_in, user_of


class NewRun(Strict):
    """A prompt, the run to repeat, or the run to branch; a prompt may say how its answer begins, too."""

    spec: PromptSpec | None = None
    again_of: uuid.UUID | None = None
    begin: Begin | None = None

    @model_validator(mode="after")
    def has_one_source(self) -> Self:
        sources = (self.spec, self.again_of, self.begin and self.begin.run)
        if sum(source is not None for source in sources) != 1 or (self.again_of and self.begin):
            raise ValueError("give a spec, or the run to repeat, or the run to branch")
        return self

    @property
    def origin(self) -> uuid.UUID | None:
        return self.again_of or (self.begin.run if self.begin else None)


@signed_in
@require_POST
def start(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Starts a run of an experiment under the request's Idempotency-Key."""
    user = user_of(request)
    experiment = experiment_for(user, pk, Verb.RUN)
    asked = parse(NewRun, request.body)
    wanted = actions.Submission(
        user,
        experiment.team,
        asked.spec,
        idempotency_key(request),
        experiment,
        origin=run_in(experiment, user, asked.origin) if asked.origin else None,
        begin=asked.begin,
    )
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


def run_in(experiment: Experiment, user: User, pk: uuid.UUID) -> Run:
    run = run_for(user, pk, Verb.RUN)
    if run.experiment_id != experiment.pk:
        raise NotFound("run")
    return run


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
        "version": run.version and run.version.number,
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
        "messages": run.messages,
        "prompt_text": run.prompt_text,
        "receipt": run.receipt,
        "branch_of": run.branch_of_id and str(run.branch_of_id),
        "again_of": run.again_of_id and str(run.again_of_id),
        "user_name": name_of(run.user),
    }
