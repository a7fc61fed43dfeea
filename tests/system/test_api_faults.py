"""What goes wrong between a program and ``/v1``: each side learns of it, and nothing runs on for nobody."""

import http.client
import json
import socket
import threading
import time
import uuid
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.system.browser import Browser
from tests.system.instance import Instance, wait_until
from tests.system.test_api import MODEL, QUESTION, chat

LONG = {"max_tokens": 1000, "extra_body": {"ignore_eos": True}}
LIVE = "SELECT count(*) FROM playground_run WHERE status IN ('queued', 'running')"


def new_key(instance: Instance, *options: str) -> str:
    return instance.manage("apikey", "create", "--name", f"fault {uuid.uuid4()}", *options).stdout.strip()


def client_of(instance: Instance, key: str, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{instance.base}/v1", api_key=key, **({"max_retries": 0} | options))


def statuses(instance: Instance) -> list[str]:
    rows = instance.rows("SELECT status FROM playground_run WHERE kind = 'api' ORDER BY queued_at DESC")
    return [status for (status,) in rows]


def test_a_client_that_leaves_its_stream_stops_its_run(instance: Instance, client: openai.OpenAI) -> None:
    stream = chat(client, stream=True, **LONG)
    for piece in stream:
        if piece.choices[0].delta.content:
            break
    stream.close()
    wait_until(lambda: instance.rows(LIVE) == [(0,)], 20, "the end of the run")
    assert statuses(instance)[0] == "cancelled"


def test_a_client_that_runs_out_of_patience_stops_its_runs(instance: Instance, client: openai.OpenAI) -> None:
    with pytest.raises(openai.APITimeoutError):
        chat(client.with_options(timeout=1.0), n=3, **LONG)
    wait_until(lambda: instance.rows(LIVE) == [(0,)], 20, "the end of all three")
    assert statuses(instance)[:3] == ["cancelled"] * 3


def test_a_client_that_hangs_up_at_once_leaves_nothing_running(instance: Instance, api_key: str) -> None:
    body = json.dumps({"model": MODEL, "messages": QUESTION, "max_tokens": 1000, "ignore_eos": True})
    for pause in (0.0, 0.01, 0.05):
        with socket.create_connection(("localhost", instance.port)) as connection:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api_key}\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            time.sleep(pause)
    time.sleep(0.5)
    wait_until(lambda: instance.rows(LIVE) == [(0,)], 20, "the end of all of them")


def test_a_revoked_key_ends_its_open_stream(instance: Instance) -> None:
    key = new_key(instance)
    listed = instance.manage("apikey", "list").stdout.splitlines()
    (row,) = [line for line in listed if key[:11] in line]
    stream = chat(client_of(instance, key), stream=True, **LONG)
    next(iter(stream))
    threading.Thread(target=instance.manage, args=("apikey", "revoke", row.split()[0])).start()
    with pytest.raises(openai.APIError, match="revoked"):
        list(stream)
    wait_until(lambda: instance.rows(LIVE) == [(0,)], 20, "the end of the run")
    with pytest.raises(openai.AuthenticationError, match="revoked"):
        client_of(instance, key).models.list()


def test_a_run_that_somebody_stops_is_told(
    instance: Instance, browser: Browser, client: openai.OpenAI
) -> None:
    stream = chat(client, stream=True, **LONG)
    run = next(iter(stream)).id.removeprefix("chatcmpl-")
    browser.post(f"/runs/{run}/cancel")
    with pytest.raises(openai.APIError, match="Stopped"):
        list(stream)


def test_a_wrong_key_and_a_missing_scope(instance: Instance) -> None:
    with pytest.raises(openai.AuthenticationError):
        client_of(instance, "fs-nobody").models.list()
    reader = client_of(instance, new_key(instance, "--scopes", "read"))
    assert reader.models.list().data
    with pytest.raises(openai.PermissionDeniedError, match="scope run"):
        chat(reader)


def test_a_key_that_asks_too_often_is_told_when_to_come_back(instance: Instance) -> None:
    key = new_key(instance)
    fill = (
        "import time\nfrom django.core.cache import cache\nfrom playground.models import ApiKey\n"
        f"key = ApiKey.objects.get(shown={key[:11]!r})\n"
        "for minute in (0, 1): cache.set(f'api:{key.pk}:{time.time() // 60 + minute:.0f}', 10000, 180)"
    )
    assert instance.manage("shell", "-c", fill).returncode == 0
    with pytest.raises(openai.RateLimitError) as caught:
        client_of(instance, key).models.list()
    assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 60
    assert caught.value.code == "rate_limit_exceeded"


def test_what_cannot_be_asked_is_refused_in_shape(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        chat(client, model="gpt-6")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as long:
        chat(client, messages=[{"role": "user", "content": "word " * 3000}])
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as unknown:
        chat(client, reasoning_effort="high")
    assert (unknown.value.code, unknown.value.param) == ("unsupported_parameter", "reasoning_effort")
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model=MODEL, input="x")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
PATHS = ("chat/completions", "completions", "score", "tokenize", "models", "nothing")
NAMES = (
    "messages",
    "prompt",
    "stop",
    "n",
    "logprobs",
    "echo",
    "logit_bias",
    "stream",
    "continuations",
    "seed",
)
VALID = {"model": MODEL, "max_tokens": 1, "temperature": 0}


def test_no_body_brings_a_fault_or_a_worker_down(instance: Instance, api_key: str) -> None:
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
    workers = instance.children("celery")

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(PATHS),
        st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4),
        st.binary(max_size=8),
    )
    def send(path: str, changes: dict[str, Any], tail: bytes) -> None:
        connection = http.client.HTTPConnection("localhost", instance.port, timeout=60)
        connection.request("POST", f"/v1/{path}", json.dumps(VALID | changes).encode() + tail, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status in (200, 400, 404, 405, 413, 429)

    send()
    assert instance.children("celery") == workers
