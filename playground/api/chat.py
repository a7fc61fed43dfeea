"""POST /v1/chat/completions."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from playground import catalog
from playground.actions import api_runs
from playground.actions.api_runs import Ask, Prompt
from playground.api.answers import Json, answer
from playground.api.bodies import Chat, read
from playground.api.endpoint import endpoint
from playground.api.following import Choice, Record, started
from playground.api.tokens import chat_token
from playground.models import ApiKey, Run, Scope


@endpoint("POST", Scope.RUN)
async def create(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    wanted = read(Chat, request)
    runs = await started(lambda: start(key, wanted))
    return await answer(key, wanted, runs, ChatShape(wanted))


def start(key: ApiKey, wanted: Chat) -> list[Run]:
    model = catalog.local_spec(wanted.model).name
    prompt = Prompt.of_messages(model, [message.plain() for message in wanted.messages])
    most = prompt.room if wanted.most is None else wanted.most
    settings = wanted.settings(max(1, most), alternatives=wanted.top_logprobs)
    return api_runs.queue(key, Ask(prompt, settings).samples(wanted.n))


class ChatShape:
    kind = "chat.completion"
    piece = "chat.completion.chunk"
    prefix = "chatcmpl-"

    def __init__(self, wanted: Chat) -> None:
        self._wanted = wanted

    def whole(self, choice: Choice) -> Json:
        text = "".join(record["t"] for record in choice.tokens)
        message = {"role": "assistant", "content": text, "refusal": None}
        return {"message": message, "logprobs": self._logprobs(choice.tokens)}

    def begin(self, choice: Choice) -> Json:
        return {"delta": {"role": "assistant", "content": ""}, "logprobs": None}

    def delta(self, choice: Choice, news: Sequence[Record]) -> Json:
        text = "".join(record["t"] for record in news)
        return {"delta": {"content": text}, "logprobs": self._logprobs(news)}

    def end(self, choice: Choice) -> Json:
        return {"delta": {}, "logprobs": None}

    def _logprobs(self, records: Sequence[Record]) -> dict[str, Any] | None:
        if not self._wanted.logprobs:
            return None
        most = self._wanted.top_logprobs
        content = [chat_token(self._wanted.model, record, most) for record in records]
        return {"content": content, "refusal": None}
