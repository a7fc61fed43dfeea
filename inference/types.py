"""Records that cross the door of the engine. No torch, no Django.

A caller builds a :class:`GenerationRequest`, the engine answers with :data:`TokenEvent` records:
one :class:`Started`, a :class:`Scored` for each prompt token whose probability was asked for, a
:class:`NextToken` if the whole distribution was, any number of :class:`Token` (a remote model: of
:class:`Piece`), then exactly one :class:`Finished` or :class:`Failed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

Message = Mapping[str, str]  # "role" and "content"


class FinishReason(StrEnum):
    """Why a generation ended without a fault."""

    STOP = "stop"  # the model wrote an end-of-sequence token
    LENGTH = "length"  # max_new_tokens were written
    STOP_STRING = "stop_string"  # one of the caller's stop strings appeared
    SERVER_STOP = "server_stop"  # a remote server ended it, by itself or at a stop string: it does not say
    CANCELLED = "cancelled"


class ErrorCode(StrEnum):
    """Faults of the engine; the callers' published list of error codes contains each of them."""

    CONTEXT_OVERFLOW = "context_overflow"  # prompt + max_new_tokens exceed the window
    CACHE_OVERFLOW = "cache_overflow"  # they fit the window, but not the key-value cache
    INVALID_REQUEST = "invalid_request"  # empty prompt, id out of range, contradictory settings
    ENGINE_BUSY = "engine_busy"  # the engine's own queue is full
    ENGINE_FAILED = "engine_failed"  # the forward pass raised, or the engine is stopped
    NUMERIC_FAULT = "numeric_fault"  # the logits of this request are not finite
    OUT_OF_MEMORY = "out_of_memory"  # the device has no room for this request, even alone
    UPSTREAM_REFUSED = "upstream_refused"  # the server of a remote model does not take the request
    UPSTREAM_BUSY = "upstream_busy"  # it takes no more requests now
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_FAILED = "upstream_failed"  # it broke, or answered what is not the protocol


class Priority(IntEnum):
    """Lower goes first; a waiting request may take the place of a running one with a higher number."""

    INTERACTIVE = 0  # somebody is looking
    BATCH = 1
    PREFETCH = 2  # only fills the prefix cache; dropped as soon as anything else needs its place


