"""Sockets come from our own pages only: browsers let any site open one, with the user's cookies."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

Scope = dict[str, Any]
App = Callable[..., Awaitable[None]]


class ExactOrigin:
    """ASGI middleware: 403 unless the one Origin header is one of ``origins``, letter for letter.

    Browsers write an origin in one way only (RFC 6454, section 6), so nothing has to be parsed.
    """

    def __init__(self, app: App, origins: Collection[str]) -> None:
        self.app = app
        self.origins = {origin.encode("latin-1") for origin in origins}

    async def __call__(self, scope: Scope, receive: App, send: App) -> None:
        given = [value for name, value in scope["headers"] if name == b"origin"]
        if len(given) == 1 and given[0] in self.origins:
            await self.app(scope, receive, send)
        else:
            await send({"type": "websocket.close"})  # before it was accepted: the handshake is answered 403
