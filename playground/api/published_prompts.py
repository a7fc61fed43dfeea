"""Requests that name a published prompt: they bring values, and settings only where they differ."""

from typing import Any

from playground.access import published_prompt_called
from playground.actions import published_prompts
from playground.actions.api_runs import Ask
from playground.api.bodies import Chat, Completion, Generation, refuse_what_it_lacks
from playground.errors import Refusal
from playground.models import ApiKey, PublishedPrompt
from playground.specs import PromptSpec

Values = dict[str, str]


def asks_of_chat(key: ApiKey, wanted: Chat) -> list[Ask]:
    published = published_prompt_called(key, wanted.model)
    values = _values_of_chat(published, wanted)
    return _asks(published, wanted, values, wanted.most, alternatives=wanted.top_logprobs)


def asks_of_completion(key: ApiKey, wanted: Completion) -> list[Ask]:
    published = published_prompt_called(key, wanted.model)
    most = wanted.max_tokens if "max_tokens" in wanted.model_fields_set else None
    if most == 0 and not wanted.scores_prompt:
        raise Refusal("invalid", "With max_tokens 0, echo and logprobs are needed.", field="max_tokens")
    figures = wanted.figures(wanted.scores_prompt)
    every = _values_of_completion(published, wanted)
    return [ask for values in every for ask in _asks(published, wanted, values, most, **figures)]


def _asks(
    published: PublishedPrompt, wanted: Generation, values: Values, most: int | None, **more: Any
) -> list[Ask]:
    spec = published_prompts.spec_of(published, values)
    refuse_what_it_lacks(wanted, spec.model)
    settings = wanted.settings_over(spec.settings, most, **more)
    return Ask.of_published(published, spec, settings).samples(wanted.n)


def _values_of_chat(published: PublishedPrompt, wanted: Chat) -> Values:
    """``fields``, or the one message of a user where there is one field to fill."""
    if wanted.fields is not None:
        if wanted.messages:
            raise _either("messages")
        return wanted.fields
    if [message.role for message in wanted.messages] != ["user"]:
        message = "A published prompt is no conversation: send one user message, or its values in fields."
        raise Refusal("invalid", message, field="messages")
    return {_only_field(published): wanted.messages[0].plain()["content"]}


def _values_of_completion(published: PublishedPrompt, wanted: Completion) -> list[Values]:
    """``fields``, or each text of ``prompt`` where there is one field to fill."""
    if wanted.fields is not None:
        if wanted.prompt:
            raise _either("prompt")
        return [wanted.fields]
    name = _only_field(published)
    texts = [text for text in wanted.prompts if isinstance(text, str)]
    if len(texts) != len(wanted.prompts):
        raise Refusal("invalid", "A published prompt takes text, no token ids.", field="prompt")
    return [{name: text} for text in texts]


def _only_field(published: PublishedPrompt) -> str:
    assert published.version is not None
    fields = PromptSpec.model_validate(published.version.spec).fields
    if len(fields) > 1:
        message = f"{published.address} has several fields: send {', '.join(fields)} in fields."
        raise Refusal("missing_required_parameter", message, field="fields")
    return fields[0]


def _either(name: str) -> Refusal:
    message = f"Send the values in fields or in {name}, not in both; {name} is empty then."
    return Refusal("invalid", message, field=name)
