"""The answer to one request: draws become text, text becomes events."""

from __future__ import annotations

from collections.abc import Collection

from tokenizers import Tokenizer

from inference.detokenizer import Detokenizer, TokenTexts
from inference.sampler import Draw
from inference.sequence import Sequence
from inference.stopping import Release, StopFilter, finish_reason
from inference.stream import Stream
from inference.types import (
    Alternative,
    ErrorCode,
    Failed,
    Finished,
    FinishReason,
    NextToken,
    Scored,
    Started,
    Token,
)


class Answer:
    """Puts the events of one sequence into its stream.

    The final event waits in ``final`` until the engine has forgotten the request, so that whoever reads
    it may use the name again. The end-of-sequence token ends the answer: it counts as a completion
    token, but no Token event is sent for it.
    """

    def __init__(
        self,
        sequence: Sequence,
        stream: Stream,
        tokenizer: Tokenizer,
        texts: TokenTexts,
        eos_ids: Collection[int],
    ) -> None:
        self.sequence = sequence
        self.stream = stream
        self.started = False
        self.final: Finished | Failed | None = None
        self._texts = texts
        self._eos_ids = eos_ids
        self._sampling = sequence.request.sampling
        prompt, begun = sequence.request.prompt_ids, sequence.begun_ids
        self._detokenizer = Detokenizer(tokenizer, prompt[: len(prompt) - len(begun)])
        self._filter: StopFilter[Token] = StopFilter(self._sampling.stop)
        for index, token_id in enumerate(begun, -len(begun)):
            token = Token(sequence.id, index, token_id, self._detokenizer.push(token_id), 0.0, 0, ())
            self._filter.push(token, complete=self._detokenizer.complete)

    @property
    def ended(self) -> bool:
        return self.final is not None

    @property
    def failed(self) -> bool:
        return isinstance(self.final, Failed)

    def start(self, cached: int) -> None:
        """The first forward pass begins; ``cached`` tokens of the prompt need not be computed."""
        if not self.started:
            self.started = True
            self.stream.put(Started(self.sequence.id, self.sequence.prompt_length, cached))

    def score(self, index: int, draw: Draw) -> None:
        """The probability of a prompt token."""
        self.stream.put(
            Scored(
                self.sequence.id,
                index,
                draw.id,
                self._texts[draw.id],
                draw.logprob,
                draw.rank,
                self._top(draw),
            )
        )

    def next_token(self, logits: bytes) -> None:
        """The logits behind the prompt."""
        self.stream.put(NextToken(self.sequence.id, logits))

    def add(self, draw: Draw) -> None:
        """The next token was chosen and is known to the sequence."""
        count = len(self.sequence.generated)
        reason = finish_reason(draw.id, count, self._sampling, self._eos_ids)
        if reason is FinishReason.STOP:
            self.finish(reason, self._token(draw, count - 1, ""))
            return
        token = self._token(draw, count - 1, self._detokenizer.push(draw.id))
        release = self._filter.push(token, complete=self._detokenizer.complete)
        self._send(release)
        if reason and not release.stopped:
            self.finish(reason)

    def finish(self, reason: FinishReason, ending: Token | None = None) -> None:
        """Send what was held back and end."""
        if not self.ended:
            self._send(self._filter.flush(self._detokenizer.flush()))
        if not self.ended:
            self._end(Finished(self.sequence.id, reason, self.sequence.usage(), ending))

    def fail(self, code: ErrorCode, message: str) -> None:
        """End with a fault; what was held back is not sent."""
        if not self.ended:
            self._end(Failed(self.sequence.id, code, message))

    def _send(self, release: Release[Token]) -> None:
        # Those with a negative index were held back since the beginning, which the caller has.
        self.stream.put(*(token for token in release.tokens if token.index >= 0))
        if release.stopped:
            self._end(Finished(self.sequence.id, FinishReason.STOP_STRING, self.sequence.usage()))

    def _end(self, event: Finished | Failed) -> None:
        assert self.final is None
        self.final = event

    def _token(self, draw: Draw, index: int, text: str) -> Token:
        return Token(self.sequence.id, index, draw.id, text, draw.logprob, draw.rank, self._top(draw))

    def _top(self, draw: Draw) -> tuple[Alternative, ...]:
        return tuple(Alternative(id, self._texts[id], logprob) for id, logprob in draw.top)
