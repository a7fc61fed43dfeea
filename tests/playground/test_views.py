"""Pages and JSON: they work, then each refusal."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from playground.models import Experiment, Run, SignInLink
from tests.conftest import person, spec

pytestmark = pytest.mark.usefixtures("valkey", "plain_static")


@pytest.fixture
def page(alice: User) -> Client:
    return signed_in(alice)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def draft(experiment: Experiment, **changes: Any) -> str:
    fields = {
        "draft_version": experiment.draft_version,
        "title": "New title",
        "scope": "",
        "spec": spec().as_json(),
    }
    return json.dumps(fields | changes)


def put(client: Client, experiment: Experiment, body: str) -> Any:
    return client.put(
        reverse("experiment-draft", args=[experiment.pk]), body, content_type="application/json"
    )


def post_run(client: Client, experiment: Experiment, body: Any, key: str = "k") -> Any:
    url = reverse("experiment-runs", args=[experiment.pk])
    return client.post(url, body, content_type="application/json", headers={"Idempotency-Key": key})


def test_the_list_and_the_page_show_the_starter(page: Client, experiment: Experiment) -> None:
    assert experiment.title in page.get("/experiments/").content.decode()
    answer = page.get(reverse("experiment", args=[experiment.pk]))
    assert answer.status_code == 200
    assert 'id="page-data"' in answer.content.decode()


def test_a_new_experiment_opens(page: Client) -> None:
    answer = page.post(reverse("experiment-new"), follow=True)
    assert answer.status_code == 200
    assert Experiment.objects.filter(title="Untitled").exists()


def test_a_draft_is_saved_under_the_next_number(page: Client, experiment: Experiment) -> None:
    assert put(page, experiment, draft(experiment)).json() == {"draft_version": 2}
    experiment.refresh_from_db()
    assert (experiment.title, experiment.draft["instruction"]) == ("New title", "")


def test_an_old_tab_cannot_overwrite(alice: User, page: Client, experiment: Experiment) -> None:
    put(page, experiment, draft(experiment, title="First"))
    answer = put(page, experiment, draft(experiment, title="Second"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "draft_conflict")
    assert (answer.json()["title"], answer.json()["draft_version"]) == ("First", 2)
    assert answer.json()["by"] == {"id": alice.pk, "name": "alice"}


def test_a_run_starts_and_starts_once(page: Client, experiment: Experiment) -> None:
    body = json.dumps({"spec": spec().as_json()})
    first, again = post_run(page, experiment, body), post_run(page, experiment, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    shown = page.get(reverse("run", args=[first.json()["run"]["id"]])).json()["run"]
    assert shown["status"] == "queued"


def test_a_run_can_be_stopped_over_http(page: Client, run: Run) -> None:
    answer = page.post(reverse("run-cancel", args=[run.pk]))
    assert (answer.status_code, answer.json()["run"]["status"]) == (200, "cancelled")


def test_the_exact_prompt_adds_up(page: Client) -> None:
    body = json.dumps({"spec": spec(instruction="Be kind.").as_json(), "tokens": True})
    answer = page.post(reverse("prompt-render"), body, content_type="application/json").json()
    counts = answer["counts"]
    assert counts["prompt"] == len(answer["tokens"])
    assert (
        counts["prompt"]
        == counts["instruction"] + sum(counts["examples"]) + counts["input"] + counts["format"]
    )
    assert any(token["special"] for token in answer["tokens"])


BAD = [
    ("not json", "bad_json"),
    ("[]", "invalid"),
    ('{"spec": 7}', "invalid"),
    (json.dumps({"spec": spec().as_json() | {"surprise": 1}}), "invalid"),
    (json.dumps({"spec": spec().as_json() | {"instruction": "a\0b"}}), "invalid"),
    ('{"spec": {"model": "m", "instruction": "\\ud800"}}', "bad_json"),
    (json.dumps({"spec": spec().as_json() | {"model": "gpt-17"}}), "unknown_model"),
    (json.dumps({"spec": spec().as_json() | {"fields": ["a", "a"]}}), "invalid"),
    (json.dumps({"spec": spec().as_json() | {"fields": []}}), "invalid"),
    (json.dumps({"spec": spec().as_json() | {"instruction": "🙂" * 262144}}), "invalid"),
]
OUT_OF_RANGE = [
    {"max_new_tokens": 0},
    {"max_new_tokens": 10**9},
    {"max_new_tokens": 1.5},
    {"temperature": 0},
    {"temperature": -1},
    {"temperature": 99},
    {"top_k": -1},
    {"top_p": 0},
    {"top_p": 1.01},
    {"stop": [""]},
    {"stop": ["x"] * 99},
    {"stop": ["x" * 999]},
    {"seed": -1},
    {"seed": 2**32},
    {"mode": "psychic"},
    {"min_p": 1.5},
    {"repetition_penalty": 0},
    {"presence_penalty": 2.5},
    {"frequency_penalty": -9},
]
BAD += [
    (json.dumps({"spec": spec().as_json() | {"settings": settings}}), "invalid") for settings in OUT_OF_RANGE
]


@pytest.mark.parametrize(("body", "code"), BAD)
def test_bad_input_is_refused_in_words_and_nothing_is_stored(
    page: Client, experiment: Experiment, body: str, code: str
) -> None:
    answer = post_run(page, experiment, body)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message"].endswith(".")
    assert not Run.objects.exists()


def test_a_missing_idempotency_key_is_refused(page: Client, experiment: Experiment) -> None:
    answer = post_run(page, experiment, json.dumps({"spec": spec().as_json()}), key="")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "idempotency_key")


def test_a_viewer_reads_but_does_not_act(bob: User, experiment: Experiment) -> None:
    viewer = signed_in(bob)
    assert viewer.get(reverse("experiment", args=[experiment.pk])).status_code == 200
    assert put(viewer, experiment, draft(experiment)).status_code == 403
    assert post_run(viewer, experiment, json.dumps({"spec": spec().as_json()})).status_code == 403


def test_an_outsider_finds_nothing(carol: User, experiment: Experiment, run: Run) -> None:
    outsider = signed_in(carol)
    for name, pk in [("experiment", experiment.pk), ("experiment-history", experiment.pk), ("run", run.pk)]:
        assert outsider.get(reverse(name, args=[pk])).status_code == 404
    assert put(outsider, experiment, draft(experiment)).status_code == 404
    assert outsider.post(reverse("run-cancel", args=[run.pk])).status_code == 404
    assert Run.objects.get(pk=run.pk).status == "queued"


def test_strangers_are_sent_to_sign_in(experiment: Experiment) -> None:
    stranger = Client()
    assert stranger.get("/experiments/").headers["Location"].startswith("/accounts/login/")
    assert put(stranger, experiment, draft(experiment)).status_code == 401


def test_posts_need_the_csrf_token(alice: User, experiment: Experiment) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert put(client, experiment, draft(experiment)).status_code == 403


def test_sign_up_is_closed(db: None) -> None:
    answer = Client().post(
        "/accounts/signup/", {"username": "x", "password1": "longenough1", "password2": "longenough1"}
    )
    assert not User.objects.filter(username="x").exists()
    assert answer.status_code == 200


def test_a_sign_in_link_works_once(db: None) -> None:
    url = reverse("welcome", args=[SignInLink.make(person("dave"))])
    first, second = Client(), Client()
    assert first.get(url).status_code == 200
    assert first.post(url, {"name": "Dave", "password": ""}).status_code == 302
    assert first.get("/experiments/").status_code == 200
    assert second.post(url, {"name": "Eve", "password": ""}).status_code == 410
    assert second.get(url).status_code == 410


def test_a_wrong_sign_in_link_is_gone(db: None) -> None:
    assert Client().get(reverse("welcome", args=["guess"])).status_code == 410


def test_security_headers(page: Client) -> None:
    answer = page.get("/experiments/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_the_limits_are_published(db: None) -> None:
    assert Client().get("/limits").json()["examples"] > 0


def test_a_missing_page_says_so(page: Client) -> None:
    answer = page.get(f"/experiments/{uuid.uuid4()}/", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "no access" in answer.content.decode() or "no such" in answer.content.decode()
