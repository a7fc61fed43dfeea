"""The application of ``/api/``: its nouns, its document, and the answer to every refusal."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser
from pydantic_core import from_json

from playground.errors import Refusal
from playground.rest import comparisons, experiments, problems, run_events, runs, share_links, versions
from playground.specs import bad_json, fault

DESCRIPTION = (
    "Experiments, versions, runs, comparisons and share links of the team of an API key. Every refusal has "
    "the same shape, with a code and a sentence. A thing of another team is a 404 like one that is not there."
)


class StrictParser(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        """Refuses what is no JSON text to pydantic, which reads the bodies of all other addresses."""
        return from_json(request.body, allow_inf_nan=False)


class Api(NinjaAPI):
    def create_response(self, *args: Any, **options: Any) -> HttpResponse:
        response = super().create_response(*args, **options)
        response["Content-Length"] = str(len(response.content))
        response["X-Content-Type-Options"] = "nosniff"
        response["Cache-Control"] = "private, no-cache"
        return response


api = Api(
    title="Fewshot",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url=None,  # its pages would load scripts from elsewhere
    docs_decorator=require_GET,
    parser=StrictParser(),
)
api.add_router("/experiments", experiments.router)
for router in (versions.router, runs.router, run_events.router, comparisons.router, share_links.router):
    api.add_router("", router)


@api.exception_handler(Exception)
def refused(request: HttpRequest, error: Exception) -> HttpResponse:
    refusal = problems.refusal_of(error)
    response = api.create_response(request, refusal.as_json(), status=refusal.status)
    for name, value in problems.headers_of(refusal).items():
        response[name] = value
    return response


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """The first fault; of a body ninja names the parameter of the view, too."""
    first = error.errors[0]
    place = first["loc"][2 if first["loc"][0] == "body" else 1 :]
    return refused(request, fault(place, first["msg"]))


@api.exception_handler(HttpError)
def unread(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Ninja raises it for a body alone: keys are proved by our own refusals."""
    return refused(request, bad_json())


@csrf_exempt
def nowhere(request: HttpRequest) -> HttpResponse:
    """Whatever else begins with ``/api/``."""
    message = f"There is nothing at {request.method} {request.path}."
    return refused(request, Refusal("unknown_address", message, status=404))
