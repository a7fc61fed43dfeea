"""A model's chat template, rendered in a child process that the kernel limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from inference.types import Message

MAX_CHARS = 64 * 1024

_CHILD = Path(__file__).with_name("template_child.py")


class TemplateError(Exception):
    """The template refused the messages or broke a limit; the message says which."""


class ChatTemplate:
    """Renders conversations; safe to use from several threads.

    The child starts with the first rendering, takes about 0.1 s for that and well under a
    millisecond for a rendering, and ends with this object or this process.
    """

    def __init__(self, source: str, variables: Mapping[str, Any]) -> None:
        if len(source) > MAX_CHARS:
            raise TemplateError(f"The chat template is longer than {MAX_CHARS} characters.")
        self.source = source
        self._variables = {"tools": None, "documents": None, "add_generation_prompt": True, **variables}
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def render(self, *conversations: Sequence[Message]) -> list[str]:
        """The text of each conversation, ending where the assistant's answer begins.

        Raises TemplateError when the template refuses one of them, takes more than 2 s of processor
        time, 512 MiB of memory or writes more than 4 Mi characters.
        """
        request = {"template": self.source, "variables": self._variables, "conversations": conversations}
        with self._lock:
            line = self._ask(json.dumps(request).encode() + b"\n")
        if not line.endswith(b"\n"):
            raise TemplateError("The chat template ran longer than 2 s and was stopped.")
        reply = json.loads(line)
        if "error" in reply:
            raise TemplateError(f"The chat template refused the messages: {reply['error']}")
        texts: list[str] = reply["texts"]
        return texts

    def _ask(self, request: bytes) -> bytes:
        """The answer line; shorter than a line when the child died over it."""
        if self._child is None or self._child.poll() is not None:
            self._child = _start()
            weakref.finalize(self, _stop, self._child)
        stdin, stdout = _pipes(self._child)
        try:
            stdin.write(request)
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line.endswith(b"\n"):
            _stop(self._child)
        return line


def _start() -> subprocess.Popen[bytes]:
    # -I: neither this folder (its types.py would hide Python's own) nor the environment counts.
    # No environment is passed on either: a template has no business with the operator's secrets.
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", str(_CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"TZ": os.environ["TZ"]} if "TZ" in os.environ else {},
        start_new_session=True,  # Ctrl-C is for the parent, which closes the pipe
    )


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for pipe in _pipes(child):
        with suppress(BrokenPipeError):  # unsent bytes of a request that the child did not live to read
            pipe.close()


def _pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert child.stdin is not None
    assert child.stdout is not None
    return child.stdin, child.stdout
