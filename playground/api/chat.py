"""POST /v1/chat/completions."""

from collections.abc import Sequence

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from playground import catalog
from playground.actions import api_runs
from playground.actions.api_runs import Ask, Prompt
from playground.actions.published_prompts import is_address
from playground.api import published_prompts, tokens
from playground.api.answers import Json, answer
from playground.api.bodies import Chat, read, refuse_what_it_lacks
from playground.api.endpoint import endpoint
from playground.api.following import Choice, started
from playground.api.tokens import Record
from playground.models import ApiKey, Run, Scope


@endpoint("POST", Scope.RUN)
async def create(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    wanted = read(Chat, request)
    runs = await started(lambda: start(key, wanted))
    return await answer(key, wanted, runs, ChatShape(wanted))


def start(key: ApiKey, wanted: Chat) -> list[Run]:
    if is_address(wanted.model):
        return api_runs.queue(key, published_prompts.asks_of_chat(key, wanted))
    model = catalog.model_spec(wanted.model).name
    refuse_what_it_lacks(wanted, model)
    prompt = Prompt.of_messages(model, [message.plain() for message in wanted.messages])
    most = prompt.room if wanted.most is None else wanted.most
    settings = wanted.settings(max(1, most), alternatives=wanted.top_logprobs)
    return api_runs.queue(key, Ask(prompt, settings).samples(wanted.n))


class ChatShape:
    kind = "chat.completion"
    piece = "chat.completion.chunk"
    prefix = "chatcmpl-"
    needs_scores = holds_back = False

    def __init__(self, wanted: Chat) -> None:
        self._logprobs = wanted.logprobs
        self._most = wanted.top_logprobs

    def whole(self, choice: Choice) -> Json:
        text = "".join(record["t"] for record in choice.tokens)
        message = {"role": "assistant", "content": text, "refusal": None}
        return {"message": message, "logprobs": self._scored(choice, choice.tokens)}

    def begin(self, choice: Choice) -> list[Json]:
        return [{"delta": {"role": "assistant", "content": ""}, "logprobs": None}]

    def delta(self, choice: Choice, news: Sequence[Record]) -> Json:
        text = "".join(record["t"] for record in news)
        return {"delta": {"content": text}, "logprobs": self._scored(choice, news)}

    def end(self, choice: Choice) -> Json:
        return {"delta": {}, "logprobs": None}

    def _scored(self, choice: Choice, records: Sequence[Record]) -> Json | None:
        return tokens.of_chat(choice.run.model, records, self._most) if self._logprobs else None
