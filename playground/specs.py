"""PromptSpec: everything that makes a prompt, validated at the door and stored as JSON."""

import hashlib
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from playground.errors import Refusal
from playground.limits import LIMITS


def clean(text: str) -> str:
    """Refuses what databases and tokenizers cannot hold; changes nothing."""
    if "\x00" in text:
        raise ValueError("holds a NUL character, which cannot be stored")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair, which is not a character") from None
    return text


T = TypeVar("T", bound=BaseModel)

Text = Annotated[str, Field(max_length=LIMITS.text_chars), AfterValidator(clean)]
Name = Annotated[str, Field(min_length=1, max_length=LIMITS.field_name_chars), AfterValidator(clean)]
Title = Annotated[str, Field(max_length=LIMITS.title_chars), AfterValidator(clean)]
Scope = Annotated[str, Field(max_length=LIMITS.scope_chars), AfterValidator(clean)]
Stop = Annotated[str, Field(min_length=1, max_length=LIMITS.stop_string_chars), AfterValidator(clean)]


class Layout(StrEnum):
    CHAT = "chat"  # the model's own chat template; examples are user and assistant turns
    PLAIN = "plain"  # one text with "field: value" lines, continued by the model


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(Strict):
    """Generation settings as the user sees them; the order of use is temperature, top-k, top-p."""

    max_new_tokens: int = Field(default=64, ge=1, le=LIMITS.max_new_tokens)
    mode: Literal["greedy", "sample"] = "greedy"
    temperature: float = Field(default=0.7, gt=0, le=LIMITS.temperature, allow_inf_nan=False)
    top_k: int = Field(default=50, ge=0, le=LIMITS.top_k)
    top_p: float = Field(default=0.9, gt=0, le=1, allow_inf_nan=False)
    stop: list[Stop] = Field(default=[], max_length=LIMITS.stop_strings)
    seed: int | None = Field(default=None, ge=0, lt=2**32)  # None: drawn anew for every run


class Example(Strict):
    """One in-context pair. Examples that are ``on`` become shots, in this order, as far as ``shots`` goes."""

    id: Annotated[str, Field(min_length=1, max_length=40), AfterValidator(clean)]
    values: dict[Name, Text] = {}
    output: Text = ""
    on: bool = True


class PromptSpec(Strict):
    schema_: Literal[1] = Field(default=1, alias="schema")
    instruction: Text = ""
    fields: list[Name] = Field(default=["input"], min_length=1, max_length=LIMITS.fields)
    output_name: Name = "output"
    examples: list[Example] = Field(default=[], max_length=LIMITS.examples)
    # How many of the examples that are on are placed. None is all; it is left out of the JSON, so that specs
    # from before this field keep their hash.
    shots: int | None = Field(default=None, ge=0, le=LIMITS.examples, exclude_if=lambda shots: shots is None)
    input: dict[Name, Text] = {}
    layout: Layout = Layout.CHAT
    model: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(clean)]
    settings: Settings = Settings()

    @model_validator(mode="after")
    def names_fit_together(self) -> Self:
        if len(set(self.fields)) != len(self.fields):
            raise ValueError("two fields have the same name")
        if self.output_name in self.fields:
            raise ValueError("the output has the name of a field")
        if len({example.id for example in self.examples}) != len(self.examples):
            raise ValueError("two examples have the same id")
        return self

    @property
    def placed(self) -> list[Example]:
        """The examples that are placed in the prompt: the first ``shots`` of those that are on."""
        return [example for example in self.examples if example.on][: self.shots]

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)

    def content_hash(self) -> str:
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()


def shot_label(count: int) -> str:
    """The field's name for a prompt with this many worked examples."""
    return {0: "zero-shot", 1: "one-shot"}.get(count, f"{count}-shot")


def parse(kind: type[T], body: bytes) -> T:
    """``body`` as a ``kind``; raises Refusal naming the first field that is wrong."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error) from None


def refusal(error: ValidationError) -> Refusal:
    """The first fault of a pydantic error as one sentence."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Refusal("bad_json", "The request is not valid JSON text.", status=400)
    path = ".".join(str(step) for step in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return Refusal("invalid", f"{path or 'The request'}: {reason}.", field=path)
