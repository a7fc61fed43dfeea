"""The exact prompt of a spec, and of a run, as the model gets it."""

import uuid
from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from inference.prompts import RenderedPrompt
from playground.access import run_for
from playground.actions import prompts
from playground.actions.prompts import Uncounted
from playground.receipts import REMOTE
from playground.remote import NO_TOKENS
from playground.specs import PromptSpec, Strict, parse
from playground.views.signed_in import signed_in, user_of

CHANGED = "The files of this model have changed since this run, so its tokens cannot be told apart any more."


class Render(Strict):
    spec: PromptSpec
    tokens: bool = False  # text and tokens too, which are long


@signed_in
@require_POST
def render(request: HttpRequest) -> JsonResponse:
    wanted = parse(Render, request.body)
    fit = prompts.render(wanted.spec)
    prompts.prefetch(user_of(request), wanted.spec, fit)
    answer: dict[str, Any] = {
        "counts": fit.counts(),
        "warnings": [asdict(warning) for warning in prompts.warnings(wanted.spec)],
    }
    if isinstance(fit, Uncounted):
        answer["uncounted"] = NO_TOKENS
    if wanted.tokens:
        answer |= (
            unexplained(fit.sent.text, NO_TOKENS) if isinstance(fit, Uncounted) else explained(fit.rendered)
        )
    return JsonResponse(answer)


@signed_in
@require_GET
def of_run(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """The prompt a run was given; ``tokens`` is null when nobody here can make them again."""
    run = run_for(user_of(request), pk)
    if rendered := prompts.again(run):
        return JsonResponse(explained(rendered))
    return JsonResponse(
        unexplained(run.prompt_text, NO_TOKENS if run.receipt.get("device") == REMOTE else CHANGED)
    )


def unexplained(text: str, why: str) -> dict[str, Any]:
    return {"text": text, "tokens": None, "why": why}


def explained(rendered: RenderedPrompt) -> dict[str, Any]:
    return {
        "text": rendered.text,
        "tokens": [
            {
                "id": token.id,
                "text": token.text,
                "start": token.start,
                "end": token.end,
                "part": token.part,
                "special": token.special,
            }
            for token in rendered.tokens
        ],
    }


@signed_in
@require_POST
def examples(request: HttpRequest) -> JsonResponse:
    """The tokens that each example of a spec has or would have, in their order; null for a remote model."""
    return JsonResponse({"examples": prompts.count_examples(parse(Render, request.body).spec)})
