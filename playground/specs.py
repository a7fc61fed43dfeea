"""PromptSpec: everything that makes a prompt, validated at the door and stored as JSON."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

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


def one_tag(text: str) -> str:
    """Refuses a comma, which stands between tags; white space becomes single spaces."""
    if "," in text:
        raise ValueError("holds a comma, which stands between tags")
    return " ".join(text.split())


T = TypeVar("T", bound=BaseModel)

Text = Annotated[str, Field(max_length=LIMITS.text_chars), AfterValidator(clean)]
Name = Annotated[str, Field(min_length=1, max_length=LIMITS.field_name_chars), AfterValidator(clean)]
Title = Annotated[str, Field(max_length=LIMITS.title_chars), AfterValidator(clean)]
Scope = Annotated[str, Field(max_length=LIMITS.scope_chars), AfterValidator(clean)]
Inputs = Annotated[list[dict[Name, Text]], Field(max_length=LIMITS.test_inputs)]
TagName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LIMITS.tag_chars),
    AfterValidator(clean),
    AfterValidator(one_tag),
]
Stop = Annotated[str, Field(min_length=1, max_length=LIMITS.stop_string_chars), AfterValidator(clean)]


class Layout(StrEnum):
    CHAT = "chat"  # the model's own chat template; examples are user and assistant turns
    PLAIN = "plain"  # one text with "field: value" lines, continued by the model


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(Strict):
    """Generation settings as the user sees them; of the last four each default is "off".

    Penalties change the logits in both modes; then temperature, top-k, top-p and min-p act in this
    order, when sampling only.
    """

    max_new_tokens: int = Field(default=64, ge=1, le=LIMITS.max_new_tokens)
    mode: Literal["greedy", "sample"] = "greedy"
    temperature: float = Field(default=0.7, gt=0, le=LIMITS.temperature, allow_inf_nan=False)
    top_k: int = Field(default=50, ge=0, le=LIMITS.top_k)
    top_p: float = Field(default=0.9, gt=0, le=1, allow_inf_nan=False)
    stop: list[Stop] = Field(default=[], max_length=LIMITS.stop_strings)
    seed: int | None = Field(default=None, ge=0, lt=2**32)  # None: drawn anew for every run
    min_p: float = Field(default=0, ge=0, le=1, allow_inf_nan=False)
    repetition_penalty: float = Field(default=1, ge=0.5, le=LIMITS.repetition_penalty, allow_inf_nan=False)
    presence_penalty: float = Field(default=0, ge=-LIMITS.penalty, le=LIMITS.penalty, allow_inf_nan=False)
    frequency_penalty: float = Field(default=0, ge=-LIMITS.penalty, le=LIMITS.penalty, allow_inf_nan=False)

    def effective(self) -> dict[str, Any]:
        """The settings that act: what the mode ignores is null, a missing seed is drawn now."""
        acting = self.model_dump(mode="json") | {"seed_drawn": False}
        if self.mode == "greedy":
            return acting | dict.fromkeys(SAMPLING_ONLY)
        if self.seed is None:
            return acting | {"seed": secrets.randbelow(2**32), "seed_drawn": True}
        return acting

    def for_sample(self, sample: int) -> Self:
        """Those of one of several answers: a seed that is set counts up, one that is not is drawn anyway."""
        if self.seed is None or not sample:
            return self
        return self.model_copy(update={"seed": (self.seed + sample) % 2**32})


class ApiSettings(Settings):
    """Those of a program, which may also ask for no answer at all, only for figures of its prompt."""

    max_new_tokens: int = Field(default=16, ge=0, le=LIMITS.max_new_tokens)
    logit_bias: list[tuple[int, float]] = []
    ignore_eos: bool = False
    alternatives: int = 0  # most likely tokens that are kept with each token
    score_from: int | None = None  # the first token of the prompt whose log-probability is wanted


SAMPLING_ONLY = ("temperature", "top_k", "top_p", "min_p", "seed")
# In the order in which they act, each with the value at which it does nothing.
SHAPING = {
    "repetition_penalty": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "temperature": None,
    "top_k": 0,
    "top_p": 1,
    "min_p": 0,
}


def settings_words(acting: dict[str, Any]) -> str:
    """Effective settings of a run in a line: what acted, in the order of use, and what the mode ignored."""
    said = [acting["mode"], f"at most {acting['max_new_tokens']:,} new tokens"]
    said += [
        f"{_spoken(key)} {acting[key]:g}"
        for key, off in SHAPING.items()
        if acting.get(key) not in (None, off)
    ]
    if acting["stop"]:
        said.append("stop at " + " or ".join(json.dumps(stop, ensure_ascii=False) for stop in acting["stop"]))
    if acting.get("seed") is not None:
        said.append(f"seed {acting['seed']}" + (" (drawn)" if acting.get("seed_drawn") else ""))
    if unused := [key for key in (*SAMPLING_ONLY, *SHAPING) if key in acting and acting[key] is None]:
        said.append("not used: " + ", ".join(map(_spoken, dict.fromkeys(unused))))
    return " · ".join(said)


def _spoken(key: str) -> str:
    return key.replace("_", "-") if key in ("top_k", "top_p", "min_p") else key.replace("_", " ")


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

    def asks_hash(self) -> str:
        """Of what acts of the spec: two with the same differ at most in what the model never sees.

        Runs keep it (``Run.asks_hash``), so a change of what acts needs a migration that makes it anew.
        """
        return hash_with_input(self.frame_hash(), self.values_of(self.input))

    def frame_hash(self) -> str:
        """Of all that acts but the input."""
        settings = self.settings.model_dump(mode="json")
        if self.settings.mode == "greedy":
            settings |= dict.fromkeys(SAMPLING_ONLY)
        shots = [(self.values_of(shot.values), shot.output) for shot in self.placed]
        acts = [self.instruction, self.fields, self.output_name, shots, self.layout, self.model, settings]
        return hashlib.sha256(json.dumps(acts).encode()).hexdigest()

    def values_of(self, given: dict[str, str]) -> list[str]:
        """The values of ``given`` in the order of the fields; what is no field is never seen."""
        return [given.get(name, "") for name in self.fields]

    def content_hash(self) -> str:
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()


def hash_with_input(frame: str, values: list[str]) -> str:
    """The ``asks_hash`` of a spec with this ``frame_hash`` and these values of its input."""
    return hashlib.sha256(f"{frame} {json.dumps(values)}".encode()).hexdigest()


def shot_label(count: int) -> str:
    """The field's name for a prompt with this many worked examples."""
    return {0: "zero-shot", 1: "one-shot"}.get(count, f"{count}-shot")


def parse(kind: type[T], body: bytes) -> T:
    """``body`` as a ``kind``; raises Refusal naming the first field that is wrong."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error) from None


def checked(kind: type[T], values: Mapping[str, Any]) -> T:
    """``values`` of a form or a query as a ``kind``; raises Refusal naming the first one that is wrong."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise refusal(error) from None


def refusal(error: ValidationError) -> Refusal:
    """The first fault of a pydantic error as one sentence."""
    first = error.errors(include_url=False, include_input=False)[0]
    return bad_json() if first["type"] == "json_invalid" else fault(first["loc"], first["msg"])


def bad_json() -> Refusal:
    return Refusal("bad_json", "The request is not valid JSON text.", status=400)


def fault(place: Iterable[int | str], message: str) -> Refusal:
    """What pydantic says of one place in a request."""
    path = ".".join(str(step) for step in place)
    reason = message.removeprefix("Value error, ")
    return Refusal("invalid", f"{path or 'The request'}: {reason}.", field=path)
