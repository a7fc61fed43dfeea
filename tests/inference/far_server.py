"""A real HTTP server on this machine that speaks OpenAI's protocol as well or as badly as a test wants."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Send = Callable[[bytes], Awaitable[None]]
Answer = Callable[["Asked", Send], Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class FarServer:
    """Answers each generation with the next of ``answers``, the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [stream(said("Hello"), ended())]
        self.models: Answer = whole(200, {"object": "list", "data": []})
        self.asked: list[Asked] = []
        self.looks = 0
        self.dropped = threading.Event()  # a client went away before its answer had ended
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        # One request a connection: the look for its end would eat bytes of a second one.
        if asked := await _read(reader):
            working = asyncio.ensure_future(self._next(asked)(asked, send))
            gone = asyncio.ensure_future(reader.read(1))
            await asyncio.wait([working, gone], return_when=asyncio.FIRST_COMPLETED)
            if not working.done() or working.exception():
                self.dropped.set()
            working.cancel()
            gone.cancel()
        writer.close()

    def _next(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            self.looks += 1
            return self.models
        self.asked.append(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    method, path, _ = head[0].split(" ")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    keys = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head[1:] if line}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, path, keys, json.loads(body) if body else None)


@contextmanager
def far_server(secured: ssl.SSLContext | None = None) -> Iterator[FarServer]:
    """A server in a thread of its own; every connection is closed at the end."""
    server, ready = FarServer(), threading.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=secured)
        server.port = listening.sockets[0].getsockname()[1]
        ready.set()

    def main() -> None:
        starting = loop.create_task(run())  # in the one run of the loop that is stopped below, however soon
        loop.run_forever()
        starting.result()

    thread = threading.Thread(target=main, daemon=True)
    thread.start()
    ready.wait()
    yield server
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


# --- what it can answer


def head(status: int, *lines: str, kind: str = "text/event-stream") -> bytes:
    told = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}", "Connection: close", *lines]
    return "\r\n".join([*told, "", ""]).encode()


def raw(*parts: bytes) -> Answer:
    """Exactly these bytes."""

    async def answer(asked: Asked, send: Send) -> None:
        for part in parts:
            await send(part)

    return answer


def stream(*chunks: dict[str, Any], last: bytes = b"data: [DONE]\n\n", pause: float = 0.0) -> Answer:
    """A good stream of ``chunks``, with ``pause`` seconds before each."""

    async def answer(asked: Asked, send: Send) -> None:
        await send(head(200))
        for chunk in chunks:
            await asyncio.sleep(pause)
            await send(event(chunk))
        await send(last)

    return answer


def whole(status: int, body: Any, *lines: str) -> Answer:
    """A body of JSON."""
    data = json.dumps(body).encode()
    return raw(head(status, f"Content-Length: {len(data)}", *lines, kind="application/json"), data)


def event(chunk: Any) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def said(text: str, *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A chunk of the chat endpoint."""
    figures = {"content": list(entries)} if entries else None
    choice = {"index": 0, "delta": {"content": text}, "logprobs": figures, "finish_reason": None}
    return {"model": "big-2026", "system_fingerprint": "fp_1", "choices": [choice | more]}


def entry(token: str, logprob: float | None, **top: float) -> dict[str, Any]:
    others = [{"token": text, "logprob": value} for text, value in top.items()]
    return {"token": token, "logprob": logprob, "top_logprobs": others}


def ended(reason: str = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {}, "finish_reason": reason}
    return {"model": "big-2026", "choices": [choice | more]}


def counted(prompt: int, completion: int, cached: int = 0) -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    return {"choices": [], "usage": usage | {"prompt_tokens_details": {"cached_tokens": cached}}}
