"""Runs of programs: a prompt of their own, without an experiment, through the same queue as everybody's."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Self

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from inference import prompts
from inference.prompts import PromptError, RenderedPrompt
from inference.registry import RemoteSource
from inference.types import Message
from playground import catalog, remote, run_news
from playground.actions import prompts as rendering
from playground.actions.doorbells import ring
from playground.actions.runs import acting, stop
from playground.errors import NotFound, Refusal
from playground.limits import LIMITS
from playground.models import ApiKey, PublishedPrompt, Run, SearchEntry
from playground.models.run import Kind
from playground.specs import ApiSettings, Layout, PromptSpec

FOR_REMOTE = 512  # tokens of an answer where nobody here knows how many there is room for


@dataclass(frozen=True)
class Prompt:
    """What the model gets; of a conversation also its ``messages``. A remote model has no ``ids``."""

    model: str
    text: str
    ids: tuple[int, ...] | None
    messages: Sequence[Message] | None = None
    rendered: RenderedPrompt | None = None

    @classmethod
    def of_messages(cls, model: str, messages: Sequence[Message]) -> Self:
        """Raises Refusal for what the model's template or tokenizer refuses; so does ``of_text``."""
        _refuse_oversize(sum(len(message["content"]) for message in messages))
        if source := catalog.remote_source(model):
            _refuse_layout(source, Layout.CHAT)
            return cls(model, prompts.conversation_for_server(messages).text, None, messages)
        tokenizer = catalog.tokenizer(model)
        if not tokenizer.has_chat_template:
            message = f"{model} has no chat template; send a prompt to /v1/completions."
            raise Refusal("no_chat_template", message, field="model")
        try:
            rendered = prompts.render_conversation(tokenizer, messages)
        except PromptError as error:
            raise Refusal("bad_prompt", str(error), field="messages") from None
        return cls(model, rendered.text, rendered.ids, messages, rendered)

    @classmethod
    def of_text(cls, model: str, text: str) -> Self:
        _refuse_oversize(len(text))
        if source := catalog.remote_source(model):
            _refuse_layout(source, Layout.PLAIN)
            return cls(model, text, None)
        try:
            rendered = prompts.render_text(catalog.tokenizer(model), text)
        except PromptError as error:
            raise Refusal("bad_prompt", str(error), field="prompt") from None
        return cls(model, text, rendered.ids, rendered=rendered)

    @classmethod
    def of_ids(cls, model: str, ids: Sequence[int]) -> Self:
        """Raises Refusal for an id that the model does not have."""
        tokenizer = catalog.tokenizer(model)
        if unknown := next((index for index in ids if not 0 <= index < tokenizer.vocabulary_size), None):
            raise Refusal("bad_prompt", f"{model} has no token {unknown}.", field="prompt")
        return cls(model, tokenizer.decode(ids), tuple(ids))

    @classmethod
    def of_spec(cls, spec: PromptSpec) -> Self:
        """As the pages render it."""
        fit = rendering.render(spec)
        if isinstance(fit, rendering.Uncounted):
            return cls(spec.model, fit.sent.text, None, fit.sent.messages or None)
        return cls(spec.model, fit.rendered.text, fit.rendered.ids, rendered=fit.rendered)

    def followed_by(self, text: str) -> Self:
        """The prompt, which keeps its tokens, with ``text`` behind it. Raises Refusal as ``of_text`` does."""
        assert self.rendered is not None
        assert self.ids is not None
        _refuse_empty(self)
        _refuse_oversize(len(self.text) + len(text))
        layout: prompts.Layout = "plain" if self.messages is None else "chat"
        try:
            tokens = prompts.continuation(catalog.tokenizer(self.model), self.rendered, text, layout)
        except PromptError as error:
            raise Refusal("bad_prompt", str(error), field="continuations") from None
        return replace(self, text=self.text + text, ids=(*self.ids, *(index for index, _ in tokens)))

    @property
    def room(self) -> int:
        """The most tokens that an answer may have; 0 or less when there is none."""
        if self.ids is None:
            return FOR_REMOTE
        return min(catalog.tokenizer(self.model).window - len(self.ids), LIMITS.max_new_tokens)


@dataclass(frozen=True)
class Ask:
    """One answer that a program wants; ``origin`` has the columns of a run that comes from an experiment."""

    prompt: Prompt
    settings: ApiSettings
    origin: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_published(cls, published: PublishedPrompt, spec: PromptSpec, settings: ApiSettings) -> Self:
        """``spec`` is the published one with values; what it says of ``settings`` has given way to them."""
        version = published.version
        assert version is not None
        kept = {name: getattr(settings, name) for name in type(spec.settings).model_fields}
        acting = spec.settings.model_copy(update=kept | {"max_new_tokens": max(1, settings.max_new_tokens)})
        asked = spec.model_copy(update={"settings": acting})
        origin = {
            "published_prompt": published,
            "experiment": version.experiment,
            "version": version,
            "spec": asked.as_json(),
            "asks_hash": asked.asks_hash(),
        }
        return cls(Prompt.of_spec(asked), settings, origin)

    def samples(self, count: int) -> list["Ask"]:
        """The same so many times; a seed that is set counts up."""
        return [replace(self, settings=self.settings.for_sample(sample)) for sample in range(count)]


