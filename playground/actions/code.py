"""Code for a run and for a published prompt: the request to ``/v1`` that asks the same of the same model."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User

from inference import prompts
from inference.types import Message
from playground.actions.api_runs import Prompt
from playground.actions.prompts import parts_of
from playground.code_export import Call
from playground.errors import Refusal
from playground.models import PublishedPrompt, Run
from playground.specs import SAMPLING_ONLY, SHAPING, Layout, PromptSpec

Body = dict[str, Any]


def of_run(run: Run, reader: User) -> Call:
    """Exactly the run's prompt, its settings and its seed; of a branch with the tokens that were given."""
    path, asked = _asked(run)
    settings = _settings(run) | _figures(run, path)
    body = {"model": run.model, **asked, "max_tokens": run.max_new_tokens, **settings}
    return Call(path, body, ("--run", str(run.pk), "--user", reader.username))


def of_published(prompt: PublishedPrompt, reader: User) -> Call:
    """With the values of the published version, to be replaced."""
    assert prompt.version is not None
    spec = PromptSpec.model_validate(prompt.version.spec)
    values = _sample_values(spec)
    if len(values) == 1:
        asked: Body = {"messages": [{"role": "user", "content": next(iter(values.values()))}]}
    else:
        asked = {"messages": [], "fields": values}
    filled = [part for name, value in values.items() for part in ("--field", f"{name}={value}")]
    command = ("--prompt", prompt.address, *filled, "--user", reader.username)
    return Call("chat/completions", {"model": prompt.address, **asked}, command)


def _sample_values(spec: PromptSpec) -> dict[str, str]:
    """Of the input where it has any, else of the first example."""
    is_filled = any(value.strip() for value in spec.values_of(spec.input))
    given: Mapping[str, str] = spec.input if is_filled or not spec.examples else spec.examples[0].values
    return dict(zip(spec.fields, spec.values_of(dict(given)), strict=True))


def _asked(run: Run) -> tuple[str, Body]:
    """(path, prompt): as messages or as text where that gives the run's own tokens, else these tokens."""
    ids = [*run.prompt_ids, *(record["id"] for record in run.begun or ())]
    messages = _messages(run)
    if messages and not _scores(run) and _gives(ids, lambda: Prompt.of_messages(run.model, messages)):
        return "chat/completions", {"messages": messages}
    if not messages and _gives(ids, lambda: Prompt.of_text(run.model, run.prompt_text)):
        return "completions", {"prompt": run.prompt_text}
    return "completions", {"prompt": ids}


def _messages(run: Run) -> Sequence[Message]:
    if run.messages is not None:
        kept: list[Message] = run.messages
        return kept
    if run.spec.get("layout") != Layout.CHAT:
        return []
    spec = PromptSpec.model_validate(run.spec)
    return prompts.conversation(parts_of(spec))


def _gives(ids: list[int], made: Callable[[], Prompt]) -> bool:
    """A remote model has no ids on either side."""
    try:
        return list(made().ids or ()) == ids
    except Refusal:
        return False


def _scores(run: Run) -> bool:
    return run.settings.get("score_from") is not None


def _settings(run: Run) -> Body:
    """What acted and is not neutral anyway. Greedy decoding is temperature 0."""
    acting = run.settings
    names = [*SHAPING, *(name for name in SAMPLING_ONLY if name not in SHAPING)]
    given = {name: acting.get(name) for name in names}
    if acting["mode"] == "greedy":
        given["temperature"] = 0
    found = {name: value for name, value in given.items() if value is not None and value != SHAPING.get(name)}
    if acting["stop"]:
        found["stop"] = acting["stop"]
    if acting.get("logit_bias"):
        found["logit_bias"] = {str(token): bias for token, bias in acting["logit_bias"]}
    return found | ({"ignore_eos": True} if acting.get("ignore_eos") else {})


def _figures(run: Run, path: str) -> Body:
    """The log-probabilities that a program asked for."""
    most = run.settings.get("alternatives", 0)
    if _scores(run):
        return {"echo": True, "logprobs": most}
    if not most:
        return {}
    return {"logprobs": most} if path == "completions" else {"logprobs": True, "top_logprobs": most}
