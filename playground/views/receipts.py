"""The receipt of a run: where it came from, how a repeat compares, and all that makes it repeatable."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from playground.access import Verb, may, run_for
from playground.actions import receipts as actions
from playground.models import Run
from playground.views.signed_in import signed_in, user_of

SHOWN = str.maketrans("\n\t ", "⏎⇥·")
Rows = list[tuple[str, str]]


@signed_in
@require_GET
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A fragment of the page; of a live run only where it came from."""
    user = user_of(request)
    run = run_for(user, pk)
    verdict = actions.settle(run)
    context = {
        "run": run,
        "place": len(run.begun or []),
        "begins_with": visible(run.begun[-1]["t"]) if run.begun else "",
        "verdict": verdict,
        "candidates": [named(candidate) for candidate in verdict["candidates"]] if verdict else [],
        "rows": rows(run),
        "may_run": may(user, run.team_id, Verb.RUN),
    }
    return render(request, "runs/_receipt.html", context)


def visible(text: str) -> str:
    """The text of a token with its white space as signs."""
    return text.translate(SHOWN) or "part of a character"


def named(candidate: dict[str, Any]) -> dict[str, Any]:
    ends = candidate["text"] is None
    words = f"the end ({candidate['finish_reason']})" if ends else visible(candidate["text"])
    return candidate | {"words": words, "ends": ends}


def rows(run: Run) -> Rows:
    """The receipt in words; what an older or unfinished run does not know is left out."""
    known = run.receipt
    versions = ", ".join(f"{name} {number}" for name, number in known.get("versions", {}).items())
    listed = [
        ("Settings", settings_words(run.settings)),
        ("Model", run.model),
        ("Model files", known.get("model_hash") or run.model_revision),
        ("Tokenizer", known.get("tokenizer_hash")),
        ("Computed", computed_words(known)),
        ("Exactness", exactness_words(known)),
        ("Together", together_words(run)),
        ("Libraries", versions),
    ]
    return [(name, words) for name, words in listed if words]


def settings_words(settings: dict[str, Any]) -> str:
    words = [f"at most {settings['max_new_tokens']:,} tokens", settings["mode"]]
    if settings["mode"] == "sample":
        names = {"temperature": "temperature", "top_k": "top-k", "top_p": "top-p", "seed": "seed"}
        words += [f"{name} {settings[key]}" for key, name in names.items()]
    words += [f"stop {visible(stop)}" for stop in settings["stop"]]
    return " · ".join(words)


def computed_words(known: dict[str, Any]) -> str:
    if "dtype" not in known:
        return ""
    note = f" ({known['note']})" if known.get("note") else ""
    threads = f" with {known['threads']} threads" if known["device"] == "cpu" else ""
    return f"{known['dtype']} on {known['device']}{threads}, {known['attention']} attention{note}"


def exactness_words(known: dict[str, Any]) -> str:
    if "exact" not in known:
        return ""
    if known["exact"]:
        return "Greedy tokens do not depend on what else was computed at the same time."
    return f"In {known['dtype']} rounding changes with the batch, so near ties may fall another way."


def together_words(run: Run) -> str:
    if not run.receipt.get("batch"):
        return ""
    others = run.receipt["batch"] - 1
    beside = f"up to {others} other run{'s' if others > 1 else ''} in the batch" if others else "alone"
    reused = f"{run.cached_tokens:,} of {run.prompt_tokens:,} prompt tokens reused"
    return f"{beside}; {reused}; attempt {run.attempt}"
