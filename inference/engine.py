"""The engine: many requests, one model, one thread that computes them together step by step."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer

from inference import door
from inference.answer import Answer
from inference.config import EngineConfig
from inference.detokenizer import TokenTexts
from inference.loader import context_window, eos_ids
from inference.sampler import Draw, sample
from inference.scheduler import Batch, Scheduler
from inference.self_test import choose_runner
from inference.sequence import Sequence
from inference.stream import Stream
from inference.types import EngineError, EngineStats, ErrorCode, FinishReason, GenerationRequest

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What a receipt needs to know about the engine that wrote an answer."""

    dtype: str
    device: str
    attention: str  # flat, or sequential: the correct slow path
    note: str  # why the slow path was taken, or empty
    self_test_error: float  # difference of logits from the plain model, in units of their spread
    window: int
    slot_tokens: int
    capacity: int
    vocabulary: int
    threads: int
    versions: dict[str, str]


class Engine:
    """Runs requests in one batch and streams their tokens. A model belongs to one engine at a time.

    ``submit``, ``cancel``, ``stats`` and ``stop`` may be called from any thread. An exception in
    the forward pass ends the engine: all its requests fail, and it must be built anew. An
    exception in the work for one request fails that request alone.
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
        chosen = choose_runner(model, self.config, window)
        self._runner = chosen.runner
        self._limits = door.Limits(window, chosen.slot_tokens, model.config.get_text_config().vocab_size)
        self._scheduler = _scheduler(self.config, chosen.slot_tokens, chunks=chosen.runner.chunks)
        self.info = EngineInfo(
            dtype=str(model.dtype).removeprefix("torch."),
            device=str(model.device),
            attention=chosen.runner.name,
            note=chosen.note,
            self_test_error=chosen.error,
            window=window,
            slot_tokens=chosen.slot_tokens,
            capacity=self.config.max_running,
            vocabulary=self._limits.vocabulary,
            threads=self.config.threads or torch.get_num_threads(),
            versions={"torch": torch.__version__, "transformers": transformers.__version__},
        )
        # Guards what callers and the engine's thread share: the three collections and the flags.
        self._changed = Condition()
        self._streams: dict[str, Stream] = {}
        self._submitted: deque[Answer] = deque()
        self._cancelled: set[str] = set()
        self._accepting = True
        self._stopping = False
        self._error = ""
        self._load = _Load()
        # The rest belongs to the engine's thread.
        self._answers: dict[str, Answer] = {}
        self._thread = Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Start the engine's thread, once. What was submitted before waits for it."""
        self._thread.start()

    def submit(self, request: GenerationRequest) -> Stream:
        """Queue a request. Raises EngineError, with the numbers, for what cannot be run."""
        door.check(request, self._limits)
        stream = Stream(request.request_id)
        answer = Answer(Sequence(request), stream, self._tokenizer, self._texts, self._eos_ids)
        with self._changed:
            self._check_open(request.request_id)
            self._streams[request.request_id] = stream
            self._submitted.append(answer)
            self._changed.notify_all()
        return stream

    def cancel(self, request_id: str) -> None:
        """End a request at the next step, waiting or running; an unknown or ended one is ignored."""
        with self._changed:
            if request_id in self._streams:
                self._cancelled.add(request_id)
                self._changed.notify_all()

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

    def step(self) -> bool:
        """One round of the engine's thread; False if there was nothing to compute."""
        self._take_submitted()
        self._end_cancelled()
        batch = self._scheduler.plan()
        self._note_load()
        if not batch.pieces:
            return False
        self._announce(batch)
        logits = self._runner.run(batch)
        self._scheduler.advance(batch)
        self._deliver(batch, self._sample(batch, logits))
        self._note_load(steps=1)
        return True

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
        for piece in batch.pieces:
            if piece.start == 0:
                self._answers[piece.request_id].start()

    def _sample(self, batch: Batch, logits: torch.Tensor) -> list[Draw | None]:
        if not batch.samples:
            return []
        sequences = [self._answers[piece.request_id].sequence for piece in batch.samples]
        return sample(logits, [(s.request.sampling, len(s.generated)) for s in sequences])

    def _deliver(self, batch: Batch, draws: list[Draw | None]) -> None:
        for piece, draw in zip(batch.samples, draws, strict=True):
            answer = self._answers[piece.request_id]
            if draw is None:
                answer.fail(ErrorCode.NUMERIC_FAULT, "The model's numbers are not finite for this prompt.")
            else:
                answer.sequence.append(draw.id)
                with _fails_alone(answer):
                    answer.add(draw)
            if answer.ended:
                self._close(answer)

    def _close(self, answer: Answer) -> None:
        sequence = answer.sequence
        # Numbers that led to no token may be faulty, and nobody has looked at them.
        if sequence.slot is not None and (answer.failed or not sequence.generated):
            self._runner.clear(sequence.slot, sequence.computed)
        self._scheduler.end(sequence)
        del self._answers[sequence.id]
        with self._changed:
            self._streams.pop(sequence.id, None)
            self._cancelled.discard(sequence.id)
            self._changed.notify_all()

    def _note_load(self, steps: int = 0) -> None:
        scheduler = self._scheduler
        self._load = _Load(self._load.steps + steps, scheduler.running, scheduler.tokens_used)

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

    def _check_open(self, request_id: str) -> None:
        if not self._accepting:
            raise EngineError(ErrorCode.ENGINE_FAILED, self._error or "The engine is not running.")
        if request_id in self._streams:
            raise EngineError(ErrorCode.INVALID_REQUEST, f"Request {request_id} is already running.")
        most = self.config.max_running + self.config.max_waiting
        if len(self._streams) >= most:
            raise EngineError(ErrorCode.ENGINE_BUSY, f"{most} requests are already running or waiting.")


@dataclass(frozen=True, slots=True)
class _Load:
    """What other threads may know of the scheduler; replaced as a whole."""

    steps: int = 0
    running: int = 0
    tokens: int = 0


@contextmanager
def _fails_alone(answer: Answer) -> Iterator[None]:
    """A fault in the text of one request is no reason to end its neighbours."""
    try:
        yield
    except Exception as fault:
        logger.exception("request %s fails", answer.sequence.id)
        answer.fail(ErrorCode.ENGINE_FAILED, f"{type(fault).__name__}: {fault}")


def _scheduler(config: EngineConfig, slot_tokens: int, *, chunks: bool) -> Scheduler:
    if chunks:
        return Scheduler(config.max_running, slot_tokens, config.prefill_budget, config.idle_prefill_budget)
    # Whole prompts only: one at a time is already the slow path.
    return Scheduler(config.max_running, slot_tokens, slot_tokens, slot_tokens)
