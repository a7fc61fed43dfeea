"""POST /v1/completions: bare prompts, also to be scored."""

from collections.abc import Sequence

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from playground import catalog
from playground.actions import api_runs
from playground.actions.api_runs import Ask, Prompt
from playground.actions.published_prompts import is_address
from playground.api import published_prompts, tokens
from playground.api.answers import Json, answer
from playground.api.bodies import Completion, read, refuse_what_it_lacks
from playground.api.endpoint import endpoint
from playground.api.following import Choice, started
from playground.api.tokens import Record
from playground.errors import Refusal
from playground.models import ApiKey, Run, Scope


@endpoint("POST", Scope.RUN)
async def create(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    wanted = read(Completion, request)
    runs = await started(lambda: start(key, wanted))
    return await answer(key, wanted, runs, CompletionShape(wanted))


def start(key: ApiKey, wanted: Completion) -> list[Run]:
    """A run for each answer, those to the first prompt first."""
    if is_address(wanted.model):
        return api_runs.queue(key, published_prompts.asks_of_completion(key, wanted))
    model = catalog.model_spec(wanted.model).name
    refuse_what_it_lacks(wanted, model)
    return api_runs.queue(key, [ask for given in wanted.prompts for ask in asks(model, given, wanted)])


def asks(model: str, given: str | list[int], wanted: Completion) -> list[Ask]:
    prompt = Prompt.of_text(model, given) if isinstance(given, str) else Prompt.of_ids(model, given)
    # The first token of a prompt has no probability, so there is nothing to score in one of one token.
    is_scored = wanted.scores_prompt and len(prompt.ids or ()) > 1
    if not (wanted.max_tokens or is_scored):
        message = "With max_tokens 0, echo and logprobs are needed, and a prompt of two tokens or more."
        raise Refusal("invalid", message, field="max_tokens")
    settings = wanted.settings(wanted.max_tokens, **wanted.figures(is_scored))
    return Ask(prompt, settings).samples(wanted.n)


class CompletionShape:
    kind = piece = "text_completion"
    prefix = "cmpl-"

    def __init__(self, wanted: Completion) -> None:
        self._echo = wanted.echo
        self.needs_scores = wanted.logprobs is not None
        # Scores of a prompt come with the end of its run, and belong before the first token.
        self.holds_back = wanted.scores_prompt
        self._offsets: dict[int, int] = {}  # of choices, where their text goes on

    def whole(self, choice: Choice) -> Json:
        parts = [*self.begin(choice), self.delta(choice, choice.tokens), self.end(choice)]
        scored = [part["logprobs"] for part in parts if part["logprobs"]]
        names = scored[0] if scored else ()
        return {
            "text": "".join(part["text"] for part in parts),
            "logprobs": {name: [each for part in scored for each in part[name]] for name in names} or None,
        }

    def begin(self, choice: Choice) -> list[Json]:
        if not self._echo:
            return []
        records = list(tokens.of_prompt(choice.run, choice.scores["prompt"])) if self.holds_back else []
        return [self._part(choice, choice.run.prompt_text, records)]

    def delta(self, choice: Choice, news: Sequence[Record]) -> Json:
        return self._part(choice, "".join(record["t"] for record in news), news)

    def end(self, choice: Choice) -> Json:
        """The token that ended the answer has no text, but is counted by whoever sums up probabilities."""
        ending = choice.scores["ending"] if self.needs_scores else None
        return self._part(choice, "", [ending] if ending else [])

    def _part(self, choice: Choice, text: str, records: Sequence[Record]) -> Json:
        offset = self._offsets.get(choice.index, 0)
        self._offsets[choice.index] = offset + len(text)
        scored = self.needs_scores and records
        return {
            "text": text,
            "logprobs": tokens.of_completion(choice.run.model, records, offset) if scored else None,
        }
