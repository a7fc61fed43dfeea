"""The verdict on a repeat: is the answer the same, token by token, and under the same conditions?"""

from math import exp
from typing import Any

from playground.models import Run
from playground.models.run import Status

# What may change an answer although prompt, settings and seed are the same: key of the receipt, in words.
CONDITIONS = {
    "model_hash": "model files",
    "tokenizer_hash": "tokenizer",
    "dtype": "number format",
    "device": "device",
    "attention": "attention path",
    "threads": "threads",
    "versions": "library versions",
    "served_by": "model of the server",
    "batch": "runs in the same batch",
}
Record = dict[str, Any]
Verdict = dict[str, Any]


def settle(run: Run) -> Verdict | None:
    """The verdict on ``run``, worked out once and then kept.

    None for a run that repeats no other one, and while one of the two is live.
    """
    first = run.again_of
    if run.verdict is None and first is not None and not (run.is_live or first.is_live):
        run.verdict = verdict(first, run)
        run.save(update_fields=["verdict"])
    return run.verdict


def verdict(first: Run, again: Run) -> Verdict:
    """How the answer of ``again`` compares with that of ``first``; both have ended.

    ``result`` is ``identical``, ``differs``, or ``cut`` when one of them was stopped or failed before
    they could differ. ``same`` counts the tokens that are equal from the beginning on, and ``shift`` is
    the largest difference of the probability of one of them. ``candidates`` are the two tokens at the
    first difference with the probability that each run gave them; ``conditions`` what was not the same.
    """
    ours, theirs = _tokens(first), _tokens(again)
    same = _common(ours, theirs)
    result = _result(first, again, same)
    return {
        "result": result,
        "same": same,
        "shift": max(map(_shift, ours[:same], theirs[:same]), default=0.0),
        "candidates": _candidates(first, again, same) if result == "differs" else [],
        "conditions": _conditions(first, again),
    }


def _tokens(run: Run) -> list[Record]:
    """The records of an answer; those of a remote model are told apart by their text, having no ids."""
    return [{"id": record["t"], **record} for record in run.tokens or []]


def _common(ours: list[Record], theirs: list[Record]) -> int:
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((at for at, (a, b) in pairs if a["id"] != b["id"]), min(len(ours), len(theirs)))


def _result(first: Run, again: Run, same: int) -> str:
    lengths = len(_tokens(first)), len(_tokens(again))
    if same < min(lengths):
        return "differs"
    # Only the shorter answer tells nothing when it was cut short; of two equal ones both must be whole.
    shorter = [run for run, length in zip((first, again), lengths, strict=True) if length == same]
    if any(run.status != Status.SUCCEEDED for run in shorter):
        return "cut"
    is_one = lengths[0] == lengths[1] and first.finish_reason == again.finish_reason
    return "identical" if is_one else "differs"


def _shift(ours: Record, theirs: Record) -> float:
    a, b = _probability(ours, ours["id"]), _probability(theirs, theirs["id"])
    return 0.0 if a is None or b is None else abs(a - b)


def _candidates(first: Run, again: Run, at: int) -> list[Verdict]:
    """What each run has at token ``at``, with its probability in both; an end has no token."""
    places = [tokens[at] if at < len(tokens) else None for tokens in map(_tokens, (first, again))]
    found: list[Verdict] = []
    for run, record in zip((first, again), places, strict=True):
        if record is None:
            found.append({"text": None, "finish_reason": run.finish_reason, "p": [None, None]})
        else:
            chances = [place and _probability(place, record["id"]) for place in places]
            found.append({"text": _text(record), "id": record["id"], "p": chances})
    return found


def _text(record: Record) -> str:
    """A token's own text: what it adds may be empty, where it ends within a character."""
    names = {token_id: text for token_id, text, _ in record.get("top", [])}
    return names.get(record["id"]) or str(record["t"])


def _probability(place: Record, token_id: int) -> float | None:
    """Of a token at a place; None when it is neither the one there nor among those kept beside it."""
    chances = {text if kept is None else kept: logprob for kept, text, logprob in place.get("top", [])}
    if place["id"] == token_id:
        chances[token_id] = place.get("lp")
    logprob = chances.get(token_id)
    return None if logprob is None else exp(logprob)


def _conditions(first: Run, again: Run) -> list[Verdict]:
    """What was different, as far as both receipts know it."""
    pairs = [(words, first.receipt.get(key), again.receipt.get(key)) for key, words in CONDITIONS.items()]
    pairs.append(("prompt tokens reused", first.cached_tokens, again.cached_tokens))
    return [
        {"what": words, "first": _shown(ours), "again": _shown(theirs)}
        for words, ours, theirs in pairs
        if ours is not None and theirs is not None and ours != theirs
    ]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    return str(value)[:12] if len(str(value)) == 64 else str(value)
