"""``/api/`` for programs: pages of lists, drafts with ETags, runs that belong to a key, links shown once."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from playground.actions import rooms
from playground.consumers.reels import Reel
from playground.documents import Reader, document_of
from playground.events import Entry, EntryId
from playground.models import ApiKey, Experiment, Run, Team
from playground.models.run import Kind, Status
from playground.rest.run_events import news_of, written
from tests.conftest import spec
from tests.playground.permissions import api_key

pytestmark = pytest.mark.usefixtures("valkey")


@pytest.fixture
def program(alice: User, team: Team) -> Client:
    return Client(headers={"Authorization": f"Bearer {api_key('all', alice, team)}"})


def send(program: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = "" if body is None else json.dumps(body)
    return program.generic(method, f"/api/{path}", text, "application/json", headers=named)


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# Lists


def test_pages_show_everything_once_whatever_is_added_meanwhile(program: Client, team: Team) -> None:
    made = [send(program, "POST", "experiments", {"title": f"{n}"}).json()["id"] for n in range(4)]
    first = send(program, "GET", "experiments?limit=2").json()
    assert [row["id"] for row in first["items"]] == [made[3], made[2]]
    send(program, "POST", "experiments", {"title": "new"})
    Experiment.objects.get(pk=made[3]).delete()
    second = send(program, "GET", f"experiments?limit=2&cursor={first['next']}").json()
    assert [row["id"] for row in second["items"]] == [made[1], made[0]]
    last = send(program, "GET", f"experiments?cursor={second['next']}").json()
    assert (len(last["items"]), last["next"]) == (1, None)


@pytest.mark.parametrize("query", ["cursor=abc", "cursor=", "limit=0", "limit=101", "limit=x"])
def test_what_is_no_page(program: Client, query: str) -> None:
    answer = send(program, "GET", f"runs?{query}")
    assert code_of(answer) == (422, "invalid")
    assert answer.json()["error"]["field"] == query.partition("=")[0]


def test_a_key_sees_its_own_team_alone(program: Client, alice: User, carol: User) -> None:
    """Also of what its person has elsewhere."""
    elsewhere = Team.objects.get(personal_of=carol)
    elsewhere.memberships.create(user=alice, role="owner")
    theirs = elsewhere.experiments.get()
    assert send(program, "GET", f"experiments/{theirs.pk}").status_code == 404
    assert str(theirs.pk) not in send(program, "GET", "experiments").content.decode()


# Drafts


def test_a_draft_is_saved_over_what_was_seen_alone(program: Client, experiment: Experiment) -> None:
    path = f"experiments/{experiment.pk}/draft"
    draft = send(program, "GET", path)
    assert send(program, "GET", path, If_None_Match=draft["ETag"]).status_code == 304
    changed = draft.json() | {"title": "Mine"}
    assert code_of(send(program, "PUT", path, changed)) == (428, "precondition_required")
    saved = send(program, "PUT", path, changed, If_Match=draft["ETag"])
    assert (saved.status_code, saved.json()) == (200, changed)
    stale = send(program, "PUT", path, changed | {"title": "Yours"}, If_Match=draft["ETag"])
    assert code_of(stale) == (412, "draft_conflict")
    assert stale.json()["title"] == "Mine"
    assert send(program, "GET", path, If_None_Match=draft["ETag"])["ETag"] == saved["ETag"]


def test_whoever_has_the_experiment_open_gets_what_was_saved(program: Client, experiment: Experiment) -> None:
    room = rooms.opened(experiment)
    path = f"experiments/{experiment.pk}"
    renamed = send(program, "PATCH", path, {"title": "Renamed"}, If_Match="*")
    assert renamed.json()["title"] == "Renamed"
    room.refresh_from_db()
    assert Reader(document_of(bytes(room.state))).read()["title"] == "Renamed"


def test_a_body_is_refused_at_its_first_fault(program: Client, experiment: Experiment) -> None:
    path = f"experiments/{experiment.pk}/draft"
    wrong = send(program, "PUT", path, {"title": "x", "spec": {"model": "m", "shots": -1}}, If_Match="*")
    assert code_of(wrong) == (422, "invalid")
    assert wrong.json()["error"]["field"] == "spec.shots"
    broken = program.generic("PUT", f"/api/{path}", '{"title": NaN}', "application/json")
    assert code_of(broken) == (400, "bad_json")


# Runs


def test_the_same_request_is_the_same_run(program: Client, experiment: Experiment) -> None:
    path = f"experiments/{experiment.pk}/runs"
    first = send(program, "POST", path, {"values": {"review": "Good."}}, Idempotency_Key="k")
    assert first.status_code == 201, first.content
    Experiment.objects.filter(pk=experiment.pk).update(draft=spec(fields=["review"]).as_json())
    again = send(program, "POST", path, {"values": {"review": "Good."}}, Idempotency_Key="k")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    other = send(program, "POST", path, {"values": {"review": "Bad."}}, Idempotency_Key="k")
    assert code_of(other) == (409, "idempotency_conflict")
    run = Run.objects.get(pk=first.json()["id"])
    assert (run.kind, run.api_key, run.spec["input"]) == (Kind.API, ApiKey.objects.get(), {"review": "Good."})


def test_values_are_of_fields(program: Client, experiment: Experiment) -> None:
    answer = send(program, "POST", f"experiments/{experiment.pk}/runs", {"values": {"nothing": "x"}})
    assert code_of(answer) == (422, "invalid")
    assert "no such field" in answer.json()["error"]["message"]


def test_a_version_of_elsewhere_is_not_there(program: Client, experiment: Experiment, team: Team) -> None:
    other = send(program, "POST", "experiments", {"title": "Other"}).json()["id"]
    version = send(program, "POST", f"experiments/{other}/versions", {"label": "One"}).json()["id"]
    answer = send(program, "POST", f"experiments/{experiment.pk}/runs", {"version": version})
    assert code_of(answer) == (404, "not_found")


def test_stopping_a_run_is_answered_by_what_it_is(program: Client, run: Run) -> None:
    stopped = send(program, "POST", f"runs/{run.pk}/cancel")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "cancelled")
    assert send(program, "GET", f"runs/{run.pk}").json()["error"]["code"] == "cancelled"


# Events


def reel_of(*events: tuple[int, dict[str, Any]]) -> Reel:
    reel = Reel(uuid.uuid4())
    for seq, event in events:
        reel.apply(Entry(EntryId(1, seq), event))
    return reel


START = (1, {"type": "start", "prompt_tokens": 3, "cached_tokens": 0})
DELTA = (2, {"type": "delta", "at": 0, "tokens": [{"t": "a"}], "text": "a"})
END = (3, {"type": "end", "status": "succeeded"})


def test_a_stream_is_taken_up_where_it_broke_off() -> None:
    frames, place = news_of(reel_of(START, DELTA, END), EntryId(1, 1))
    assert [frame["op"] for frame in frames] == ["delta", "end"]
    assert place == EntryId(1, 3)
    assert written(frames[0]).startswith(b'id: 1-2\nevent: delta\ndata: {"text":"a"')


def test_the_end_is_told_to_whoever_asks_behind_it() -> None:
    assert [frame["op"] for frame in news_of(reel_of(START, DELTA, END), EntryId(1, 3))[0]] == ["end"]


def test_without_a_tape_the_row_tells() -> None:
    reel = Reel(uuid.uuid4())
    reel.take_row(Run(status=Status.SUCCEEDED, text="ab", last_seq=9, settings={}, prompt_ids=[]))
    reset, end = news_of(reel, EntryId(1, 2))[0]
    assert (reset["snapshot"]["text"], end["op"]) == ("ab", "end")


# Share links


def test_the_secret_of_a_link_is_told_once(program: Client, experiment: Experiment) -> None:
    wanted = {"kind": "experiment", "id": str(experiment.pk), "mode": "live", "expires": "day"}
    made = send(program, "POST", "share-links", wanted).json()
    secret = made["url"].split("/s/")[1].strip("/")
    listed = send(program, "GET", "share-links")
    assert secret not in listed.content.decode()
    assert listed.json()["items"][0] == made["link"]
    assert send(program, "DELETE", f"share-links/{made['link']['id']}").status_code == 204
    assert send(program, "GET", "share-links").json()["items"][0]["state"] == "revoked"


def test_what_is_nowhere_is_refused_in_the_same_shape(program: Client) -> None:
    for path in ("", "nothing", "experiments/not-an-id", "two%0Alines"):
        assert code_of(send(program, "GET", path)) == (404, "unknown_address")
