"""Two ways to ask: at the engine's own door, and over HTTP as OpenAI's completions do. No torch."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from itertools import count
from typing import Any, Protocol

from benchmarks.load import Reply
from benchmarks.workloads import Prompt
from inference.stream import Stream
from inference.types import Failed, Finished, GenerationRequest, SamplingParams, Token


class Door(Protocol):
    """What is used of the engine."""

    def submit(self, request: GenerationRequest) -> Stream: ...


def generation(request_id: str, ids: tuple[int, ...], new_tokens: int) -> GenerationRequest:
    """Greedy, without an early end, and without the alternatives that no peer reports."""
    sampling = SamplingParams(max_new_tokens=new_tokens, ignore_eos=True, alternatives=0)
    return GenerationRequest(request_id, ids, sampling)


class EngineClient:
    """Asks an engine in this process."""

    def __init__(self, engine: Door) -> None:
        self._engine = engine
        self._numbers = count()

    def __call__(self, prompt: Prompt, new_tokens: int) -> Reply:
        sent = time.perf_counter()
        request = generation(f"bench-{next(self._numbers)}", prompt.ids, new_tokens)
        stream = self._engine.submit(request)
        arrivals = []
        while not isinstance(event := stream.get(), Finished):
            if isinstance(event, Failed):
                raise RuntimeError(f"the engine failed: {event.message}")
            if isinstance(event, Token):
                arrivals.append(time.perf_counter())
        ended, usage = time.perf_counter(), event.usage
        _check_length("the engine", usage.completion_tokens, new_tokens)
        return Reply(sent, tuple(arrivals), ended, usage.completion_tokens, usage.cached_tokens)


class HttpClient:
    """Asks a server for a streamed completion. ``url`` is what comes before /v1/completions."""

    def __init__(self, url: str, model: str, key: str = "") -> None:
        self.url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {key}"} if key else {}
        )
        self._model = model
        # No proxy of the environment between the client and a server on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __call__(self, prompt: Prompt, new_tokens: int) -> Reply:
        request = self._request(prompt, new_tokens)
        sent = time.perf_counter()
        arrivals: list[float] = []
        usage: dict[str, Any] = {}
        with self._opener.open(request, timeout=600) as answer:
            for chunk in _chunks(answer):
                if any(choice.get("text") for choice in chunk.get("choices", [])):
                    arrivals.append(time.perf_counter())
                usage = chunk.get("usage") or usage
        ended = time.perf_counter()
        tokens = usage.get("completion_tokens", len(arrivals))
        _check_length(self.url, tokens, new_tokens)
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
        return Reply(sent, tuple(arrivals), ended, tokens, cached)

    def _request(self, prompt: Prompt, new_tokens: int) -> urllib.request.Request:
        body = {
            "model": self._model,
            "prompt": prompt.text,
            "max_tokens": new_tokens,
            "temperature": 0.0,
            "ignore_eos": True,  # llama.cpp and vLLM know it
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        return urllib.request.Request(f"{self.url}/v1/completions", json.dumps(body).encode(), self._headers)


def _chunks(lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """The objects of a stream of server-sent events. Raises RuntimeError for one that tells of an error."""
    for line in lines:
        data = line.removeprefix(b"data:").strip()
        if not line.startswith(b"data:") or data == b"[DONE]":
            continue
        chunk = json.loads(data)
        if "error" in chunk:
            raise RuntimeError(f"the server failed: {chunk['error']}")
        yield chunk


def _check_length(who: str, tokens: int, wanted: int) -> None:
    """Fewer tokens would make the rate look like something else."""
    if tokens != wanted:
        raise RuntimeError(f"{who} wrote {tokens} tokens instead of {wanted}")
