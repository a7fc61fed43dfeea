"""What an OpenAI-compatible server streams: chunks, read into pieces of the answer.

Nothing here is trusted. What is not the protocol raises EngineError, a figure that is no figure counts as
not given, and text is made such that databases can hold it.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue, ValidationError

from inference.types import EngineError, ErrorCode, FinishReason, Guess, Usage

MOST_TOKENS = 2**31 - 1  # of a count that databases hold
MOST_GUESSES = 20  # beside one token
LONGEST_NOTE = 200  # characters of what a server says about itself


class _Entry(BaseModel):
    token: str
    logprob: float | None = None
    bytes: list[int] | None = None
    top_logprobs: list[_Entry] | None = None


class _Logprobs(BaseModel):
    content: list[_Entry] | None = None  # of the chat endpoint
    tokens: list[str] | None = None  # these three of the other one
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class _Delta(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    delta: _Delta | None = None
    text: str | None = None
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None
    stop_reason: JsonValue = None  # some servers tell the stop string that was met


class _CachedTokens(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _CachedTokens | None = None


class _Chunk(BaseModel):
    model: str | None = None
    system_fingerprint: str | None = None
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: JsonValue = None


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the answer before it has a place in it."""

    text: str
    logprob: float | None = None
    top: tuple[Guess, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk; ``reason`` is set by the last one with text, ``usage`` by any or none."""

    parts: tuple[Part, ...]
    reason: FinishReason | None
    usage: Usage | None
    served_by: str


def read(data: str, *, stops: bool) -> Chunk:
    """One event's data as a Chunk; ``stops`` says that stop strings were asked for.

    Raises EngineError for what is no chunk, and for the error that a server sends instead of one.
    """
    try:
        chunk = _Chunk.model_validate_json(data)
    except (ValidationError, RecursionError):
        raise EngineError(ErrorCode.UPSTREAM_FAILED, "something that is no answer") from None
    if chunk.error:
        raise EngineError(ErrorCode.UPSTREAM_FAILED, f"it says: {sentence(chunk.error)}")
    choice = chunk.choices[0] if chunk.choices else _Choice()
    text = (choice.delta.content if choice.delta else choice.text) or ""
    # An entry without text behind the answer is the token that ended it, which is no part of it.
    ended = choice.finish_reason is not None and not text
    entries = [] if ended else list(_entries(choice.logprobs))
    names = (chunk.model, chunk.system_fingerprint)
    return Chunk(
        tuple(_parts(text, entries)),
        _reason(choice, stops),
        _usage(chunk.usage),
        note(" ".join(name for name in names if name)),
    )


def sentence(error: JsonValue) -> str:
    """What the ``error`` of a server says, for people."""
    said = error.get("message") if isinstance(error, dict) else error
    return note(said if isinstance(said, str) else "") or "no reason"


def note(text: str) -> str:
    """A server's words as one short line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:2000]).split())[:LONGEST_NOTE]


def _reason(choice: _Choice, stops: bool) -> FinishReason | None:
    match choice.finish_reason:
        case None:
            return None
        case "length":
            return FinishReason.LENGTH
        case "content_filter":
            raise EngineError(ErrorCode.UPSTREAM_REFUSED, "its filter held the answer back")
    if isinstance(choice.stop_reason, str):
        return FinishReason.STOP_STRING
    return FinishReason.SERVER_STOP if stops else FinishReason.STOP


def _usage(said: _Usage | None) -> Usage | None:
    if said is None or (completion := _count(said.completion_tokens)) is None:
        return None
    details = said.prompt_tokens_details
    cached = _count(details.cached_tokens) if details else None
    return Usage(_count(said.prompt_tokens), cached or 0, completion)


def _count(number: int | None) -> int | None:
    return number if number is not None and 0 <= number <= MOST_TOKENS else None


# --- text and figures


def _entries(logprobs: _Logprobs | None) -> Iterator[_Entry]:
    """The tokens of a chunk in the form of the chat endpoint."""
    if logprobs is None:
        return
    if logprobs.content is not None:
        yield from logprobs.content
        return
    tokens = logprobs.tokens or []
    figures = logprobs.token_logprobs or [None] * len(tokens)
    tops = logprobs.top_logprobs or [None] * len(tokens)
    for token, figure, top in zip(tokens, figures, tops, strict=False):
        others = [_Entry(token=text, logprob=logprob) for text, logprob in (top or {}).items()]
        yield _Entry(token=token, logprob=figure, top_logprobs=others)


def _parts(text: str, entries: Sequence[_Entry]) -> Iterator[Part]:
    """The text cut into its tokens; uncut and without figures where the entries are of another text."""
    for texts in ([entry.token for entry in entries], _decoded(entries), [text]):
        if len(texts) == len(entries) and "".join(texts) == text:
            yield from (_part(own, entry) for own, entry in zip(texts, entries, strict=True))
            return
    if text:
        yield Part(clean(text))


def _decoded(entries: Sequence[_Entry]) -> list[str]:
    """What each token adds by its bytes: one that ends within a character adds nothing yet."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    found = []
    for entry in entries:
        octets = [octet & 0xFF for octet in entry.bytes or []]
        found.append(decoder.decode(bytes(octets)))
    return found


def _part(text: str, entry: _Entry) -> Part:
    top = [(clean(other.token), _logprob(other.logprob)) for other in entry.top_logprobs or []]
    known = [Guess(token, logprob) for token, logprob in top if logprob is not None]
    known.sort(key=lambda guess: -guess.logprob)
    return Part(clean(text), _logprob(entry.logprob), tuple(known[:MOST_GUESSES]))


def _logprob(value: float | None) -> float | None:
    """A log-probability; rounding makes some servers send a little more than 0."""
    if value is None or not math.isfinite(value) or value > 0.01:
        return None
    return min(value, 0.0)


def clean(text: str) -> str:
    """``text`` without what databases and UTF-8 cannot hold."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
