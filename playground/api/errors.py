"""Refusals as OpenAI's interface words them, which is what its clients turn into their exceptions."""

from typing import Any

from django.http import JsonResponse

from playground.errors import Refusal

# Our codes where its clients know another one.
CODES = {
    "unknown_model": "model_not_found",
    "prompt_too_long": "context_length_exceeded",
    "too_many_runs": "rate_limit_exceeded",
    "too_fast": "rate_limit_exceeded",
}
STATUSES = {"unknown_model": 404}


def body_of(error: Refusal) -> dict[str, Any]:
    return {
        "error": {
            "message": error.message,
            "type": _type(status_of(error)),
            "param": error.field or None,
            "code": CODES.get(error.code, error.code),
        }
    }


def status_of(error: Refusal) -> int:
    """What is 422 to our pages is 400 there."""
    return STATUSES.get(error.code, 400 if error.status == 422 else error.status)


def _type(status: int) -> str:
    if status >= 500:
        return "server_error"
    names = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    return names.get(status, "invalid_request_error")


def answer(error: Refusal) -> JsonResponse:
    response = JsonResponse(body_of(error), status=status_of(error))
    if "retry_after" in error.extra:
        response["Retry-After"] = str(error.extra["retry_after"])
    if status_of(error) == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response
