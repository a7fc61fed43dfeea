"""The exact prompt of a spec, as the model would get it."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from playground.actions import prompts
from playground.specs import PromptSpec, Strict, parse
from playground.views.signed_in import signed_in, user_of


class Render(Strict):
    spec: PromptSpec


@signed_in
@require_POST
def render(request: HttpRequest) -> JsonResponse:
    spec = parse(Render, request.body).spec
    fit = prompts.render(spec)
    prompts.prefetch(user_of(request), spec, fit)
    tokens = [
        {"id": token.id, "text": token.text, "special": token.special, "part": token.part}
        for token in fit.rendered.tokens
    ]
    return JsonResponse(
        {
            "text": fit.rendered.text,
            "tokens": tokens,
            "counts": fit.counts(),
            "warnings": prompts.warnings(spec),
        }
    )


@signed_in
@require_POST
def examples(request: HttpRequest) -> JsonResponse:
    """The tokens that each example of a spec has or would have, in their order."""
    return JsonResponse({"examples": prompts.count_examples(parse(Render, request.body).spec)})
