"""Versions: runs make them, editors save and restore them, viewers read them, others never hear of them."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from playground.actions import versions as actions
from playground.models import Experiment, Membership, Role, Team, Version
from playground.specs import PromptSpec
from tests.conftest import make_run, spec

pytestmark = pytest.mark.usefixtures("plain_static")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def send(user: User, method: str, name: str, pk: Any, body: Any = None, query: str = "") -> Any:
    url = reverse(name, args=[pk]) + query
    return client_of(user).generic(method, url, json.dumps(body), content_type="application/json")


def save(user: User, experiment: Experiment, label: str, prompt: PromptSpec, message: str = "") -> Any:
    body = {"label": label, "message": message, "spec": prompt.as_json()}
    return send(user, "POST", "versions", experiment.pk, body)


def listed(user: User, experiment: Experiment) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = send(user, "GET", "versions", experiment.pk).json()["versions"]
    return rows


@pytest.fixture
def automatic(alice: User, experiment: Experiment) -> Version:
    return actions.version_of(experiment, spec(instruction="one"), alice)


def test_saving_gives_the_newest_version_its_label_instead_of_a_second_one(
    alice: User, experiment: Experiment, automatic: Version
) -> None:
    answer = save(alice, experiment, "  First  ", spec(instruction="one"), "It works.")
    assert answer.status_code == 201
    assert [(row["number"], row["label"], row["message"]) for row in listed(alice, experiment)] == [
        (1, "First", "It works.")
    ]
    automatic.refresh_from_db()
    assert automatic.saved_at is not None


def test_a_saved_version_does_not_change(alice: User, experiment: Experiment) -> None:
    save(alice, experiment, "First", spec(instruction="one"))
    again = save(alice, experiment, "Other", spec(instruction="one"))
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_saved")
    version = experiment.versions.get()
    answer = send(alice, "PATCH", "version", version.pk, {"label": "Other"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_saved")
    version.refresh_from_db()
    assert version.label == "First"


def test_an_automatic_version_takes_a_label_once(
    alice: User, experiment: Experiment, automatic: Version
) -> None:
    assert send(alice, "PATCH", "version", automatic.pk, {"label": "Kept"}).status_code == 200
    assert send(alice, "PATCH", "version", automatic.pk, {"label": "No"}).status_code == 409
    assert listed(alice, experiment)[0]["label"] == "Kept"


def test_content_that_is_not_the_newest_is_saved_as_a_version_of_its_own(
    alice: User, experiment: Experiment, automatic: Version
) -> None:
    actions.version_of(experiment, spec(instruction="two"), alice)
    save(alice, experiment, "Back", spec(instruction="one"))
    assert [(row["number"], row["label"]) for row in listed(alice, experiment)] == [
        (3, "Back"),
        (2, ""),
        (1, ""),
    ]
    again = actions.version_of(experiment, spec(instruction="one"), alice)
    assert again.number == 3, "a run uses the newest version with its content"


def test_restoring_makes_a_new_version(alice: User, experiment: Experiment, automatic: Version) -> None:
    actions.version_of(experiment, spec(instruction="two"), alice)
    answer = send(alice, "POST", "version-restore", automatic.pk).json()["version"]
    assert (answer["number"], answer["restored_from"]) == (3, 1)
    assert answer["spec"]["instruction"] == "one"
    same = send(alice, "POST", "version-restore", answer["id"]).json()["version"]
    assert same["number"] == 3, "the newest is there already"


def test_the_list_counts_runs_and_comes_page_by_page(
    alice: User, experiment: Experiment, valkey: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        actions.version_of(experiment, spec(instruction=f"number {number}"), alice)
    run = make_run(alice)
    run.version = experiment.versions.get(number=5)
    run.save()
    monkeypatch.setattr(actions, "PAGE", 3)
    first = send(alice, "GET", "versions", experiment.pk).json()
    assert [(row["number"], row["runs"]) for row in first["versions"]] == [(5, 1), (4, 0), (3, 0)]
    rest = send(alice, "GET", "versions", experiment.pk, query="?before=3").json()
    assert ([row["number"] for row in rest["versions"]], rest["more"]) == ([2, 1], False)
    assert send(alice, "GET", "versions", experiment.pk, query="?before=x").status_code == 422


def test_a_page_of_versions_costs_the_same_queries(
    alice: User, experiment: Experiment, django_assert_num_queries: Any
) -> None:
    for number in range(30):
        actions.version_of(experiment, spec(instruction=f"number {number}"), alice)
    with django_assert_num_queries(3):
        assert len(actions.listed(experiment)["versions"]) == 30


def test_runs_say_their_version_and_are_found_by_it(
    alice: User, experiment: Experiment, automatic: Version, valkey: None
) -> None:
    one, other = make_run(alice, "a"), make_run(alice, "b")
    for run in (one, other):
        run.experiment = experiment
    one.version = automatic
    one.save()
    other.save()
    history = reverse("experiment-history", args=[experiment.pk])
    found = client_of(alice).get(history, {"version": str(automatic.pk)}).json()["runs"]
    assert [(row["id"], row["version"]) for row in found] == [(str(one.pk), 1)]
    assert len(client_of(alice).get(history, {"version": ""}).json()["runs"]) == 2
    assert client_of(alice).get(reverse("run", args=[one.pk])).json()["run"]["version"] == 1
    strange = client_of(alice).get(history, {"version": str(one.pk)})
    assert strange.status_code == 404


def test_a_viewer_reads_and_changes_nothing(bob: User, experiment: Experiment, automatic: Version) -> None:
    assert listed(bob, experiment)[0]["number"] == 1
    assert send(bob, "GET", "version", automatic.pk).json()["version"]["spec"]["instruction"] == "one"
    assert save(bob, experiment, "Mine", spec()).status_code == 403
    assert send(bob, "PATCH", "version", automatic.pk, {"label": "Mine"}).status_code == 403
    assert send(bob, "POST", "version-restore", automatic.pk).status_code == 403
    page = client_of(bob).get(reverse("experiment", args=[experiment.pk])).content.decode()
    assert "version-save" not in page
    assert experiment.versions.count() == 1


def test_an_outsider_finds_nothing(carol: User, experiment: Experiment, automatic: Version) -> None:
    assert send(carol, "GET", "versions", experiment.pk).status_code == 404
    assert save(carol, experiment, "Mine", spec()).status_code == 404
    for method, name in (("GET", "version"), ("PATCH", "version"), ("POST", "version-restore")):
        assert send(carol, method, name, automatic.pk, {"label": "Mine"}).status_code == 404
    assert Client().get(reverse("versions", args=[experiment.pk])).status_code == 401


def fork(user: User, experiment: Experiment, team: Team | None = None) -> Any:
    data = {"team": str(team.pk)} if team else {}
    return client_of(user).post(reverse("experiment-fork", args=[experiment.pk]), data)


def test_a_viewer_forks_into_a_team_of_their_own(bob: User, experiment: Experiment) -> None:
    experiment.inputs = [{"review": "Fine."}]
    experiment.save()
    experiment.tags.create(team=experiment.team, name="urgent")
    assert fork(bob, experiment, experiment.team).status_code == 403
    assert fork(bob, experiment).status_code == 302
    made = Experiment.objects.get(forked_from__experiment=experiment)
    assert (made.team.personal_of, made.title) == (bob, f"Fork of {experiment.title}")
    assert (made.draft, made.inputs, made.scope) == (experiment.draft, experiment.inputs, experiment.scope)
    assert not made.tags.exists()
    assert made.forked_from is not None
    assert made.forked_from.spec == experiment.draft


def test_a_fork_names_its_origin_only_to_those_who_may_see_it(
    alice: User, bob: User, carol: User, experiment: Experiment
) -> None:
    fork(bob, experiment)
    made = Experiment.objects.get(forked_from__experiment=experiment)
    page = reverse("experiment", args=[made.pk])
    assert reverse("experiment", args=[experiment.pk]) in client_of(bob).get(page).content.decode()
    Membership.objects.create(team=made.team, user=carol, role=Role.VIEWER)
    assert "Forked from" not in client_of(carol).get(page).content.decode()


def test_a_fork_of_a_draft_with_a_version_makes_no_second_one(alice: User, experiment: Experiment) -> None:
    fork(alice, experiment)
    fork(alice, experiment)
    assert experiment.versions.count() == 1


def test_what_a_link_kept_is_forked_without_a_source(alice: User, team: Team) -> None:
    work = actions.Work("A title", spec(instruction="kept"), inputs=[{"input": "Hi"}])
    made = actions.fork(team, alice, work)
    assert (made.title, made.draft["instruction"], made.forked_from) == ("A title", "kept", None)
