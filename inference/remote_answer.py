"""The answer to one request to a remote model: chunks of its server become events."""

from __future__ import annotations

from inference.chunks import Chunk
from inference.stopping import Release, StopFilter
from inference.stream import Stream
from inference.types import (
    EngineError,
    ErrorCode,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    Piece,
    Started,
    Usage,
)

MOST_CHARS = 4 * 1024 * 1024  # of one answer


class RemoteAnswer:
    """Puts the events of one request into its stream, the final one with ``end``.

    Stop strings and the length are kept here, too: not every server heeds what it is asked.
    """

    def __init__(self, request: GenerationRequest, stream: Stream) -> None:
        self.has_begun = False  # something was sent, so nothing may be tried again
        self.is_cut = False  # what the server has to say beyond is not wanted
        self._id, self._stream = request.request_id, stream
        self._most = request.sampling.max_new_tokens
        self._filter: StopFilter[Piece] = StopFilter(request.sampling.stop)
        self._pieces = self._chars = 0
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._final: Finished | Failed | None = None

    @property
    def is_complete(self) -> bool:
        """All text is there; the counts may follow."""
        return self._reason is not None

    def take(self, chunk: Chunk) -> None:
        """Raises EngineError for more text than anybody could want."""
        if chunk.parts or chunk.reason:
            self._begin(chunk.served_by)
        for part in chunk.parts:
            if self.is_complete:
                break
            self._add(Piece(self._id, self._pieces, part.text, part.logprob, part.top))
        self._usage = chunk.usage or self._usage
        self._reason = self._reason or chunk.reason

    def complete(self) -> None:
        """The stream of the server is over. Raises EngineError when it does not say why."""
        if self._reason is None:
            raise EngineError(ErrorCode.UPSTREAM_FAILED, "the answer broke off")
        self.finish(self._reason)

    def finish(self, reason: FinishReason) -> None:
        """Send what was held back, and know the end."""
        self._send(self._filter.flush())
        if self.is_cut:
            reason = self._reason or reason
        usage = self._usage or Usage(None, 0, self._pieces)
        self._final = Finished(self._id, reason, usage)

    def fail(self, code: ErrorCode, message: str) -> None:
        """What was held back is not sent."""
        self._final = Failed(self._id, code, message)

    def end(self) -> None:
        """Nothing follows; the request is forgotten."""
        assert self._final is not None
        self._stream.put(self._final)

    def _begin(self, served_by: str) -> None:
        if not self.has_begun:
            self.has_begun = True
            self._stream.put(Started(self._id, None, 0, served_by))

    def _add(self, piece: Piece) -> None:
        if self._pieces >= self._most:
            self._cut(FinishReason.LENGTH)
            return
        self._pieces += 1
        self._chars += len(piece.text)
        if self._chars > MOST_CHARS:
            raise EngineError(ErrorCode.UPSTREAM_FAILED, "more text than was asked for")
        self._send(self._filter.push(piece))

    def _send(self, release: Release[Piece]) -> None:
        self._stream.put(*release.tokens)
        if release.stopped:
            self._cut(FinishReason.STOP_STRING)

    def _cut(self, reason: FinishReason) -> None:
        self.is_cut, self._reason = True, reason
