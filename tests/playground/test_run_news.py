"""News of runs: what the pages in a room hear when a run is there and when it has ended."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from playground import room_events, run_news
from playground.actions import runs
from playground.events import connect
from playground.models import Experiment, Run
from playground.models.run import Outcome, Status
from tests.conftest import make_run, spec

pytestmark = pytest.mark.usefixtures("valkey")


def heard(experiment: Experiment) -> list[dict[str, Any]]:
    """The rows of all news of runs that are in the experiment's room."""
    with connect() as client:
        raws: Any = client.xrange(room_events.stream_key(experiment.pk))
    notes = [json.loads(fields["e"])["note"] for _, fields in raws]
    return [note["row"] for note in notes if note["kind"] == "run"]


@pytest.fixture
def started(alice: User, experiment: Experiment, django_capture_on_commit_callbacks: Any) -> Run:
    example = {"id": "a", "values": {"input": "Good day."}, "output": "Hello."}
    wanted = runs.Submission(alice, experiment.team, spec(examples=[example]), str(uuid.uuid4()), experiment)
    with django_capture_on_commit_callbacks(execute=True):
        run, _ = runs.submit(wanted)
        runs.submit(wanted)  # the same again is no news
    return run


def test_a_run_that_was_started_is_told_with_all_that_a_card_shows(started: Run, alice: User) -> None:
    assert started.experiment
    (row,) = heard(started.experiment)
    assert (row["id"], row["status"], row["user_id"]) == (str(started.pk), "queued", alice.pk)
    assert (row["user_name"], row["shots"], row["version"]) == ("alice", 1, 1)
    assert row["settings_words"] == started.settings_words


def test_whoever_ends_a_run_tells_it(started: Run) -> None:
    assert started.experiment
    runs.cancel(started)
    runs.cancel(started)
    assert [row["status"] for row in heard(started.experiment)] == ["queued", "cancelled"]


@pytest.mark.parametrize(("status", "ends_as"), [(Status.QUEUED, "expired"), (Status.RUNNING, "failed")])
def test_the_keeper_tells_what_it_ends(started: Run, status: Status, ends_as: str) -> None:
    assert started.experiment
    past = timezone.now() - timedelta(minutes=1)
    Run.objects.filter(pk=started.pk).update(status=status, deadline=past, lease_until=past)
    runs.keep_alive()
    row = heard(started.experiment)[-1]
    assert row["status"] == ends_as
    assert row["error"]


def test_an_end_brings_the_beginning_of_the_answer(started: Run) -> None:
    assert started.experiment
    Run.objects.filter(pk=started.pk).update(status=Status.RUNNING)
    started.finish(Outcome(Status.SUCCEEDED, "stop"), text="Hello! " * 100, completion_tokens=200)
    run_news.tell(started.pk)
    row = heard(started.experiment)[-1]
    assert row["preview"] == ("Hello! " * 100)[: run_news.PREVIEW]
    assert row["completion_tokens"] == 200


def test_what_stands_in_no_room_is_no_news(alice: User, experiment: Experiment) -> None:
    run_news.tell(make_run(alice).pk)
    run_news.tell(uuid.uuid4())
    assert heard(experiment) == []
