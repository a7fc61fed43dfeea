"""A tiny completions server, the same for our engine and for transformers' continuous batching.

    python -m benchmarks.server ours|transformers FOLDER [--dtype bfloat16] [--threads 2]

Prints its port when it is warm and ends when its standard input does. It speaks just as much of
OpenAI's /v1/completions as the load client needs. The `transformers` backend is what
`transformers serve --continuous-batching` runs behind its web framework, which needs packages
that nothing else here does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from functools import partial
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from tokenizers import Tokenizer
from transformers import ContinuousBatchingConfig, GenerationConfig
from transformers.cli.serving.utils import CBGenerateManager

from benchmarks.clients import Door, generation
from benchmarks.contestants import Setting
from inference.stream import Stream
from inference.types import Failed, Finished, Token, TokenEvent


class Backend(Protocol):
    """What generates behind the server."""

    def stream(self, ids: tuple[int, ...], new_tokens: int) -> AsyncIterator[tuple[str, int]]:
        """Pieces of text, each with the number of tokens generated so far. Raises RuntimeError."""
        ...


class Ours:
    """The engine behind its door."""

    def __init__(self, engine: Door) -> None:
        self._engine = engine
        self._numbers = count()

    async def stream(self, ids: tuple[int, ...], new_tokens: int) -> AsyncIterator[tuple[str, int]]:
        stream = self._engine.submit(generation(f"http-{next(self._numbers)}", ids, new_tokens))
        events: asyncio.Queue[TokenEvent] = asyncio.Queue()
        Thread(target=_relay, args=(stream, events, asyncio.get_running_loop()), daemon=True).start()
        while not isinstance(event := await events.get(), Finished):
            if isinstance(event, Failed):
                raise RuntimeError(event.message)
            if isinstance(event, Token):
                yield event.text, event.index + 1
        yield "", event.usage.completion_tokens


def _relay(stream: Stream, events: asyncio.Queue[TokenEvent], loop: asyncio.AbstractEventLoop) -> None:
    for event in stream:
        loop.call_soon_threadsafe(events.put_nowait, event)


class Transformers:
    """The manager that `transformers serve` drives, by the calls of its handler for completions.

    Its defaults, but for three settings that a CPU and this workload need: the size of the cache
    (otherwise 0.6 of all free memory), small pages (prefixes are shared by whole pages of 256
    tokens), and no end of sequence.
    """

    def __init__(self, model: Any, tokenizer: Tokenizer, *, page_size: int = 32, pages: int = 1024) -> None:
        self._model = model
        self._processor = _Processor(tokenizer)
        self._settings = partial(GenerationConfig, do_sample=False, eos_token_id=-1)
        self._manager = CBGenerateManager(ContinuousBatchingConfig(page_size=page_size, num_blocks=pages))
        self._manager.init_cb(model, self._settings())
        self._numbers = count()

    async def stream(self, ids: tuple[int, ...], new_tokens: int) -> AsyncIterator[tuple[str, int]]:
        texts, streamer = self._manager.generate_streaming(
            self._model,
            self._processor,
            {"input_ids": list(ids)},
            self._settings(max_new_tokens=new_tokens),
            request_id=f"http-{next(self._numbers)}",
        )
        while (text := await texts.get()) is not None:
            if not isinstance(text, str):
                raise RuntimeError(text.msg)
            yield text, streamer.total_tokens
        yield "", streamer.total_tokens

    def close(self) -> None:
        self._manager.stop()


class _Processor:
    """The streamer looks for the fast tokenizer under this name."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer


async def handle(
    backend: Backend, tokenizer: Tokenizer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One request, one streamed answer; then the connection is closed."""
    body = await _body(reader)
    ids = tuple(tokenizer.encode(body["prompt"], add_special_tokens=False).ids)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    try:
        tokens = 0
        async for text, tokens in backend.stream(ids, body["max_tokens"]):  # noqa: B007
            if text:
                _send(writer, {"choices": [{"index": 0, "text": text}]})
                await writer.drain()
        _send(writer, {"choices": [], "usage": {"prompt_tokens": len(ids), "completion_tokens": tokens}})
        writer.write(b"data: [DONE]\n\n")
    except RuntimeError as fault:
        _send(writer, {"error": str(fault)})
    writer.close()


async def _body(reader: asyncio.StreamReader) -> dict[str, Any]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    assert length, "a POST with a length is expected"
    body: dict[str, Any] = json.loads(await reader.readexactly(int(length[1])))
    return body


def _send(writer: asyncio.StreamWriter, chunk: dict[str, Any]) -> None:
    writer.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


async def serve(backend: Backend, tokenizer: Tokenizer) -> None:
    """Serves until standard input ends, which it also does when the benchmark is killed."""
    server = await asyncio.start_server(partial(handle, backend, tokenizer), "127.0.0.1", 0)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser(description="A completions server for the load client.")
    parser.add_argument("backend", choices=("ours", "transformers"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    setting = Setting(options.folder, options.dtype, options.threads)
    loaded = setting.load()
    if options.backend == "ours":
        engine = setting.engine(loaded)
        asyncio.run(serve(Ours(engine), loaded.tokenizer))
        engine.stop()
    else:
        peer = Transformers(loaded.model, loaded.tokenizer)
        asyncio.run(serve(peer, loaded.tokenizer))
        peer.close()


if __name__ == "__main__":
    main()
