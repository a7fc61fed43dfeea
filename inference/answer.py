"""The answer to one request: draws become text, text becomes events."""

from __future__ import annotations

from collections.abc import Collection

from tokenizers import Tokenizer

from inference.detokenizer import Detokenizer, TokenTexts
from inference.sampler import Draw
from inference.sequence import Sequence
from inference.stopping import Release, StopFilter, finish_reason
from inference.stream import Stream
from inference.types import Alternative, ErrorCode, Failed, Finished, FinishReason, Started, Token


class Answer:
    """Puts the events of one sequence into its stream, the final one included.

    The end-of-sequence token ends the answer: it counts as a completion token, but no Token event
    is sent for it.
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
        self.ended = False
        self.failed = False
        self._texts = texts
        self._eos_ids = eos_ids
        self._sampling = sequence.request.sampling
        self._detokenizer = Detokenizer(tokenizer, sequence.request.prompt_ids)
        self._filter = StopFilter(self._sampling.stop)

    def start(self) -> None:
        self.stream.put(Started(self.sequence.id, self.sequence.prompt_length, self.sequence.cached))

    def add(self, draw: Draw) -> None:
        """The next token was chosen and is known to the sequence."""
        count = len(self.sequence.generated)
        reason = finish_reason(draw.id, count, self._sampling, self._eos_ids)
        if reason is FinishReason.STOP:
            self.finish(reason)
            return
        text = self._detokenizer.push(draw.id)
        release = self._filter.push(self._token(draw, count - 1, text), complete=self._detokenizer.complete)
        self._send(release)
        if reason and not release.stopped:
            self.finish(reason)

    def finish(self, reason: FinishReason) -> None:
        """Send what was held back and end."""
        if not self.ended:
            self._send(self._filter.flush(self._detokenizer.flush()))
        if not self.ended:
            self._end(Finished(self.sequence.id, reason, self.sequence.usage()))

    def fail(self, code: ErrorCode, message: str) -> None:
        """End with a fault; what was held back is not sent."""
        if not self.ended:
            self.failed = True
            self._end(Failed(self.sequence.id, code, message))

    def _send(self, release: Release) -> None:
        self.stream.put(*release.tokens)
        if release.stopped:
            self._end(Finished(self.sequence.id, FinishReason.STOP_STRING, self.sequence.usage()))

    def _end(self, event: Finished | Failed) -> None:
        self.ended = True
        self.stream.put(event)

    def _token(self, draw: Draw, index: int, text: str) -> Token:
        top = tuple(Alternative(id, self._texts[id], logprob) for id, logprob in draw.top)
        return Token(self.sequence.id, index, draw.id, text, draw.logprob, draw.rank, top)
