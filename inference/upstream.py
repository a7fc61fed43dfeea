"""One server of a remote model: what it is sent, and every way in which it can fail.

A request goes to an address that was looked at (inference/addresses.py), follows no redirect and uses no
proxy. The key is in one header and nowhere else: not in an error, not in a log.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from inference import addresses, chunks
from inference.registry import RemoteSource
from inference.types import EngineError, ErrorCode, GenerationRequest, SamplingParams

MOST_STOPS = 4  # that the interface takes; the others are looked for here alone
MOST_EVENT_BYTES = 1024 * 1024
MOST_ERROR_BYTES = 8 * 1024
PATHS = {"chat": "chat/completions", "completions": "completions"}


class UpstreamError(EngineError):
    """A failure of the server. ``again`` says that the same request may be sent once more, ``pause`` how many
    seconds the server wants to be left alone before."""

    def __init__(self, code: ErrorCode, message: str, *, again: bool = False, pause: float = 0.0) -> None:
        super().__init__(code, message)
        self.again, self.pause = again, pause


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a connection, for the first piece of an answer, and from one piece to the next."""

    connect: float = 5.0
    first: float = 120.0
    silence: float = 60.0


class Upstream:
    """Belongs to one event loop."""

    def __init__(self, source: RemoteSource, key: str, patience: Patience) -> None:
        self._source, self._key = source, key
        self._url = httpx2.URL(source.url)
        self._tries = 0
        headers = {"Accept-Encoding": "identity", "User-Agent": "fewshot"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._client = httpx2.AsyncClient(
            headers=headers,
            # For an answer the caller sets the time: there may be signs of life without a token.
            timeout=httpx2.Timeout(None, connect=patience.connect, write=30.0),
            limits=httpx2.Limits(max_connections=None),
            verify=httpx2.create_ssl_context(),  # heeds SSL_CERT_FILE, for an authority of one's own
            trust_env=False,  # no proxy, which would resolve the name itself
        )

    async def close(self) -> None:
        await self._client.aclose()

    def hide(self, words: str) -> str:
        """``words`` without the key: some servers repeat it in their refusals."""
        return words.replace(self._key, "…") if self._key else words

    async def look(self) -> None:
        """Raises EngineError unless the server answers and takes the key; what it answers is all the same."""
        async with self._send("GET", "models") as answer:
            if answer.status_code in (401, 403) or answer.status_code >= 500:
                raise await _refusal(answer)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[chunks.Chunk]:
        """The chunks of the answer. Raises EngineError; once it is closed, so is the connection."""
        body = body_of(self._source, request)
        async with self._send("POST", PATHS[self._source.endpoint], body) as answer:
            if answer.status_code != 200:
                raise await _refusal(answer)
            async for event in httpx2.EventSource(answer, max_event_size=MOST_EVENT_BYTES):
                if event.data.strip() == "[DONE]":
                    return
                if event.data:
                    yield chunks.read(event.data, stops=bool(request.sampling.stop))

    @asynccontextmanager
    async def _send(self, method: str, path: str, body: Any = None) -> AsyncIterator[httpx2.Response]:
        """The answer of the server as far as its head. Raises EngineError, also for what happens inside."""
        request = await self._request(method, path, body)
        try:
            answer = await self._client.send(request, stream=True)
            try:
                yield answer
            finally:
                await answer.aclose()
        except httpx2.HTTPError as error:
            self._tries += 1
            raise _failure(error) from None
        finally:
            self._client.cookies.clear()  # what one person's request brought is no business of the next

    async def _request(self, method: str, path: str, body: Any) -> httpx2.Request:
        url = self._url
        port = url.port or (443 if url.scheme == "https" else 80)
        found = await addresses.resolve(url.host, port, private=self._source.private)
        # One of several addresses may be out of order: the next try goes to the next.
        address = found[self._tries % len(found)]
        return self._client.build_request(
            method,
            url.copy_with(host=str(address), path=f"{url.path.rstrip('/')}/{path}"),
            json=body,
            headers={"Host": url.netloc.decode("ascii")},
            # The certificate must be that of the name, whatever the address.
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )


def body_of(source: RemoteSource, request: GenerationRequest) -> dict[str, Any]:
    """The JSON of a request: what the server accepts of what is asked."""
    sampling, accepts = request.sampling, source.accepts
    length = "max_completion_tokens" if "max_completion_tokens" in accepts else "max_tokens"
    body: dict[str, Any] = {
        "model": source.model,
        "stream": True,
        "temperature": 0 if sampling.greedy else sampling.temperature,
        length: sampling.max_new_tokens,
    }
    if source.endpoint == "chat":
        body["messages"] = [dict(message) for message in request.messages]
    else:
        body["prompt"] = request.text
    if sampling.stop:
        body["stop"] = list(sampling.stop[:MOST_STOPS])
    body |= {name: value for name, value in _optional(sampling).items() if name in accepts}
    if "logprobs" in accepts:
        count = sampling.alternatives
        chat = {"logprobs": True, "top_logprobs": count}
        body |= chat if source.endpoint == "chat" else {"logprobs": count}
    return body


def _optional(sampling: SamplingParams) -> dict[str, Any]:
    wanted: dict[str, Any] = {"stream_options": {"include_usage": True}}
    if sampling.presence_penalty:
        wanted["presence_penalty"] = sampling.presence_penalty
    if sampling.frequency_penalty:
        wanted["frequency_penalty"] = sampling.frequency_penalty
    if sampling.repetition_penalty != 1:
        wanted["repetition_penalty"] = sampling.repetition_penalty
    if sampling.greedy:
        return wanted
    if sampling.top_k:  # servers do not agree on how to say that it is off
        wanted["top_k"] = sampling.top_k
    return wanted | {"top_p": sampling.top_p, "min_p": sampling.min_p, "seed": sampling.seed}


# --- what went wrong


async def _refusal(answer: httpx2.Response) -> UpstreamError:
    """Why an answer with this status is none."""
    status = answer.status_code
    if status in (401, 403):  # without its words: some servers repeat a part of the key
        return UpstreamError(ErrorCode.UPSTREAM_REFUSED, f"{status}: the key was refused")
    if 300 <= status < 400:
        return UpstreamError(ErrorCode.UPSTREAM_REFUSED, f"{status}: a redirect, which is not followed")
    message = f"{status}: {await _sentence(answer)}"
    if status in (429, 503, 529):
        return UpstreamError(ErrorCode.UPSTREAM_BUSY, message, again=True, pause=_pause(answer))
    if status >= 500:
        return UpstreamError(ErrorCode.UPSTREAM_FAILED, message, again=True, pause=_pause(answer))
    return UpstreamError(ErrorCode.UPSTREAM_REFUSED, message)


async def _sentence(answer: httpx2.Response) -> str:
    """What the server says about its refusal."""
    body = b""
    async for part in answer.aiter_raw():
        body += part
        if len(body) > MOST_ERROR_BYTES:
            break
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return "no reason"
    return chunks.sentence(said.get("error", said) if isinstance(said, dict) else said)


def _pause(answer: httpx2.Response) -> float:
    """Seconds of ``Retry-After``; a date, which nobody sends here, counts as none."""
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0


def _failure(error: httpx2.HTTPError) -> UpstreamError:
    """The sentence for what went wrong below HTTP; the library's own may hold addresses."""
    match error:
        case httpx2.ConnectTimeout():
            return UpstreamError(ErrorCode.UPSTREAM_UNREACHABLE, "no connection in time", again=True)
        case httpx2.ConnectError():
            return UpstreamError(ErrorCode.UPSTREAM_UNREACHABLE, "no connection", again=True)
        case httpx2.TimeoutException():
            return UpstreamError(ErrorCode.UPSTREAM_TIMEOUT, "it does not take the request")
        case httpx2.SSEError():
            return UpstreamError(ErrorCode.UPSTREAM_FAILED, "something that is no stream of events")
    return UpstreamError(ErrorCode.UPSTREAM_FAILED, "the connection broke off", again=True)