class EngineError(Exception):
    """A request that the engine refuses or could not finish: ``code`` is one of ErrorCode."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen.

    First the logits are changed, for greedy and sampled tokens alike: repetition penalty (over prompt
    and answer), presence and frequency penalty (over the answer), logit bias. With ``greedy`` the
    arg-max is taken and the rest is ignored. Otherwise temperature, top-k, top-p and min-p follow in
    this order, each as transformers' processor of that name does it.
    """

    max_new_tokens: int = 64  # 0: nothing is generated, the prompt is only scored or cached
    greedy: bool = True
    temperature: float = 1.0  # > 0
    top_k: int = 0  # 0: off
    top_p: float = 1.0  # (0, 1]; 1: off
    min_p: float = 0.0  # [0, 1]; 0: off
    repetition_penalty: float = 1.0  # > 0; 1: off
    presence_penalty: float = 0.0  # taken from the logit of every token the answer has
    frequency_penalty: float = 0.0  # the same for each time the answer has it
    logit_bias: tuple[tuple[int, float], ...] = ()  # token id and what is added to its logit
    seed: int = 0  # draws depend on the seed and the position only, never on the batch
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False
    alternatives: int = 5  # most likely tokens reported with each token


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One prompt to continue. ``prompt_ids`` are token ids of the model's own tokenizer.

    ``score_from`` asks for a Scored event for every prompt token from that index on; the first
    prompt token has no probability, so 0 means 1. ``next_token`` asks for the whole distribution
    after the prompt. ``user`` is whom the engine is fair to. ``source_ids`` are what the encoder of
    an encoder-decoder model reads; ``prompt_ids`` are then the beginning of what its decoder writes.
    The last ``begun`` tokens of ``prompt_ids`` are the beginning of the answer, chosen by the caller:
    they have no Token events, but draws, penalties, half characters and stop strings go on from them
    as if the model had written them. A stop string that is whole within them is not looked for.

    A remote model has a tokenizer of its own: it gets ``messages``, or ``text`` when there are none, and
    no ids.
    """

    request_id: str
    prompt_ids: tuple[int, ...] = ()
    sampling: SamplingParams = field(default_factory=SamplingParams)
    score_from: int | None = None
    next_token: bool = False
    user: str = ""
    priority: Priority = Priority.INTERACTIVE
    source_ids: tuple[int, ...] = ()
    begun: int = 0
    text: str = ""
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Alternative:
    """A candidate for one position; ``logprob`` is the natural log of the raw softmax."""

    id: int
    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one generation; ``cached_tokens`` of the prompt were not computed again.

    ``prompt_tokens`` is None where a remote server did not tell.
    """

    prompt_tokens: int | None
    cached_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Started:
    """The first forward pass of the request has begun.

    ``served_by`` is what a remote server calls the model that answers; it tells its counts at the end.
    """

    request_id: str
    prompt_tokens: int | None
    cached_tokens: int
    served_by: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """The probability of one prompt token after those before it; the fields are those of Token."""

    request_id: str
    index: int  # in the prompt; never 0
    id: int
    text: str  # of this token alone, as shown beside its probability
    logprob: float
    rank: int
    top: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class NextToken:
    """The raw logits after the prompt less the highest of them: little-endian float16, one for each id.

    Near 0 a float16 is finest, so likely tokens keep their probability to four digits.
    """

    request_id: str
    logits: bytes


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token.

    ``text`` is what this token adds to the answer, whole characters only: a token that ends in the middle
    of a character carries the whole ones before it, and the token that completes it has all of that one.
    An event is held back while its text could still become part of a stop string; text that
    belongs to a stop string is never sent (a token cut by one carries only what precedes it).
    ``rank`` is 1 for the most likely token of the raw distribution.
    """

    request_id: str
    index: int  # 0 for the first generated token
    id: int
    text: str
    logprob: float
    rank: int
    top: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Guess:
    """A candidate that a remote server names: as an Alternative, but its ids are not ours."""

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A token of a remote model, or several of them where its server does not tell them apart.

    ``text`` and what is held back are as in Token. ``logprob`` is None where the server gives none.
    """

    request_id: str
    index: int
    text: str
    logprob: float | None = None
    top: tuple[Guess, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of a request that ended without a fault.

    ``ending`` is the end-of-sequence token that ended the answer, whose text is empty: it is counted, but
    there is no Token event for it.
    """

    request_id: str
    reason: FinishReason
    usage: Usage
    ending: Token | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of a request that ended by a fault."""

    request_id: str
    code: ErrorCode
    message: str


TokenEvent = Started | Scored | NextToken | Token | Piece | Finished | Failed


@dataclass(frozen=True, slots=True)
class EngineStats:
    """A snapshot for health and scheduling.

    ``progress`` grows by one with every completed step: while work exists and it stands still,
    the engine hangs.
    """

    alive: bool
    progress: int
    running: int
    waiting: int
    capacity: int  # requests that can run in one batch
    cache_tokens_used: int  # of running requests
    cache_tokens_total: int
    prefix_tokens_held: int = 0  # in the prefix cache, used or not
    prefix_tokens_total: int = 0
    tokens_computed: int = 0
    tokens_reused: int = 0  # prompt tokens that were not computed, because the cache held them
    preemptions: int = 0
    stage_seconds: dict[str, float] = field(default_factory=dict)  # time of all steps by stage
    error: str = ""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What a receipt needs to know about the engine that wrote an answer."""

    dtype: str
    device: str
    exact: bool  # greedy tokens do not depend on the batch; below float32 rounding may change them
    attention: str  # flat, or sequential: the correct slow path
    note: str  # why the slow path was taken, or empty
    modules: dict[str, int]  # modules that were swapped for faster ones, by kind
    self_test_error: float  # difference of logits from the plain model, in units of their spread
    window: int
    slot_tokens: int
    prefix_tokens: int  # room of the prefix cache
    capacity: int
    vocabulary: int
    threads: int
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class RemoteInfo:
    """The same of a remote model, which nobody here saw compute."""

    endpoint: str
    remote_model: str  # what its server is asked for
    window: int  # as the operator says; 0 is not known
    dtype: str = ""
    device: str = "remote"
    note: str = ""


# What an encoder answers: see inference/fill.py.


@dataclass(frozen=True, slots=True)
class MaskCandidates:
    """What one mask may be while the other masks of its text stay masked, the most likely first."""

    position: int  # in the token ids
    range: tuple[int, int] | None  # start and end of the mask in characters, if the text was given as such
    candidates: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class JointFilling:
    """One way to fill all masks of a text together.

    ``tokens`` has one for each mask, by position; their log-probabilities are given those that were
    filled before. ``order`` has the indices of ``tokens`` in the order in which they were filled.
    """

    logprob: float  # the sum of those of the tokens
    tokens: tuple[Alternative, ...]
    order: tuple[int, ...]
    text: str  # the whole filled text as the tokenizer writes it, without special tokens


@dataclass(frozen=True, slots=True)
class Filled:
    """The answer for one text with masks; ``joint`` has the most likely filling first."""

    ids: tuple[int, ...]  # of the text, as the model was given it
    masks: tuple[MaskCandidates, ...]
    joint: tuple[JointFilling, ...]
