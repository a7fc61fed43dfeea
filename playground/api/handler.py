"""The way of programs into Django: no sessions, cookies, forms or pages, so none of their middleware.

What is left of ``/v1`` and of a run's events is asynchronous from end to end. So a request whose client has
gone is cancelled where it waits, and one that waits for a model holds no thread.
"""

from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.exception import convert_exception_to_response

PATHS = ("/v1/", "/api/")


class ProgramHandler(ASGIHandler):
    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = convert_exception_to_response(self._get_response_async)  # type: ignore[attr-defined]
