"""Bodies of requests. A parameter that we do not support is refused by its name, never ignored.

Null is the same as nothing. Of some parameters the only value that changes nothing is taken, because
clients send it unasked.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self, TypeVar

from django.http import HttpRequest
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from inference.types import Message
from playground import catalog, remote
from playground.actions.published_prompts import is_address
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.specs import ApiSettings, Name, Settings, Stop, Strict, Text, clean, refusal

ModelName = Annotated[str, Field(max_length=160), AfterValidator(clean)]  # or the address of a prompt


class Body(Strict):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def null_is_nothing(cls, given: Any) -> Any:
        return {k: v for k, v in given.items() if v is not None} if isinstance(given, dict) else given


B = TypeVar("B", bound=Body)


def read(kind: type[B], request: HttpRequest) -> B:
    """The request's body as a ``kind``; raises Refusal naming the first parameter that is wrong."""
    try:
        return kind.model_validate_json(request.body)
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> Refusal:
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(step) for step in first["loc"])[:200]
    if first["type"] == "extra_forbidden" or name in ONLY_NEUTRAL:
        message = f"Unsupported parameter: {name}. docs/api.md lists those that are honoured."
        return Refusal("unsupported_parameter", message, field=name)
    if first["type"] == "missing":
        return Refusal("missing_required_parameter", f"Missing parameter: {name}.", field=name)
    return refusal(error)


# Of these clients send the value that changes nothing, unasked.
ONLY_NEUTRAL = {"response_format.type", "modalities", "modalities.0", "store", "tools", "best_of"}


class TextFormat(Body):
    type: Literal["text"]


class StreamOptions(Body):
    include_usage: bool = False


class Generation(Body):
    """What both ways of generating take. The last ones of the settings are extensions.

    ``fields`` are the values of a published prompt, and only of one.
    """

    model: ModelName
    fields: dict[Name, Text] | None = Field(default=None, max_length=LIMITS.fields)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int = Field(default=1, ge=1, le=LIMITS.choices)
    temperature: float = Field(default=1, ge=0, le=LIMITS.temperature, allow_inf_nan=False)
    top_p: float = Field(default=1, gt=0, le=1, allow_inf_nan=False)
    stop: Stop | Annotated[list[Stop], Field(max_length=LIMITS.stop_strings)] = []
    seed: int | None = Field(default=None, ge=0, lt=2**32)
    presence_penalty: float = Field(default=0, ge=-LIMITS.penalty, le=LIMITS.penalty, allow_inf_nan=False)
    frequency_penalty: float = Field(default=0, ge=-LIMITS.penalty, le=LIMITS.penalty, allow_inf_nan=False)
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] = Field(
        default={}, max_length=LIMITS.biased_tokens
    )
    top_k: int = Field(default=0, ge=0, le=LIMITS.top_k)
    min_p: float = Field(default=0, ge=0, le=1, allow_inf_nan=False)
    repetition_penalty: float = Field(default=1, ge=0.5, le=LIMITS.repetition_penalty, allow_inf_nan=False)
    ignore_eos: bool = False

    @field_validator("fields")
    @classmethod
    def is_of_a_published_prompt(cls, given: Any, info: ValidationInfo) -> Any:
        if given is not None and not is_address(info.data.get("model", "")):
            raise ValueError("only a published prompt takes fields")
        return given

    @model_validator(mode="after")
    def options_are_of_a_stream(self) -> Self:
        if self.stream_options and not self.stream:
            raise ValueError("stream_options is only for requests with stream")
        return self

    @property
    def includes_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    def settings(self, most: int, **more: Any) -> ApiSettings:
        """As runs have them; ``most`` is how many tokens the answer may have."""
        return ApiSettings.model_construct(
            max_new_tokens=most,
            mode="greedy" if self.temperature == 0 else "sample",
            temperature=self.temperature,
            stop=[self.stop] if isinstance(self.stop, str) else self.stop,
            **{name: getattr(self, name) for name in SAME},
            logit_bias=list(self._biases()),
            **more,
        )

    def settings_over(self, base: Settings, most: int | None, **more: Any) -> ApiSettings:
        """``base`` with what was given explicitly in its place."""
        wanted = self.settings(base.max_new_tokens if most is None else most, **more)
        given = {name: getattr(wanted, name) for name in self.model_fields_set & {*SAME, "stop"}}
        if "temperature" in self.model_fields_set:
            given["mode"] = wanted.mode
            given |= {"temperature": wanted.temperature} if wanted.temperature else {}
        own = {"max_new_tokens": wanted.max_new_tokens, "logit_bias": wanted.logit_bias, **more}
        return ApiSettings.model_construct(**{**base.model_dump(), **given, **own})

    def _biases(self) -> Iterator[tuple[int, float]]:
        for token, bias in self.logit_bias.items():
            if not (token.isascii() and token.isdigit() and len(token) < 10):
                message = f"{token[:40]!r} is no token id."
                raise Refusal("invalid", message, field="logit_bias")
            yield int(token), bias


