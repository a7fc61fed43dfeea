"""The engine: many requests, one model, one thread that computes them together step by step."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Ids
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Condition, Thread
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer
from torch import Tensor

from inference import door
from inference.answer import Answer
from inference.blocks import BlockPool
from inference.config import EngineConfig
from inference.detokenizer import TokenTexts
from inference.loader import context_window, eos_ids
from inference.own_thread import in_own_thread
from inference.pace import Pace
from inference.sampler import Draw, Row, sample
from inference.scheduler import Batch, Piece, Scheduler
from inference.self_test import Chosen, choose_runner
from inference.sequence import Sequence
from inference.stopwatch import Stopwatch
from inference.stream import Stream
from inference.types import (
    EngineError,
    EngineInfo,
    EngineStats,
    ErrorCode,
    Failed,
    FinishReason,
    GenerationRequest,
    NextToken,
    Priority,
    SamplingParams,
    Scored,
)

logger = logging.getLogger(__name__)

_MOST_PREFETCHES = 8  # prompts that are being written, of all users
_GATHER = 0.005  # seconds that an idle engine waits for the company of a request
_GATHER_MOST = 0.04  # seconds in all, while more and more requests come


class Engine:
    """Runs requests in one batch and streams their tokens. A model belongs to one engine at a time.

    All public methods may be called from any thread. A forward pass that raises is tried once more;
    if it raises again the engine ends: all its requests fail, and it must be built anew. Without
    memory the batch is made smaller instead. An exception in the work for one request fails that
    request alone.
    """

    def __init__(self, model: Any, tokenizer: Tokenizer, config: EngineConfig | None = None) -> None:
        """Choose and test the way the model is run; takes about a second for a small model.

        Raises UnsupportedModelError for a model that computes wrong logits on every path, ValueError
        if neither the model nor ``config`` limits the window or if the cache is too small.
        """
        self.config = config or EngineConfig()
        self._tokenizer = tokenizer
        self._texts = TokenTexts(tokenizer)
        self._eos_ids = eos_ids(model)
        window = min(filter(None, (context_window(model), self.config.window)), default=0)
        if not window:
            raise ValueError("the model names no context window: set one in the configuration")
        chosen = in_own_thread(lambda: choose_runner(model, self.config, window))
        self._runner = chosen.runner
        vocabulary = model.config.get_text_config().vocab_size
        source = window if model.config.is_encoder_decoder else 0
        self._limits = door.Limits(window, chosen.slot_tokens, vocabulary, source)
        self._pace, self._scheduler = _scheduler(self.config, chosen, self._wipe)
        self.info = _info(model, self.config, chosen, self._limits)
        # Guards what callers and the engine's thread share: the three collections and the flags.
        self._changed = Condition()
        self._streams: dict[str, Stream] = {}
        self._submitted: deque[Answer] = deque()
        self._cancelled: set[str] = set()
        self._prefetches: dict[str, str] = {}  # user: request id
        self._numbers = count()
        self._accepting = True
        self._stopping = False
        self._error = ""
        self._load = _Load()
        # The rest belongs to the engine's thread.
        self._answers: dict[str, Answer] = {}
        self._steps = 0
        self._stopwatch = Stopwatch()
        self._thread = Thread(target=self._run, name="engine", daemon=True)

    # The door

    def start(self) -> None:
        """Start the engine's thread, once. What was submitted before waits for it."""
        self._thread.start()

    def submit(self, request: GenerationRequest) -> Stream:
        """Queue a request. Raises EngineError, with the numbers, for what cannot be run."""
        return self.submit_all([request])[0]

    def submit_all(self, requests: Ids[GenerationRequest]) -> list[Stream]:
        """Queue all of the requests or none: they meet in one step, so what they share is computed once."""
        for request in requests:
            door.check(request, self._limits)
        answers = [self._answer(request) for request in requests]
        with self._changed:
            self._check_open([request.request_id for request in requests])
            self._streams.update((answer.sequence.id, answer.stream) for answer in answers)
            self._submitted.extend(answers)
            self._changed.notify_all()
        return [answer.stream for answer in answers]

    def cancel(self, request_id: str) -> None:
        """End a request at the next step, waiting or running; an unknown or ended one is ignored."""
        with self._changed:
            if request_id in self._streams:
                self._cancelled.add(request_id)
                self._changed.notify_all()

    def score(
        self, prompt_ids: Ids[int], targets: Ids[Ids[int]], *, alternatives: int = 0, user: str = ""
    ) -> list[list[Scored]]:
        """Log-probabilities of each target's tokens behind the prompt, which is computed once.

        Waits for the result. Raises EngineError if the request cannot be run or ends by a fault.
        """
        sampling = SamplingParams(max_new_tokens=0, alternatives=alternatives)
        name = f"score/{next(self._numbers)}"
        requests = [
            GenerationRequest(
                f"{name}/{number}",
                (*prompt_ids, *target),
                sampling,
                score_from=len(prompt_ids),
                user=user,
                priority=Priority.BATCH,
            )
            for number, target in enumerate(targets)
        ]
        streams = self.submit_all(requests)
        return [[event for event in _checked(stream) if isinstance(event, Scored)] for stream in streams]

    def next_token(self, prompt_ids: Ids[int], *, user: str = "") -> bytes:
        """Logits over the full vocabulary for the token behind the prompt, as NextToken has them.

        Waits for the result. Raises EngineError if the request cannot be run or ends by a fault.
        """
        sampling = SamplingParams(max_new_tokens=0, alternatives=0)
        name = f"next/{next(self._numbers)}"
        request = GenerationRequest(name, tuple(prompt_ids), sampling, next_token=True, user=user)
        events = list(_checked(self.submit(request)))
        return next(event.logits for event in events if isinstance(event, NextToken))

    def prefetch(self, prompt_ids: Ids[int], *, user: str = "") -> bool:
        """Compute a prompt that somebody is still writing, when there is nothing else to do.

        It replaces the one before of the same user. False if there is nothing to gain or no room.
        """
        size = self.config.block_tokens
        ids = tuple(prompt_ids[: len(prompt_ids) // size * size])
        sampling = SamplingParams(max_new_tokens=0)
        name = f"prefetch/{next(self._numbers)}"
        request = GenerationRequest(name, ids, sampling, user=user, priority=Priority.PREFETCH)
        with self._changed:
            earlier = self._prefetches.pop(user, "")
            room = len(self._prefetches) < _MOST_PREFETCHES
        self.cancel(earlier)
        if not ids or not self._runner.blocks or not room:
            return False
        try:
            self.submit(request)
        except EngineError:
            return False  # the run itself will say why
        with self._changed:
            self._prefetches[user] = name
        return True

    def stats(self) -> EngineStats:
        """A snapshot that never waits for a step; the counts may be one step apart."""
        with self._changed:
            load = self._load
            return EngineStats(
                alive=self._thread.is_alive() and not self._error,
                progress=load.steps,
                running=load.running,
                waiting=max(0, len(self._streams) - load.running),
                capacity=self.config.max_running,
                cache_tokens_used=load.tokens,
                cache_tokens_total=self.config.max_running * self._limits.slot_tokens,
                prefix_tokens_held=load.prefix_tokens,
                prefix_tokens_total=self.info.prefix_tokens,
                tokens_computed=load.computed,
                tokens_reused=load.reused,
                preemptions=load.preemptions,
                stage_seconds=load.stages,
                error=self._error,
            )

    def stop(self, drain_seconds: float = 0.0) -> None:
        """Refuse new requests, let open ones run for ``drain_seconds``, then fail what is left.

        Returns at most about a second later, even if the forward pass hangs.
        """
        with self._changed:
            self._accepting = False
            self._changed.wait_for(lambda: not self._streams, timeout=drain_seconds)
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)
        self._fail_all("The engine was stopped.")

    # A step

    def step(self) -> bool:
        """One round of the engine's thread; False if there was nothing to do."""
        began = self._stopwatch.total
        with self._stopwatch("schedule"):
            self._take_submitted()
            self._end_cancelled()
            batch = self._scheduler.plan()
            self._announce(batch)
        try:
            with self._stopwatch("forward"):
                logits = self._forward(batch)
            with self._stopwatch("sample"):
                draws = self._sample(batch, logits)
        except Exception as fault:
            if not _is_lack_of_memory(fault):
                raise
            self._make_smaller(batch)  # nothing of it counts yet; the next round plans another one
            return True
        with self._stopwatch("deliver"):
            self._scheduler.advance(batch)
            self._deliver(batch, draws, logits)
            ended = self._end_finished()
        self._note(batch, self._stopwatch.total - began)
        return bool(batch.all) or ended

    def _take_submitted(self) -> None:
        with self._changed:
            submitted = list(self._submitted)
            self._submitted.clear()
        for answer in submitted:
            self._answers[answer.sequence.id] = answer
            self._scheduler.add(answer.sequence)

    def _end_cancelled(self) -> None:
        with self._changed:
            # One that was submitted a moment ago stays for the next step.
            cancelled = self._cancelled & self._answers.keys()
        for request_id in cancelled:
            answer = self._answers[request_id]
            with _fails_alone(answer):
                answer.finish(FinishReason.CANCELLED)
            self._close(answer)

    def _announce(self, batch: Batch) -> None:
        for piece in batch.all:
            self._answers[piece.request_id].start(piece.start)

    def _forward(self, batch: Batch) -> Tensor:
        if not batch.all:
            return torch.empty(0, 0)
        try:
            return self._runner.run(batch)
        except Exception as fault:
            if _is_lack_of_memory(fault) or not self._runner.repeatable:
                raise
            logger.exception("a forward pass failed; it is tried once more")
            return self._runner.run(batch)

    def _sample(self, batch: Batch, logits: Tensor) -> list[Draw | None]:
        if not len(logits):
            return []
        rows = [
            _row(self._answers[piece.request_id].sequence, position)
            for piece in batch.all
            for position in _wanted(piece)
        ]
        return sample(logits, rows)

    def _deliver(self, batch: Batch, draws: list[Draw | None], logits: Tensor) -> None:
        at = 0
        for piece in batch.all:
            answer = self._answers[piece.request_id]
            for row in range(at, at + piece.wanted):
                if not answer.ended:
                    with _fails_alone(answer):
                        self._deliver_row(
                            answer, piece.stop - piece.wanted + row - at, draws[row], logits[row]
                        )
            at += piece.wanted
            if answer.ended:
                self._close(answer)

    def _deliver_row(self, answer: Answer, position: int, draw: Draw | None, logits: Tensor) -> None:
        sequence = answer.sequence
        if draw is None:
            answer.fail(ErrorCode.NUMERIC_FAULT, "The model's numbers are not finite for this prompt.")
            return
        sequence.report(position)
        if position == sequence.prompt_length - 1 and sequence.request.next_token:
            answer.next_token((logits - logits.max()).half().cpu().numpy().astype("<f2").tobytes())
        if sequence.after(position) is not None:
            answer.score(position + 1, draw)
        elif sequence.generates:
            sequence.append(draw.id)
            answer.add(draw)

    def _end_finished(self) -> bool:
        finished = self._scheduler.finished()
        for sequence in finished:
            answer = self._answers[sequence.id]
            answer.start(sequence.prompt_length)
            answer.finish(FinishReason.LENGTH)
            self._close(answer)
        return bool(finished)

    def _close(self, answer: Answer) -> None:
        sequence = answer.sequence
        # Numbers may be faulty that nobody has looked at, as nobody ever does at those of a prefetch.
        unseen = not sequence.seen
        if answer.failed or unseen or not self._runner.chunks:
            self._wipe(sequence)
        faulty = answer.failed or (unseen and sequence.request.priority is not Priority.PREFETCH)
        self._scheduler.end(sequence, faulty=faulty)
        del self._answers[sequence.id]
        with self._changed:
            self._streams.pop(sequence.id, None)
            self._cancelled.discard(sequence.id)
            if self._prefetches.get(sequence.request.user) == sequence.id:
                del self._prefetches[sequence.request.user]
            self._changed.notify_all()
        assert answer.final is not None
        answer.stream.put(answer.final)

    def _wipe(self, sequence: Sequence) -> None:
        """The next owner of the slot must not meet numbers that are not finite."""
        if sequence.slot is not None and sequence.base is not None:
            self._runner.clear(sequence.slot, max(0, sequence.computed - sequence.base))

    # The thread

    def _run(self) -> None:
        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        try:
            while not self._stopping:
                if not self.step():
                    self._wait_for_work()
        except Exception as fault:
            logger.exception("the engine stops after a fault in its step")
            self._die(f"{type(fault).__name__}: {fault}")

    def _wait_for_work(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._submitted or self._cancelled or self._stopping)
        # Requests that belong together come within a moment, each by a thread of its own. In one step their
        # prompts take less time than one after the other beside running answers.
        present, latest = 0, time.monotonic() + _GATHER_MOST
        while present < len(self._submitted) and time.monotonic() < latest:
            present = len(self._submitted)
            time.sleep(_GATHER)

    def _note(self, batch: Batch, seconds: float) -> None:
        if batch.all:
            self._pace.note(seconds, rows=len(batch.rows), prompt_tokens=batch.prompt_tokens)
            self._steps += 1
        scheduler = self._scheduler
        self._load = _Load(
            self._steps,
            scheduler.running,
            scheduler.tokens_used,
            scheduler.pool.held * self.config.block_tokens,
            scheduler.tokens_computed,
            scheduler.tokens_reused,
            scheduler.preemptions,
            self._stopwatch.seconds,
        )

    def _make_smaller(self, batch: Batch) -> None:
        """The device has no room for the batch: half of it waits, or the only request fails."""
        if self._scheduler.running > 1:
            # Whose cache cannot be written again begins anew.
            victims = self._scheduler.shrink(all_begin_anew=not self._runner.repeatable)
            logger.warning("no memory for this batch; %d requests wait until others end", len(victims))
        else:
            answer = self._answers[batch.all[0].request_id]
            message = "The machine has no memory for this request; shorten the prompt or the answer."
            answer.fail(ErrorCode.OUT_OF_MEMORY, message)
            self._close(answer)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _die(self, error: str) -> None:
        with self._changed:
            self._accepting = False
            self._error = error
        self._fail_all(f"The engine failed: {error}")

    def _fail_all(self, message: str) -> None:
        with self._changed:
            streams = list(self._streams.values())
            self._streams.clear()
            self._changed.notify_all()
        for stream in streams:
            stream.fail(ErrorCode.ENGINE_FAILED, message)

    def _answer(self, request: GenerationRequest) -> Answer:
        stream = Stream(request.request_id)
        return Answer(Sequence(request), stream, self._tokenizer, self._texts, self._eos_ids)

    def _check_open(self, request_ids: list[str]) -> None:
        if not self._accepting:
            raise EngineError(ErrorCode.ENGINE_FAILED, self._error or "The engine is not running.")
        for request_id in request_ids:
            if request_id in self._streams or request_ids.count(request_id) > 1:
                raise EngineError(ErrorCode.INVALID_REQUEST, f"Request {request_id} is already running.")
        most = self.config.max_running + self.config.max_waiting
        if len(self._streams) + len(request_ids) > most:
            raise EngineError(ErrorCode.ENGINE_BUSY, f"{most} requests are already running or waiting.")


@dataclass(frozen=True, slots=True)
class _Load:
    """What other threads may know of the scheduler; replaced as a whole."""

    steps: int = 0
    running: int = 0
    tokens: int = 0
    prefix_tokens: int = 0
    computed: int = 0
    reused: int = 0
    preemptions: int = 0
    stages: dict[str, float] = field(default_factory=dict)


def _wanted(piece: Piece) -> range:
    """Positions whose logits the runner gives."""
    return range(piece.stop - piece.wanted, piece.stop)


def _row(sequence: Sequence, position: int) -> Row:
    """What the sampler is asked for behind a position."""
    request = sequence.request
    given = sequence.after(position)
    at = request.begun + len(sequence.generated) if given is None else -1
    answer = [*sequence.begun_ids, *sequence.generated] if request.begun else sequence.generated
    return Row(request.sampling, at, request.prompt_ids, answer, given)


def _checked(stream: Stream) -> Iterator[Any]:
    """The events of a stream. Raises EngineError where it ends by a fault."""
    for event in stream:
        if isinstance(event, Failed):
            raise EngineError(event.code, event.message)
        yield event


@contextmanager
def _fails_alone(answer: Answer) -> Iterator[None]:
    """A fault in the text of one request is no reason to end its neighbours."""
    try:
        yield
    except Exception as fault:
        logger.exception("request %s fails", answer.sequence.id)
        answer.fail(ErrorCode.ENGINE_FAILED, f"{type(fault).__name__}: {fault}")


def _is_lack_of_memory(fault: Exception) -> bool:
    # The allocator of CPUs raises a plain RuntimeError.
    return isinstance(fault, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(fault)


def _scheduler(
    config: EngineConfig, chosen: Chosen, vacate: Callable[[Sequence], None]
) -> tuple[Pace, Scheduler]:
    budget = config.prefill_budget
    pace = Pace(first=budget or 32, least=budget or 12, most=budget or 512)
    scheduler = Scheduler(
        config.max_running,
        chosen.slot_tokens,
        pool=BlockPool(chosen.runner.blocks),
        block_tokens=config.block_tokens,
        share_from=config.share_from,
        pace=pace,
        idle_budget=config.idle_prefill_budget,
        chunks=chosen.runner.chunks,
        secret=_by_user if config.sharing == "user" else _for_all,
        vacate=vacate,
    )
    return pace, scheduler


def _by_user(request: GenerationRequest) -> bytes:
    return request.user.encode()


def _for_all(request: GenerationRequest) -> bytes:
    return b""


def _info(model: Any, config: EngineConfig, chosen: Chosen, limits: door.Limits) -> EngineInfo:
    return EngineInfo(
        dtype=str(model.dtype).removeprefix("torch."),
        device=str(model.device),
        exact=model.dtype is torch.float32,
        attention=chosen.runner.name,
        note=chosen.note,
        modules=chosen.modules,
        self_test_error=chosen.error,
        window=limits.window,
        slot_tokens=chosen.slot_tokens,
        prefix_tokens=chosen.runner.blocks * config.block_tokens,
        capacity=config.max_running,
        vocabulary=limits.vocabulary,
        threads=config.threads or torch.get_num_threads(),
        versions={"torch": torch.__version__, "transformers": transformers.__version__},
    )
