"""Request bodies end at the limit, also those that hide their length.

Django checks Content-Length only; a chunked body would be spooled to disk whole first.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from playground.limits import LIMITS

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
MESSAGE = b'{"error": {"code": "too_large", "message": "The request is larger than 4 MiB."}}'


class _TooLarge(Exception):
    pass


class BodyLimit:
    """ASGI middleware: 413 as soon as a body passes ``LIMITS.body_bytes``."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > LIMITS.body_bytes:
            await refuse(send)
            return
        taken = 0

        async def limited() -> Mapping[str, Any]:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > LIMITS.body_bytes:
                raise _TooLarge
            return message

        try:
            await self.app(scope, limited, send)
        except _TooLarge:
            await refuse(send)


async def refuse(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": MESSAGE})
