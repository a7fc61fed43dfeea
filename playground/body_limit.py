"""Request bodies end at the limit, also those that hide their length; an import may be larger.

Django checks Content-Length only; a chunked body would be spooled to disk whole first.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from playground.limits import LIMITS

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
IMPORT = "/experiments/import"


class _TooLarge(Exception):
    pass


class BodyLimit:
    """ASGI middleware: 413 as soon as a body passes the limit of its address."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        most = LIMITS.import_bytes if scope["path"] == IMPORT else LIMITS.body_bytes
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > most:
            await refuse(send, most)
            return
        taken = 0

        async def limited() -> Mapping[str, Any]:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise _TooLarge
            return message

        try:
            await self.app(scope, limited, send)
        except _TooLarge:
            await refuse(send, most)


async def refuse(send: Send, most: int) -> None:
    message = f"The request is larger than {most // 1024**2} MiB."
    body = json.dumps({"error": {"code": "too_large", "message": message}}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
