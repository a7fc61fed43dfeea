"""The document of ``/api/`` against the program: schemathesis asks, well and badly, with each scope."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from playground.api import endpoint
from playground.models import Scope, Team
from tests.playground.permissions import Things, api_key, someone, things
from tests.playground.test_permissions import on_this_thread, value_of

pytestmark = pytest.mark.usefixtures("valkey", "plain_static")

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
# Whose ids stand in paths. A run that has ended, for the events of another never end here.
NOUNS = {
    "experiments": "experiment",
    "versions": "version",
    "runs": "ended",
    "comparisons": "comparison",
    "share-links": "share_link",
}
EXAMPLES = 3  # of each operation


class Programs(WSGIHandler):
    """As playground/api/handler.py, in this thread: no middleware."""

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]


schema = schemathesis.openapi.from_wsgi("/api/openapi.json", Programs())


@pytest.fixture
def one_connection(db: None) -> Iterator[None]:
    """Requests leave the connection of the test's transaction open, as those of Django's client do."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def keys(one_connection: None, monkeypatch: pytest.MonkeyPatch) -> tuple[Things, list[str]]:
    """A team with one of everything, and its keys: one of each scope alone, one of all."""
    on_this_thread(monkeypatch)
    many = type("Many", (), {"api_requests_per_minute": 10**6})
    monkeypatch.setattr(endpoint, "LIMITS", many)
    owner = someone("alice")
    team = Team.objects.get(personal_of=owner)
    home = things(owner)
    alone = [api_key(f"only {scope}", owner, team, [scope]) for scope in Scope]
    return home, [*alone, api_key("all", owner, team)]


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_in_the_document(case: Case[Any], keys: tuple[Things, list[str]]) -> None:
    home, secrets = keys
    if "pk" in case.path_parameters:
        ask(case, secrets[-1])
        case.path_parameters["pk"] = str(value_of(home, NOUNS[case.path.split("/")[2]]))
    for secret in secrets:
        ask(case, secret)


def ask(case: Case[Any], secret: str) -> None:
    """Whatever it did is undone."""
    with transaction.atomic(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an asynchronous stream under a synchronous handler
        answer = case.call(headers={"Authorization": f"Bearer {secret}"})
        transaction.set_rollback(True)
    case.validate_response(answer, checks=CHECKS)
