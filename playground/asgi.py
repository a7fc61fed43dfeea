"""The ASGI stack: Django for HTTP, one consumer for the socket. Never loads torch."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()  # first: it sets Django up for the imports below

from playground.api.handler import PATHS, ProgramHandler  # noqa: E402
from playground.body_limit import BodyLimit, Receive, Scope, Send  # noqa: E402
from playground.consumers.origin import ExactOrigin  # noqa: E402
from playground.routing import websocket_urlpatterns  # noqa: E402

programs = ProgramHandler()


async def http(scope: Scope, receive: Receive, send: Send) -> None:
    handler = programs if scope["path"].startswith(PATHS) else django_application
    await handler(scope, receive, send)


application = ProtocolTypeRouter(
    {
        "http": BodyLimit(http),
        # Full origins, not host names: any other port of this machine is another site.
        "websocket": ExactOrigin(URLRouter(websocket_urlpatterns), settings.SITE_URLS),
    }
)
