"""The starters are valid and fit the default model; only members who may edit can use them."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from playground.actions import prompts
from playground.models import Experiment, Membership, Role, Team
from playground.starters import FIRST, STARTERS, Starter
from tests.conftest import person

pytestmark = pytest.mark.usefixtures("plain_static")
MODEL = "smollm2-135m-instruct"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def use(client: Client, key: str) -> int:
    headers = {"Accept": "text/html"}
    return client.post(reverse("experiment-new"), {"starter": key}, headers=headers).status_code


def test_every_file_is_in_the_gallery() -> None:
    folder = Path(__file__).parents[2] / "playground" / "starters"
    assert {path.stem for path in folder.glob("*.toml")} == set(STARTERS)
    assert FIRST in STARTERS


@pytest.mark.parametrize("starter", STARTERS.values(), ids=STARTERS.keys())
def test_a_starter_is_complete_and_fits_the_window(starter: Starter) -> None:
    names = {*starter.fields, starter.output_name}
    assert all(set(example) == names for example in starter.examples)
    assert all(set(values) == set(starter.fields) for values in starter.inputs)
    assert len(starter.examples) == 5
    assert len(starter.inputs) >= 3
    assert starter.purpose.endswith(".")
    spec = starter.spec(MODEL)
    for values in starter.inputs:
        assert not prompts.counted(spec.model_copy(update={"input": values})).over
    assert not prompts.warnings(spec)


def test_the_docs_show_every_starter_and_every_test_input() -> None:
    page = (Path(__file__).parents[2] / "docs" / "starters.md").read_text()
    for starter in STARTERS.values():
        assert f"## {starter.title}\n" in page
        assert not [text for values in starter.inputs for text in values.values() if text not in page]


def test_no_test_input_is_an_example() -> None:
    for starter in STARTERS.values():
        shown = [{name: row[name] for name in starter.fields} for row in starter.examples]
        assert not [values for values in starter.inputs if values in shown]


def test_the_gallery_makes_an_experiment_of_ones_own(alice: User, team: Team) -> None:
    client = signed_in(alice)
    page = client.get(reverse("experiments")).content.decode()
    assert all(starter.title in page and starter.purpose in page for starter in STARTERS.values())
    for key in STARTERS:
        assert use(client, key) == 302
    made = Experiment.objects.filter(team=team)
    assert {starter.title for starter in STARTERS.values()} <= set(made.values_list("title", flat=True))
    spelling = made.get(title=STARTERS["spelling"].title)
    assert (spelling.inputs, spelling.draft["model"]) == (STARTERS["spelling"].inputs, MODEL)


def test_viewers_and_strangers_cannot_use_a_starter(alice: User, team: Team) -> None:
    Membership.objects.filter(team=team, user=alice).update(role=Role.VIEWER)
    client = signed_in(alice)
    assert use(client, FIRST) == 403
    page = client.get(reverse("experiments")).content.decode()
    assert "Use this" not in page
    assert "New experiment" not in page
    assert Client().post(reverse("experiment-new"), {"starter": FIRST}).url.startswith("/accounts/login/")  # type: ignore[attr-defined]
    assert Experiment.objects.count() == 1


def test_an_unknown_starter_is_not_found(alice: User) -> None:
    assert use(signed_in(alice), "../settings") == 404
    assert Experiment.objects.count() == 1


def test_the_page_without_experiments_has_the_gallery(alice: User) -> None:
    Experiment.objects.all().delete()
    page = signed_in(alice).get(reverse("experiments")).content.decode()
    assert STARTERS["chat"].purpose in page


def test_titles_are_searched_where_one_may_read(alice: User, bob: User, carol: User, team: Team) -> None:
    Experiment.objects.create(team=team, title="Ticket triage", draft={})
    url = reverse("experiment-search")

    def titles(user: User, wanted: str) -> list[str]:
        answer = signed_in(user).get(url, {"q": wanted})
        return [row["title"] for row in answer.json()["experiments"]]

    assert titles(alice, "TRIAGE") == ["Ticket triage"]
    assert titles(bob, "triage") == ["Ticket triage"]
    assert titles(carol, "triage") == []
    assert titles(alice, "no\0such%_title") == []
    assert "Ticket triage" in titles(alice, "")
    assert Client().get(url).status_code == 401


def test_test_inputs_are_saved_with_the_draft(alice: User, experiment: Experiment) -> None:
    client = signed_in(alice)
    body = {"draft_version": 1, "title": "t", "scope": "", "spec": experiment.draft}
    url = reverse("experiment-draft", args=[experiment.pk])

    def put(**fields: object) -> int:
        return client.put(url, body | fields, content_type="application/json").status_code

    assert put(inputs=[{"review": "Not bad."}]) == 200
    experiment.refresh_from_db()
    assert experiment.inputs == [{"review": "Not bad."}]
    assert put(draft_version=2, inputs=[{"review": "x"}] * 101) == 422
    assert put(draft_version=2, inputs=[{"review": 7}]) == 422
    assert person("dora").pk  # a personal team is made with the first starter
    assert Experiment.objects.get(team__personal_of__username="dora").inputs == STARTERS[FIRST].inputs
