"""POST /v1/tokenize, an extension: the tokens of a prompt, as the model would get them."""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from playground import catalog
from playground.actions.api_runs import Prompt
from playground.api.bodies import Source, read
from playground.api.endpoint import endpoint
from playground.consumers.database import in_database
from playground.models import ApiKey, Scope


@endpoint("POST", Scope.RUN)
async def create(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    prompt = await in_database(prompt_of)(read(Source, request))
    ids = prompt.ids or ()
    tokenizer = catalog.tokenizer(prompt.model)
    answer = {
        "object": "tokens",
        "model": prompt.model,
        "count": len(ids),
        "max_model_len": tokenizer.window,
        "tokens": ids,
        "token_strs": [tokenizer.text(index) for index in ids],
    }
    return JsonResponse(answer)


def prompt_of(source: Source) -> Prompt:
    model = catalog.local_spec(source.model).name
    if source.messages is not None:
        return Prompt.of_messages(model, [message.plain() for message in source.messages])
    assert source.prompt is not None
    return Prompt.of_text(model, source.prompt)