def _refuse_layout(source: RemoteSource, wanted: Layout) -> None:
    if remote.layout_of(source) != wanted:
        raise Refusal("bad_prompt", remote.lacks(source)["layout"], field="model")


def _refuse_oversize(chars: int) -> None:
    if chars > LIMITS.prompt_chars:
        message = f"The prompt has {chars:,} characters; at most {LIMITS.prompt_chars:,} are taken."
        raise Refusal("prompt_too_long", message)


def queue(key: ApiKey, asks: Sequence[Ask]) -> list[Run]:
    """Queues a run for each of ``asks``, all or none, and rings.

    Raises Refusal: 422 for what does not fit the model's window, 429 when the key's user has too many.
    """
    for ask in asks:
        _refuse_overflow(ask)
        _refuse_unknown_bias(ask)
    _refuse_flood(key, len(asks))
    runs = [_run(key, ask) for ask in asks]
    with transaction.atomic():
        _hold_experiment(runs[0])
        Run.objects.bulk_create(runs)
        SearchEntry.of_new_runs(runs)
        transaction.on_commit(partial(ring, runs[0].model, len(runs)))
        transaction.on_commit(partial(_tell, runs))
    return runs


def _hold_experiment(run: Run) -> None:
    """All runs of a request come from one experiment, or from none."""
    if run.experiment and not run.experiment.hold(run.team):
        raise NotFound("published prompt")


def _tell(runs: Sequence[Run]) -> None:
    for run in runs:
        if run.experiment_id:
            run_news.tell(run.pk)


def cancel(runs: Sequence[Run]) -> None:
    """Stops what a program has started and nobody waits for any more."""
    stop(Run.objects.filter(pk__in=[run.pk for run in runs]))


def _refuse_empty(prompt: Prompt) -> None:
    if prompt.ids == () or not prompt.text:
        raise Refusal("empty_prompt", "The prompt has no tokens.", field="prompt")


def _refuse_overflow(ask: Ask) -> None:
    _refuse_empty(ask.prompt)
    if ask.prompt.ids is None:
        return  # its server will say
    prompt, new = len(ask.prompt.ids), ask.settings.max_new_tokens
    window = catalog.tokenizer(ask.prompt.model).window
    if (over := prompt + new - window) > 0:
        message = (
            f"The prompt has {prompt:,} tokens and {new:,} are reserved for the answer: {over:,} more than "
            f"the window of {ask.prompt.model}, which is {window:,}."
        )
        raise Refusal("prompt_too_long", message)


def _refuse_unknown_bias(ask: Ask) -> None:
    if not ask.settings.logit_bias:
        return
    known = catalog.tokenizer(ask.prompt.model).vocabulary_size
    if unknown := [token for token, _ in ask.settings.logit_bias if token >= known]:
        raise Refusal("invalid", f"{ask.prompt.model} has no token {unknown[0]}.", field="logit_bias")


def _refuse_flood(key: ApiKey, more: int) -> None:
    most = LIMITS.live_api_runs_per_user
    if more > most:
        message = f"This asks for {more:,} answers; at most {most:,} are taken at once. Send fewer prompts."
        raise Refusal("invalid", message, field="n")
    live = Run.objects.live().filter(user=key.user_id, kind=Kind.API).count()
    if live + more > most:
        message = (
            f"This asks for {more:,} answers, and {live:,} of yours are waiting or running; at most {most:,} "
            "are taken at once."
        )
        raise Refusal("too_many_runs", message, status=429, retry_after=5)


def _run(key: ApiKey, ask: Ask) -> Run:
    return Run(
        team=key.team,
        user=key.user,
        api_key=key,
        kind=Kind.API,
        model=ask.prompt.model,
        model_revision=catalog.revision(ask.prompt.model),
        deadline=timezone.now() + timedelta(seconds=settings.RUN_DEADLINE),
        idempotency_key=f"api {uuid.uuid4()}",
        messages=_plain(ask.prompt.messages),
        prompt_text=ask.prompt.text,
        prompt_ids=list(ask.prompt.ids or ()),
        prompt_tokens=None if ask.prompt.ids is None else len(ask.prompt.ids),
        settings=acting(ask.prompt.model, ask.settings),
        max_new_tokens=ask.settings.max_new_tokens,
        **ask.origin,
    )


def _plain(messages: Sequence[Message] | None) -> list[dict[str, Any]] | None:
    return None if messages is None else [dict(message) for message in messages]
