"""Prompts: from a PromptSpec to the exact tokens the model gets, with the count of every part."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from pydantic import ValidationError

from inference import placeholders, prompts
from inference.prompts import PromptError, PromptParts, RenderedPrompt, SentPrompt, Shot
from inference.registry import RemoteSource
from playground import catalog, remote
from playground.actions.doorbells import ring_ahead
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Run, WorkerLease
from playground.models.worker_lease import WorkerState
from playground.specs import PromptSpec

WORTH_COMPUTING_AHEAD = 64  # tokens
WHITE = " \t\r\n\u00a0"  # as in static/js/models/draft.js


@dataclass(frozen=True)
class Fit:
    """A rendered prompt beside the window it must share with the reserved completion. All in tokens."""

    rendered: RenderedPrompt
    shots: int  # number of examples placed
    reserved: int
    window: int

    @property
    def over(self) -> int:
        """How many tokens too many; 0 when it fits."""
        return max(0, len(self.rendered.ids) + self.reserved - self.window)

    @property
    def shot_cost(self) -> float:
        """Tokens that one more shot would take, with what the layout writes around it; 0 when unknown."""
        parts = self.rendered.parts
        first = next((index for index, part in enumerate(parts) if part.startswith("example:")), None)
        if first is None:
            return 0
        # From the first shot to the input: the turn that the input opens is that of the next shot.
        end = parts.index("input", first) if "input" in parts[first:] else len(parts)
        return (end - first) / self.shots

    def counts(self) -> dict[str, Any]:
        parts = self.rendered.count_by_part()
        free = self.window - len(self.rendered.ids) - self.reserved
        return {
            "instruction": parts.get("instruction", 0),
            "examples": [parts.get(f"example:{index}", 0) for index in range(self.shots)],
            "input": parts.get("input", 0),
            "format": parts.get("format", 0),
            "prompt": len(self.rendered.ids),
            "reserved": self.reserved,
            "window": self.window,
            "over": self.over,
            "room": int(max(0, free) / cost) if (cost := self.shot_cost) else None,
        }

    def columns(self) -> dict[str, Any]:
        """What a run keeps of the prompt."""
        ids = list(self.rendered.ids)
        return {"prompt_text": self.rendered.text, "prompt_ids": ids, "prompt_tokens": len(ids)}


@dataclass(frozen=True)
class Uncounted:
    """A prompt for a remote model: nobody here knows its tokens, so nothing can be said about the window."""

    sent: SentPrompt

    def counts(self) -> None:
        return None

    def columns(self) -> dict[str, Any]:
        messages = [dict(message) for message in self.sent.messages] or None
        said: dict[str, Any] = {"prompt_text": self.sent.text, "messages": messages}
        return said | {"prompt_ids": [], "prompt_tokens": None}


def render(spec: PromptSpec) -> Fit | Uncounted:
    """Renders ``spec`` for its model; raises Refusal when that cannot be done."""
    refuse_oversize(spec)
    source = catalog.remote_source(spec.model)
    try:
        return _for_server(spec, source) if source else _encoded(spec)
    except PromptError as error:
        raise Refusal("bad_prompt", str(error)) from None


def counted(spec: PromptSpec) -> Fit:
    """The same for what needs tokens; raises Refusal ``remote_model`` where they are not known, too."""
    fit = render(spec)
    if isinstance(fit, Uncounted):
        raise Refusal("remote_model", remote.NO_TOKENS, field="model")
    return fit


def _encoded(spec: PromptSpec) -> Fit:
    tokenizer = catalog.tokenizer(spec.model)
    rendered = prompts.render(tokenizer, parts_of(spec))
    return Fit(rendered, len(spec.placed), spec.settings.max_new_tokens, tokenizer.window)


def _for_server(spec: PromptSpec, source: RemoteSource) -> Uncounted:
    if spec.layout != (layout := remote.layout_of(source)):
        raise PromptError(f"{remote.lacks(source)['layout']} Choose the {layout} layout.")
    return Uncounted(prompts.for_server(parts_of(spec)))


def again(run: Run) -> RenderedPrompt | None:
    """The prompt of ``run`` with its parts; None when the model's files changed and it would differ, or
    when another server made its tokens."""
    try:
        rendered = counted(PromptSpec.model_validate(run.spec)).rendered
    except (Refusal, ValidationError):
        return None
    return rendered if list(rendered.ids) == run.prompt_ids else None


def count_examples(spec: PromptSpec) -> list[int] | None:
    """The tokens of every example of ``spec`` if it were placed, also of those that are not.

    None for a remote model, whose tokens nobody here knows.
    """
    if catalog.remote_source(spec.model):
        return None
    examples = [example.model_copy(update={"on": True}) for example in spec.examples]
    fit = counted(spec.model_copy(update={"examples": examples, "shots": None}))
    counts: list[int] = fit.counts()["examples"]
    return counts


def prefetch(user: User, spec: PromptSpec, fit: Fit | Uncounted) -> None:
    """Lets a warm worker compute the prompt while it is being written, if it is worth the message."""
    if isinstance(fit, Uncounted) or fit.over or len(fit.rendered.ids) < WORTH_COMPUTING_AHEAD:
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
    texts = [text for _, text in texts_of(spec)]
    cuts = placeholders.split(spec.instruction, spec.fields)
    texts += [spec.input.get(name, "") for _, name in cuts if name is not None]
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


def refuse_overflow(fit: Fit | Uncounted) -> None:
    """Refuses a prompt that does not fit the window, naming the numbers and what to cut."""
    if isinstance(fit, Uncounted) or not fit.over:
        return
    counts = fit.counts()
    shots = counts["examples"]
    cure = f"drop the last example ({shots[-1]} tokens)" if shots else "shorten the input"
    message = (
        f"The prompt has {counts['prompt']:,} tokens and {fit.reserved:,} are reserved for the answer: "
        f"{fit.over:,} more than the model's window of {fit.window:,}. Reserve less, or {cure}."
    )
    raise Refusal("prompt_too_long", message, counts=counts)


@dataclass(frozen=True)
class Hint:
    """What is worth a second look before pressing Run; ``cure`` is what the page can do about it."""

    text: str
    cure: str = ""


def warnings(spec: PromptSpec) -> list[Hint]:
    found = [Hint(text) for text in (*_about_the_input(spec), *_about_the_examples(spec))]
    if loose := [name for name, text in texts_of(spec) if text != text.rstrip(WHITE)]:
        where = loose[0] if len(loose) == 1 else f"{loose[0]} and {len(loose) - 1} more"
        ends = "ends" if len(loose) == 1 else "end"
        text = f"{where} {ends} with white space; models often continue better without it."
        found.append(Hint(text[0].upper() + text[1:], cure="trim"))
    return found


def texts_of(spec: PromptSpec) -> Iterator[tuple[str, str]]:
    """Everything that people wrote into the prompt, with a name for it."""
    yield "the instruction", spec.instruction
    for number, shot in enumerate(spec.placed, 1):
        for name in spec.fields:
            yield f"the {name} of example {number}", shot.values.get(name, "")
        yield f"the {spec.output_name} of example {number}", shot.output
    for name in spec.fields:
        yield "the input" if len(spec.fields) == 1 else f"the input {name}", spec.input.get(name, "")


def _about_the_input(spec: PromptSpec) -> list[str]:
    empty = [name for name in spec.fields if not spec.input.get(name, "").strip()]
    used = placeholders.used(spec.instruction, spec.fields)
    found = [f"The instruction uses {{{{{name}}}}}, which has no value." for name in empty if name in used]
    if len(empty) == len(spec.fields):
        return [*found, "The input is empty: the model only sees the instruction and the examples."]
    filled = {name for shot in spec.placed for name, value in shot.values.items() if value.strip()}
    unused = [name for name in empty if name not in filled and name not in used]
    missing = [name for name in empty if name in filled and name not in used]
    if unused:
        found.append(f"Not used so far, without a value in input and examples: {_listed(unused)}.")
    if missing:
        found.append(f"The input has no value for {_listed(missing)}.")
    return found


def _about_the_examples(spec: PromptSpec) -> list[str]:
    """What the examples that are placed lack; they are called by their place in the grid."""
    numbers = {example.id: str(number) for number, example in enumerate(spec.examples, 1)}
    placed = [(numbers[shot.id], shot) for shot in spec.placed]
    lacking = {spec.output_name: [number for number, shot in placed if not shot.output.strip()]}
    for name in spec.fields:
        blank = [number for number, shot in placed if not shot.values.get(name, "").strip()]
        if len(blank) < len(placed):  # else the field is not used at all
            lacking[name] = blank
    return [_lack(found, name) for name, found in lacking.items() if found]


def _lack(numbers: list[str], name: str) -> str:
    if len(numbers) == 1:
        return f"Example {numbers[0]} has no {name}."
    return f"Examples {_listed(numbers)} have no {name}."


def _listed(names: list[str], most: int = 4) -> str:
    """``names`` as people list them: a, b and 3 more."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
