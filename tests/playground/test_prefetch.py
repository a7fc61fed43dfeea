"""A prompt that is being written: a warm worker hears of it, if it is worth the message."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from playground.celery import app
from playground.models import WorkerLease
from playground.models.worker_lease import WorkerState
from tests.conftest import spec

MODEL = "smollm2-135m-instruct"
LONG = "A review of a film that nobody had expected to be this good. " * 10

pytestmark = pytest.mark.usefixtures("plain_static")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What goes to the broker."""
    messages: list[Any] = []
    monkeypatch.setattr(
        app, "send_task", lambda name, args, **options: messages.append((name, args, options))
    )
    return messages


def preview(user: User, text: str) -> int:
    client = Client()
    client.force_login(user)
    wanted = spec(input={"input": text}).as_json()
    return client.post(
        reverse("prompt-render"), {"spec": wanted}, content_type="application/json"
    ).status_code


def warm(state: WorkerState = WorkerState.WARM) -> None:
    WorkerLease.objects.create(name="host", model=MODEL, state=state)


def test_warm_worker_hears_of_a_long_prompt(alice: User, sent: list[Any]) -> None:
    warm()
    assert preview(alice, LONG) == 200
    ((name, (model, user, ids), options),) = sent
    assert (name, model, user) == ("playground.prefetch", MODEL, str(alice.pk))
    assert len(ids) > 100
    assert options["expires"] == 5


def test_short_prompt_is_not_worth_a_message(alice: User, sent: list[Any]) -> None:
    warm()
    assert preview(alice, "Hello.") == 200
    assert sent == []


def test_prompt_that_does_not_fit_is_not_sent(alice: User, sent: list[Any]) -> None:
    warm()
    assert preview(alice, LONG * 40) == 200
    assert sent == []


@pytest.mark.parametrize("state", [None, WorkerState.LOADING])
def test_nobody_is_told_while_no_worker_is_warm(
    alice: User, sent: list[Any], state: WorkerState | None
) -> None:
    if state:
        warm(state)
    assert preview(alice, LONG) == 200
    assert sent == []
