"""The receipt of a run in words, for its card and for those it is shared with."""

from typing import Any

from playground.models import Run

SHOWN = str.maketrans("\n\t ", "⏎⇥·")
REMOTE = "remote"  # the device of what another server computed
Rows = list[tuple[str, str]]


def visible(text: str) -> str:
    """The text of a token with its white space as signs."""
    return text.translate(SHOWN) or "part of a character"


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
        words += [f"{name} {settings[key]}" for key, name in names.items() if settings[key] is not None]
    words += [f"stop {visible(stop)}" for stop in settings["stop"]]
    return " · ".join(words)


def computed_words(known: dict[str, Any]) -> str:
    if known.get("device") == REMOTE:
        return f"on another server, as {known.get('served_by') or known.get('remote_model')}"
    if "dtype" not in known:
        return ""
    note = f" ({known['note']})" if known.get("note") else ""
    threads = f" with {known['threads']} threads" if known["device"] == "cpu" else ""
    return f"{known['dtype']} on {known['device']}{threads}, {known['attention']} attention{note}"


def exactness_words(known: dict[str, Any]) -> str:
    if known.get("device") == REMOTE:
        return "The server does not say whether a seed, or greedy decoding, gives the same answer again."
    if "exact" not in known:
        return ""
    if known["exact"]:
        return "Greedy tokens do not depend on what else was computed at the same time."
    return f"In {known['dtype']} rounding changes with the batch, so near ties may fall another way."


def together_words(run: Run) -> str:
    if not run.receipt.get("batch"):
        return ""
    if run.receipt.get("device") == REMOTE:
        return f"attempt {run.attempt}"
    others = run.receipt["batch"] - 1
    beside = f"up to {others} other run{'s' if others > 1 else ''} in the batch" if others else "alone"
    reused = f"{run.cached_tokens:,} of {run.prompt_tokens:,} prompt tokens reused"
    return f"{beside}; {reused}; attempt {run.attempt}"
