"""Refusals as answers: JSON for scripts, a page for people."""

from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from playground.errors import Refusal


class RefusalMiddleware:
    """Turns a Refusal raised by any view into its status and sentence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, RequestDataTooBig):
            error = Refusal("too_large", "The request is larger than 4 MiB.", status=413)
        if not isinstance(error, Refusal):
            return None
        return answer(request, error)


def answer(request: HttpRequest, error: Refusal) -> HttpResponse:
    if wants_page(request):
        page = f"{error.status}.html" if error.status in (403, 404) else "refusal.html"
        return render(request, page, {"message": error.message}, status=error.status)
    response = JsonResponse(error.as_json(), status=error.status)
    if "retry_after" in error.extra:
        response["Retry-After"] = str(error.extra["retry_after"])
    return response


def wants_page(request: HttpRequest) -> bool:
    """Browsers that navigate ask for HTML; our scripts ask for JSON."""
    return "text/html" in request.headers.get("Accept", "")
