"""POST /v1/score, an extension: how likely given texts are as what follows a prompt."""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from playground.actions import api_runs
from playground.actions.api_runs import Ask, Prompt
from playground.api import tokens
from playground.api.answers import Json, usage
from playground.api.bodies import Score, read
from playground.api.endpoint import endpoint
from playground.api.following import Choice, follow, started
from playground.api.tokenize import prompt_of
from playground.models import ApiKey, Run, Scope
from playground.specs import ApiSettings


@endpoint("POST", Scope.RUN)
async def create(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    wanted = read(Score, request)
    runs = await started(lambda: start(key, wanted))
    async with follow(key, runs) as following:
        await following.to_the_end()
        await following.fetch_scores()
    data = [
        scored(choice, text) for choice, text in zip(following.choices, wanted.continuations, strict=True)
    ]
    return JsonResponse({"object": "list", "model": wanted.model, "data": data, "usage": usage(following)})


def start(key: ApiKey, wanted: Score) -> list[Run]:
    prompt = prompt_of(wanted)
    return api_runs.queue(key, [ask_of(prompt, text, wanted.top_logprobs) for text in wanted.continuations])


def ask_of(prompt: Prompt, text: str, most: int) -> Ask:
    settings = ApiSettings.model_construct(
        max_new_tokens=0, alternatives=most, score_from=len(prompt.ids or ())
    )
    return Ask(prompt.followed_by(text), settings)


def scored(choice: Choice, text: str) -> Json:
    """``is_greedy``: at each token the model would have chosen it; ``logprob`` is of the whole text."""
    records = choice.scores["prompt"]
    return {
        "object": "score",
        "index": choice.index,
        "text": text,
        "logprob": sum(record["lp"] for record in records),
        "is_greedy": all(record["rank"] == 1 for record in records),
        **tokens.of_continuation(choice.run.model, records),
    }
