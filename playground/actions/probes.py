"""Probes: what a warm model says about a prompt at once. Nothing of it is stored."""

import base64
import uuid
from dataclasses import dataclass
from typing import Any

import redis
from django.contrib.auth.models import User
from django.db import close_old_connections

from inference import prompts
from inference.prompts import PromptError
from playground import catalog, events
from playground.actions.prompts import counted, refuse_empty
from playground.errors import Refusal
from playground.events import Probe
from playground.models import Run, WorkerLease
from playground.models.worker_lease import WorkerState
from playground.specs import PromptSpec

WAIT = 30.0  # seconds; a long prompt on a slow machine takes most of them


@dataclass(frozen=True)
class Place:
    """Where a token could come: the model, all ids before it, and the one that came in the answer, if any."""

    model: str
    ids: list[int]
    taken: int | None = None


def behind_prompt(spec: PromptSpec) -> Place:
    """Where an answer to ``spec`` begins; raises Refusal when there is no prompt."""
    refuse_empty(spec)
    return Place(spec.model, list(counted(spec).rendered.ids))


def inside_answer(run: Run, at: int) -> Place:
    """Before token ``at`` of the answer of ``run``, or behind its last; raises Refusal for any other."""
    catalog.local_spec(run.model)
    written = [token["id"] for token in run.tokens or []]
    if at > len(written):
        message = f"The answer ends after {len(written):,} tokens, so there is none at {at:,}."
        if run.is_live:
            message = "The tokens of an answer can be looked into once it has ended."
        raise Refusal("no_such_token", message, field="at")
    taken = written[at] if at < len(written) else None
    return Place(run.model, [*run.prompt_ids, *written[:at]], taken)


def next_token(user: User, place: Place) -> bytes:
    """The logits of the token that comes at ``place``, one float16 for each id (inference.types.NextToken).

    Raises Refusal: 409 ``model_not_warm`` or ``superseded``, 422 for what the engine refuses, 503
    ``no_answer`` or ``no_broker``.
    """
    return base64.b64decode(_ask(user, place.model, place.ids)["logits"])


def score(user: User, spec: PromptSpec, text: str) -> list[dict[str, Any]]:
    """The tokens of ``text`` as the answer to ``spec``, as records like those of runs.

    Raises Refusal as ``next_token`` does, and 422 ``empty_text``.
    """
    refuse_empty(spec)
    if not text:
        raise Refusal("empty_text", "There is no text to score.", field="text")
    prompt = counted(spec).rendered
    try:
        tokens = prompts.continuation(catalog.tokenizer(spec.model), prompt, text, spec.layout.value)
    except PromptError as error:
        raise Refusal("bad_prompt", str(error), field="text") from None
    ids = [*prompt.ids, *(index for index, _ in tokens)]
    scored = _ask(user, spec.model, ids, score_from=len(prompt.ids))["scored"]
    # What people pasted, not what single tokens look like: a character may be split between two.
    return [record | {"t": part} for record, (_, part) in zip(scored, tokens, strict=True)]


def _ask(user: User, model: str, ids: list[int], score_from: int | None = None) -> dict[str, Any]:
    _refuse_overflow(model, ids, score_from)
    _refuse_cold(model)
    probe = Probe(f"probe:{uuid.uuid4()}", str(user.pk), ids, score_from)
    close_old_connections()  # a thread that waits must not keep a database connection from others
    try:
        reply = events.ask(model, probe, WAIT)
    except redis.RedisError:
        message = "The broker does not answer, so the model cannot be asked. Try again in a moment."
        raise Refusal("no_broker", message, status=503, retry_after=5) from None
    if reply is None:
        message = f"The model did not answer within {WAIT:.0f} seconds; it may be busy with runs."
        raise Refusal("no_answer", message, status=503, retry_after=5)
    if "superseded" in reply:
        message = "You asked something newer in the meantime."
        raise Refusal("superseded", message, status=409, retry_after=1)
    if "error" in reply:
        raise Refusal(reply["error"]["code"], reply["error"]["message"])
    return reply


def _refuse_overflow(model: str, ids: list[int], score_from: int | None) -> None:
    window = catalog.tokenizer(model).window
    if len(ids) <= window:
        return
    what = "The prompt has" if score_from is None else "Prompt and text together have"
    message = f"{what} {len(ids):,} tokens, {len(ids) - window:,} more than the model's window of {window:,}."
    raise Refusal("prompt_too_long", message)


def _refuse_cold(model: str) -> None:
    """Refuses while no worker has the model in memory: a queue that nobody reads would only grow."""
    if WorkerLease.objects.alive().filter(model=model, state=WorkerState.WARM).exists():
        return
    state = catalog.model_state(model)
    words = {"loading": "The model is being loaded", "failed": "The model cannot be loaded"}
    message = f"{words[state.state]}: {state.detail}." if state.state in words else "The model is not loaded."
    raise Refusal("model_not_warm", message, status=409, retry_after=5)
