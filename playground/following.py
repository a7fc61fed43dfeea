"""One attempt of one run, from submit to its terminal row. Runs in a thread of its own."""

import time
from dataclasses import asdict
from math import fsum
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.utils import timezone

from inference.types import (
    EngineError,
    EngineStats,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    Piece,
    Priority,
    SamplingParams,
    Scored,
    Started,
    Token,
    Usage,
)
from playground import catalog, run_news
from playground.errors import RUN_ERRORS
from playground.events import token_record
from playground.limits import LIMITS
from playground.models import Run, SearchEntry
from playground.models.run import STOPPED, Kind, Outcome, Status
from playground.publisher import Line
from playground.threads import database

if TYPE_CHECKING:
    from inference.stream import Stream


class Door(Protocol):
    """What is used of the engine."""

    @property
    def info(self) -> Any: ...  # a dataclass for the receipt

    def submit(self, request: GenerationRequest) -> "Stream": ...

    def cancel(self, request_id: str) -> None: ...

    def stats(self) -> EngineStats: ...


class Serving(Protocol):
    """What is used of the worker."""

    @property
    def engine(self) -> Door: ...

    @property
    def must_hand_back(self) -> bool: ...

    def drop(self, line: Line) -> None: ...


class Following:
    """Follows the engine's stream; the worker says when to hand back, the line when to stop."""

    def __init__(self, worker: Serving, run: Run, line: Line) -> None:
        self.worker = worker
        self.run = run
        self.line = line
        self.tokens: list[dict[str, Any]] = []
        self.scores: list[dict[str, Any]] = []
        self.ending: dict[str, Any] | None = None
        self.first_token_at: Any = None
        self.cached_tokens = 0
        self.served_by = ""
        self.most_together = 1
        self.submitted = 0.0
        self.engine_first_token: float | None = None
        self.first_token = 0.0
        self._cancelled = False
        self._saved = time.monotonic()

    @property
    def text(self) -> str:
        return "".join(record["t"] for record in self.tokens)

    def to_the_end(self) -> None:
        self.submitted = time.monotonic()
        try:
            stream = self.worker.engine.submit(self._request())
        except EngineError as error:
            self._finish(Outcome(Status.FAILED, "failed", error.code, error.message))
            return
        try:
            self._consume(stream)
        finally:
            self.worker.engine.cancel(str(self.run.pk))  # whatever ended us, the engine stops too

    def _request(self) -> GenerationRequest:
        wanted = self.run.settings
        greedy = wanted["mode"] == "greedy"
        sampling = SamplingParams(
            max_new_tokens=self.run.max_new_tokens,
            greedy=greedy,
            # What does not act is null; a run that was queued by an earlier version lacks later settings.
            temperature=wanted["temperature"] or 1.0,
            top_k=wanted["top_k"] or 0,
            top_p=wanted["top_p"] or 1.0,
            min_p=wanted.get("min_p") or 0.0,
            repetition_penalty=wanted.get("repetition_penalty") or 1.0,
            presence_penalty=wanted.get("presence_penalty") or 0.0,
            frequency_penalty=wanted.get("frequency_penalty") or 0.0,
            seed=wanted["seed"] or 0,
            stop=tuple(wanted["stop"]),
            # Only programs ask for the following.
            logit_bias=tuple((token, bias) for token, bias in wanted.get("logit_bias", ())),
            ignore_eos=wanted.get("ignore_eos", False),
            alternatives=wanted.get("alternatives", LIMITS.alternatives),
        )
        begun = [record["id"] for record in self.run.begun or []]
        ids = (*self.run.prompt_ids, *begun)
        return GenerationRequest(
            str(self.run.pk),
            ids,
            sampling,
            # The figures of the token that was chosen last are not known yet.
            score_from=len(ids) - 1 if begun else wanted.get("score_from"),
            user=str(self.run.user_id),
            priority=Priority.BATCH if self.run.kind == Kind.BATCH else Priority.INTERACTIVE,
            begun=len(begun),
            text=self.run.prompt_text,
            messages=tuple(self.run.messages or ()),
        )

    def _consume(self, stream: "Stream") -> None:
        while not self.line.fenced.is_set():
            self._heed_requests()
            if self.worker.must_hand_back and self._hand_back():
                return
            try:
                event = stream.get(timeout=0.1)
            except TimeoutError:
                continue
            match event:
                case Started(cached_tokens=cached, served_by=served_by):
                    self.cached_tokens = min(cached, self.run.prompt_tokens or 0)
                    self.served_by = served_by
                    self.line.start(self.run.prompt_tokens, self.cached_tokens)
                    for record in (self.run.begun or [])[:-1]:
                        self._write(record)
                case Scored() as scored if self.run.begun:
                    self._write(token_record(scored) | self.run.begun[-1])
                case Scored() as scored:
                    self.scores.append(token_record(scored))
                case (Token() | Piece()) as token:
                    self._take(token)
                case Finished(reason=reason, usage=usage, ending=ending):
                    self.ending = token_record(ending) if ending else None
                    self._take_counts(usage)
                    self._finish(self._outcome(reason), usage.completion_tokens)
                    return
                case Failed(code=code, message=message):
                    self._finish(
                        Outcome(Status.FAILED, "failed", code, f"{RUN_ERRORS[code]} ({message})"[:500])
                    )
                    return

    def _take_counts(self, usage: Usage) -> None:
        """A remote server tells at the end what its tokenizer made of the prompt."""
        if not self.run.prompt_ids:
            self.run.prompt_tokens, self.cached_tokens = usage.prompt_tokens, usage.cached_tokens

    def _take(self, token: Token | Piece) -> None:
        now = time.monotonic()
        if self.first_token_at is None:
            self.first_token_at, self.first_token = timezone.now(), now
            self.engine_first_token = now - self.submitted
        self.most_together = max(self.most_together, self.worker.engine.stats().running)
        self._write(token_record(token) | {"ms": round((now - self.first_token) * 1000)})
        if now - self._saved > settings.CHECKPOINT:
            self._saved = now
            with database():
                if not self.run.checkpoint(self.text, self.line.seq, self.first_token_at):
                    self.line.fenced.set()

    def _write(self, record: dict[str, Any]) -> None:
        self.tokens.append(record)
        self.line.token(record)

    def _heed_requests(self) -> None:
        overdue = timezone.now() > self.run.deadline
        if not self._cancelled and (self.line.cancel_asked.is_set() or overdue):
            self._cancelled = True
            self.worker.engine.cancel(str(self.run.pk))

    def _outcome(self, reason: FinishReason) -> Outcome:
        if reason is not FinishReason.CANCELLED:
            return Outcome(Status.SUCCEEDED, reason)
        if self.line.cancel_asked.is_set():
            return STOPPED
        return Outcome(Status.FAILED, "failed", "deadline", RUN_ERRORS["deadline"])

    def _hand_back(self) -> bool:
        with database():
            self.run.hand_back()
        self.worker.drop(self.line)
        return True

    def _finish(self, outcome: Outcome, completion_tokens: int | None = None) -> None:
        """The row first, the tape's end after it: a crash between the two is healed by readers."""
        if completion_tokens is None:
            completion_tokens = sum(1 for record in self.tokens if not record.get("given"))
        with database():
            won = self.run.finish(
                outcome,
                text=self.text,
                tokens=self.tokens,
                last_seq=self.line.seq,
                prompt_tokens=self.run.prompt_tokens,
                cached_tokens=self.cached_tokens,
                completion_tokens=completion_tokens,
                first_token_at=self.first_token_at,
                receipt=self._receipt(),
                **self._score(),
            )
            row = Run.objects.get(pk=self.run.pk)
        if won:
            self.line.end(row.ending)
            with database():
                SearchEntry.of_run(row)
                run_news.tell(row.pk)
        else:
            self.worker.drop(self.line)

    def _score(self) -> dict[str, Any]:
        """The log-probability of what the model wrote, and of how many tokens; more for programs."""
        known = [record["lp"] for record in self.tokens if not record.get("given")]
        written = [logprob for logprob in known if logprob is not None]
        found = {"logprob_sum": fsum(written) if written else None, "scored_tokens": len(written)}
        if self.run.kind == Kind.API:
            return found | {"scores": {"prompt": self.scores, "ending": self.ending}}
        return found

    def _receipt(self) -> dict[str, Any]:
        engine_ms = None if self.engine_first_token is None else round(self.engine_first_token * 1000, 1)
        return {
            **asdict(self.worker.engine.info),
            "model_hash": catalog.revision(self.run.model),
            "tokenizer_hash": catalog.tokenizer_hash(self.run.model),
            "batch": self.most_together,
            "engine_first_token_ms": engine_ms,
            "attempt": self.run.attempt,
            **({"served_by": self.served_by} if self.served_by else {}),
        }
