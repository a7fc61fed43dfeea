"""Full-text search: prompts and answers, for those who may read them; whatever is typed."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.actions import experiments as actions
from playground.actions import runs
from playground.models import Experiment, Run, SearchEntry
from tests.conftest import spec

pytestmark = pytest.mark.usefixtures("plain_static")


@pytest.fixture
def written(alice: User, experiment: Experiment) -> Experiment:
    prompt = spec(instruction="Translate every Café menu for the quick brown fox.")
    body = actions.Draft(draft_version=1, title="Menus", scope="Of restaurants", spec=prompt)
    actions.save_draft(experiment, body, alice)
    return experiment


def found(user: User, query: str) -> list[dict[str, Any]]:
    client = Client()
    client.force_login(user)
    rows: list[dict[str, Any]] = client.get(reverse("experiment-search"), {"q": query}).json()["texts"]
    return rows


@pytest.mark.parametrize(
    "query", ["translate", "TRANS", "fox quick", '"quick brown"', "restaurants menus", "brown fo"]
)
def test_words_prefixes_and_phrases_are_found(alice: User, written: Experiment, query: str) -> None:
    assert [row["title"] for row in found(alice, query)] == ["Menus"]


@pytest.mark.parametrize("query", ['"brown quick"', "trans fox", "translate missing", "", '"', "-- *", "OR"])
def test_what_does_not_stand_there_is_not_found(alice: User, written: Experiment, query: str) -> None:
    assert found(alice, query) == []


def test_an_old_text_is_found_no_more(alice: User, written: Experiment) -> None:
    actions.save_draft(
        written, actions.Draft(draft_version=2, title="Menus", spec=spec(instruction="Other")), alice
    )
    assert found(alice, "fox") == []
    assert SearchEntry.objects.filter(experiment=written, run=None).count() == 1
    written.delete()
    assert found(alice, "other") == []


def test_the_snippet_marks_what_was_found(alice: User, written: Experiment) -> None:
    (row,) = found(alice, "brown")
    assert [part["text"] for part in row["snippet"] if part["hit"]] == ["brown"]
    assert row["run"] is None


def test_answers_are_found_with_their_run(alice: User, experiment: Experiment, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(experiment=experiment, text="A <b>zeppelin</b> answer")
    run.refresh_from_db()
    SearchEntry.of_run(run)
    SearchEntry.of_run(run)
    assert [row["run"] for row in found(alice, "zeppelin")] == [str(run.pk)]
    client = Client()
    client.force_login(alice)
    page = client.get(reverse("experiments"), {"q": "zeppelin"}).content.decode()
    assert "&lt;b&gt;<mark>zeppelin</mark>&lt;/b&gt;" in page
    run.deleted_at = run.queued_at
    run.save()
    assert found(alice, "zeppelin") == []


def test_runs_are_found_however_they_end(alice: User, experiment: Experiment, valkey: None) -> None:
    stopped, overdue, lost = (asked(alice, experiment, word) for word in ("alpha", "beta", "gamma"))
    assert [row["run"] for row in found(alice, "alpha")] == [str(stopped.pk)], "also while it waits"
    runs.cancel(stopped)
    Run.objects.filter(pk=overdue.pk).update(deadline=timezone.now())
    assert lost.claim(uuid.uuid4())
    lost.checkpoint("An answer about zeppelins", 1, None)
    Run.objects.filter(pk=lost.pk).update(lease_until=timezone.now(), attempt=2)
    runs.keep_alive()
    assert [Run.objects.get(pk=one.pk).status for one in (stopped, overdue, lost)] == [
        "cancelled",
        "expired",
        "failed",
    ]
    words = ("alpha", "beta", "gamma", "zeppelins")
    places = [row["run"] for word in words for row in found(alice, word)]
    assert places == [str(one.pk) for one in (stopped, overdue, lost, lost)]


def asked(user: User, experiment: Experiment, text: str) -> Run:
    key = str(uuid.uuid4())
    return runs.submit(runs.Submission(user, experiment.team, spec(instruction=text), key, experiment))[0]


def test_only_those_who_may_read_find_it(bob: User, carol: User, written: Experiment) -> None:
    assert len(found(bob, "fox")) == 1
    assert found(carol, "fox") == []
    written.deleted_at = written.updated_at
    written.save()
    assert found(bob, "fox") == []


TYPED = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text("\"*:()-^\\' ANDORE")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TYPED)
def test_no_text_is_a_syntax_error(written: Experiment, query: str) -> None:
    for entry in SearchEntry.objects.matching(query):
        assert "".join(part["text"] for part in entry.snippet(query))