SAME = (
    "top_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "top_k",
    "min_p",
    "repetition_penalty",
    "ignore_eos",
)


def refuse_what_it_lacks(wanted: Generation, model: str) -> None:
    """Refuses parameters that the server of a remote model does not take."""
    source = catalog.remote_source(model)
    if source is None:
        return
    lacking = {*remote.ignored(source), "logit_bias", "ignore_eos", "echo"}
    if "logprobs" not in source.accepts:
        lacking |= {"logprobs", "top_logprobs"}
    for name in sorted(wanted.model_fields_set & lacking):
        message = f"Unsupported parameter: {name}. The server of {model} does not take it."
        raise Refusal("unsupported_parameter", message, field=name)


class TextPart(Body):
    type: Literal["text"]
    text: Text


class ChatMessage(Body):
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[TextPart]

    def plain(self) -> Message:
        """As chat templates know it."""
        text = self.content if isinstance(self.content, str) else "".join(p.text for p in self.content)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class Chat(Generation):
    messages: list[ChatMessage] = Field(max_length=LIMITS.messages)
    max_tokens: int | None = Field(default=None, ge=1, le=LIMITS.max_new_tokens)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=LIMITS.max_new_tokens)
    logprobs: bool = False
    top_logprobs: int = Field(default=0, ge=0, le=LIMITS.top_logprobs)
    response_format: TextFormat | None = None
    modalities: list[Literal["text"]] | None = None
    store: Literal[False] | None = None
    tools: Annotated[list[Any], Field(max_length=0)] = []

    @field_validator("messages")
    @classmethod
    def says_something(cls, given: Any, info: ValidationInfo) -> Any:
        if not given and info.data.get("fields") is None:
            raise ValueError("holds no message")
        return given

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        if self.top_logprobs and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs")
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise ValueError("give max_tokens or max_completion_tokens, not both")
        return self

    @property
    def most(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens


class Completion(Generation):
    prompt: Any = Field(default=None, validate_default=True)  # nothing beside ``fields``
    max_tokens: int = Field(default=16, ge=0, le=LIMITS.max_new_tokens)
    logprobs: int | None = Field(default=None, ge=0, le=LIMITS.top_logprobs)
    echo: bool = False
    best_of: Literal[1] | None = None

    @field_validator("prompt")
    @classmethod
    def is_a_prompt(cls, given: Any, info: ValidationInfo) -> Any:
        """Text, token ids, or a list of either."""
        if given is None and info.data.get("fields") is not None:
            return given
        if given is None:
            raise PydanticCustomError("missing", "Field required")
        prompts = _as_list(given)
        if not 1 <= len(prompts) <= LIMITS.prompts:
            raise ValueError(f"holds {len(prompts)} prompts; 1 to {LIMITS.prompts} are taken")
        for prompt in prompts:
            if isinstance(prompt, str):
                clean(prompt)
            elif not (isinstance(prompt, list) and all(map(_is_id, prompt))):
                raise ValueError("is neither text nor token ids, nor a list of either")
            elif any(not 0 <= index < 2**31 for index in prompt):
                raise ValueError("holds a number that no token has")
        return given

    @property
    def prompts(self) -> list[str | list[int]]:
        return _as_list(self.prompt)

    @property
    def scores_prompt(self) -> bool:
        return self.echo and self.logprobs is not None

    def figures(self, is_scored: bool) -> dict[str, Any]:
        """The settings that say which log-probabilities are kept."""
        return {"alternatives": self.logprobs or 0, "score_from": 0 if is_scored else None}


def _as_list(given: Any) -> list[str | list[int]]:
    is_many = isinstance(given, list) and not any(map(_is_id, given))
    return given if is_many else [given]


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Source(Body):
    """A text, or a conversation that the model goes on with."""

    model: ModelName
    prompt: Text | None = None
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=LIMITS.messages)] | None = None

    @model_validator(mode="after")
    def is_one(self) -> Self:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("give either prompt or messages")
        return self


class Score(Source):
    continuations: list[Annotated[Text, Field(min_length=1)]] = Field(min_length=1, max_length=LIMITS.prompts)
    top_logprobs: int = Field(default=0, ge=0, le=LIMITS.top_logprobs)
