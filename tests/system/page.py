"""A page's socket without a page: what a run looks like to whoever watches it."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection


@dataclass
class Seen:
    """One run as a page shows it: frames applied as static/js/models/token_buffer.js does."""

    text: str = ""
    last_id: str | None = None
    attempt: int = 0
    attempts: set[int] = field(default_factory=set)
    resets: int = 0
    tokens: int = 0
    end: dict[str, Any] | None = None
    queue: list[dict[str, Any]] = field(default_factory=list)

    def apply(self, frame: dict[str, Any]) -> None:
        op = frame["op"]
        if op == "queue":
            self.queue.append(frame)
            return
        if op in ("start", "delta"):
            assert self.last_id is None or key(frame["id"]) > key(self.last_id), (
                "a frame came twice or out of order"
            )
        if op == "start":
            self.text, self.tokens, self.attempt = "", 0, frame["attempt"]
        elif op == "delta":
            assert key(frame["id"])[0] == self.attempt, "two attempts are mixed"
            assert frame["text"] == "".join(token["t"] for token in frame["tokens"])
            self.text += frame["text"]
            self.tokens += len(frame["tokens"])
        elif op == "reset":
            self.text = frame["snapshot"]["text"]
            self.tokens = len(frame["snapshot"]["tokens"])
            self.attempt = frame["snapshot"]["attempt"]
            self.resets += 1
        elif op == "end":
            self.end = frame
        if self.attempt:
            self.attempts.add(self.attempt)
        self.last_id = frame["id"]


def key(entry_id: str) -> tuple[int, int]:
    attempt, seq = entry_id.split("-")
    return int(attempt), int(seq)


class Page:
    """A page's socket: sends frames, applies what comes, acknowledges."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.runs: dict[str, Seen] = {}
        self.errors: list[dict[str, Any]] = []
        self.acknowledged = 0.0

    def send(self, op: str, **fields: Any) -> None:
        self.connection.send(json.dumps({"op": op, **fields}))

    def watch(self, run: str, after: str | None = None) -> Seen:
        seen = self.runs.setdefault(run, Seen(last_id=after))
        self.send("watch", run=run, after=after)
        return seen

    def receive(self, timeout: float = 20.0) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.connection.recv(timeout=timeout))
        if frame["op"] == "error":
            self.errors.append(frame)
        elif frame.get("run") in self.runs and frame["op"] in ("start", "delta", "reset", "end", "queue"):
            self.runs[frame["run"]].apply(frame)
            if frame["op"] != "queue" and time.monotonic() - self.acknowledged > 0.5:
                self.acknowledge()
        return frame

    def acknowledge(self) -> None:
        """As the page does: now and then, not for every frame."""
        self.acknowledged = time.monotonic()
        with suppress(ConnectionClosed):  # the next receive() tells of it, behind what came before
            for run, seen in list(self.runs.items()):
                if seen.last_id and not seen.end:
                    self.send("ack", run=run, id=seen.last_id)

    def until(self, is_true: Any, seconds: float = 60.0) -> None:
        """Receives until ``is_true()``."""
        until = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < until, f"nothing happened within {seconds} s; errors: {self.errors}"
            try:
                self.receive(timeout=1.0)
            except TimeoutError:
                continue

    def until_end(self, run: str, seconds: float = 60.0) -> Seen:
        self.until(lambda: self.runs[run].end is not None, seconds)
        return self.runs[run]

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
