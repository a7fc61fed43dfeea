"""Prompts: from a PromptSpec to the exact tokens the model gets, with the count of every part."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from inference import prompts
from inference.prompts import PromptError, PromptParts, RenderedPrompt, Shot
from playground import catalog
from playground.actions.doorbells import ring_ahead
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import WorkerLease
from playground.models.worker_lease import WorkerState
from playground.specs import PromptSpec

WORTH_COMPUTING_AHEAD = 64  # tokens


@dataclass(frozen=True)
class Fit:
    """A rendered prompt beside the window it must share with the reserved completion. All in tokens."""

    rendered: RenderedPrompt
    reserved: int
    window: int

    @property
    def over(self) -> int:
        """How many tokens too many; 0 when it fits."""
        return max(0, len(self.rendered.ids) + self.reserved - self.window)

    def counts(self) -> dict[str, Any]:
        parts = self.rendered.count_by_part()
        examples = sorted(
            (part for part in parts if part.startswith("example:")), key=lambda part: int(part[8:])
        )
        return {
            "instruction": parts.get("instruction", 0),
            "examples": [parts[part] for part in examples],
            "input": parts.get("input", 0),
            "format": parts.get("format", 0),
            "prompt": len(self.rendered.ids),
            "reserved": self.reserved,
            "window": self.window,
            "over": self.over,
        }


def render(spec: PromptSpec) -> Fit:
    """Renders ``spec`` for its model; raises Refusal when that cannot be done."""
    refuse_oversize(spec)
    tokenizer = catalog.tokenizer(catalog.model_spec(spec.model).name)
    try:
        rendered = prompts.render(tokenizer, parts_of(spec))
    except PromptError as error:
        raise Refusal("bad_prompt", str(error)) from None
    return Fit(rendered, spec.settings.max_new_tokens, tokenizer.window)


def prefetch(user: User, spec: PromptSpec, fit: Fit) -> None:
    """Lets a warm worker compute the prompt while it is being written, if it is worth the message."""
    if fit.over or len(fit.rendered.ids) < WORTH_COMPUTING_AHEAD:
        return
    # A queue that nobody reads would only grow.
    if WorkerLease.objects.alive().filter(model=spec.model, state=WorkerState.WARM).exists():
        ring_ahead(spec.model, str(user.pk), fit.rendered.ids)


def refuse_empty(spec: PromptSpec) -> None:
    """Refuses a prompt in which nobody has written anything yet."""
    if not (spec.instruction.strip() or spec.placed or any(value.strip() for value in spec.input.values())):
        raise Refusal("empty_prompt", "The prompt is empty. Write an instruction, an example or an input.")


def refuse_oversize(spec: PromptSpec) -> None:
    """Refuses what is too long to tokenise, before any work is done."""
    texts = [spec.instruction, *spec.input.values(), *(shot.output for shot in spec.placed)]
    texts += [value for shot in spec.placed for value in shot.values.values()]
    if (chars := sum(map(len, texts))) > LIMITS.prompt_chars:
        most = f"{LIMITS.prompt_chars:,}"
        message = f"The prompt has {chars:,} characters; at most {most} are taken. Cut examples or input."
        raise Refusal("prompt_too_long", message)


def parts_of(spec: PromptSpec) -> PromptParts:
    """The parts of the prompt in the order of the spec; a value that is missing is empty text."""

    def values(given: dict[str, str]) -> tuple[tuple[str, str], ...]:
        return tuple((name, given.get(name, "")) for name in spec.fields)

    return PromptParts(
        layout=spec.layout.value,
        instruction=spec.instruction,
        shots=tuple(Shot(values(example.values), example.output) for example in spec.placed),
        input=values(spec.input),
        output_name=spec.output_name,
    )


def refuse_overflow(fit: Fit) -> None:
    """Refuses a prompt that does not fit the window, naming the numbers and what to cut."""
    if not fit.over:
        return
    counts = fit.counts()
    shots = counts["examples"]
    cure = f"drop the last example ({shots[-1]} tokens)" if shots else "shorten the input"
    message = (
        f"The prompt has {counts['prompt']:,} tokens and {fit.reserved:,} are reserved for the answer: "
        f"{fit.over:,} more than the model's window of {fit.window:,}. Reserve less, or {cure}."
    )
    raise Refusal("prompt_too_long", message, counts=counts)


def warnings(spec: PromptSpec) -> list[str]:
    """What is worth a second look before pressing Run, in sentences."""
    found = []
    if not any(value.strip() for value in spec.input.values()):
        found.append("The input is empty: the model only sees the instruction and the examples.")
    if any(value != value.rstrip(" ") for value in [spec.instruction, *spec.input.values()]):
        found.append("A text ends with a space; models often continue better without it.")
    if any(not shot.output for shot in spec.placed):
        found.append("An example that is on has no output.")
    return found
