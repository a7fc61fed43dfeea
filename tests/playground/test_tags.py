"""Tags and stars: who puts them on, how they are spelled, and which lists they narrow."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from playground.actions import experiments as actions
from playground.actions import exports, imports
from playground.actions.teams import make_personal_team
from playground.limits import LIMITS
from playground.models import Experiment, Role, Tag, Team
from tests.conftest import person

pytestmark = pytest.mark.usefixtures("plain_static")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def change(user: User, experiment: Experiment, **names: Any) -> Any:
    url = reverse("experiment-tags", args=[experiment.pk])
    return client_of(user).patch(url, json.dumps(names), content_type="application/json")


def add(user: User, experiment: Experiment, *names: str) -> Any:
    return change(user, experiment, add=names)


def star(user: User, experiment: Experiment, method: str = "put") -> Any:
    return getattr(client_of(user), method)(reverse("experiment-star", args=[experiment.pk]))


def titles(user: User, **query: str) -> list[str]:
    answer = client_of(user).get(reverse("experiments"), query)
    return [one.title for one in answer.context["experiments"]]


def tags_of(experiment: Experiment) -> list[str]:
    return sorted(experiment.tags.values_list("name", flat=True))


@pytest.fixture
def another(alice: User, team: Team) -> Experiment:
    made = actions.make_blank(team, alice)
    Experiment.objects.filter(pk=made.pk).update(title="Another")
    return made


def test_names_are_found_in_any_case_and_made_once(
    alice: User, experiment: Experiment, another: Experiment
) -> None:
    assert add(alice, experiment, "Étude", " two   words ").json()["tags"] == ["two words", "Étude"]
    answer = add(alice, another, "éTUDE", "ÉTUDE", "new").json()
    assert answer == {"tags": ["new", "Étude"], "team_tags": ["new", "two words", "Étude"]}
    assert Tag.objects.count() == 3


def test_tags_that_nothing_has_are_removed(alice: User, experiment: Experiment, another: Experiment) -> None:
    add(alice, experiment, "one", "both")
    add(alice, another, "both")
    change(alice, experiment, remove=["ONE", "Both", "never there"])
    assert [tag.name for tag in Tag.objects.all()] == ["both"]


def test_a_deleted_experiment_comes_back_with_its_tags(
    alice: User, experiment: Experiment, another: Experiment
) -> None:
    add(alice, experiment, "kept")
    client_of(alice).post(reverse("experiment-delete", args=[experiment.pk]))
    assert add(alice, another, "new").json()["team_tags"] == ["new"]
    client_of(alice).post(reverse("experiment-restore", args=[experiment.pk]))
    assert tags_of(experiment) == ["kept"]


def test_two_editors_undo_nothing_of_each_other(alice: User, experiment: Experiment) -> None:
    dave = person("dave")
    experiment.team.memberships.create(user=dave, role=Role.EDITOR)
    add(alice, experiment, "one", "two")
    assert change(dave, experiment, add=["three"], remove=["one"]).json()["tags"] == ["three", "two"]
    assert add(alice, experiment, "four").json()["tags"] == ["four", "three", "two"]


def test_more_than_the_limit_is_refused_and_nothing_changed(alice: User, experiment: Experiment) -> None:
    many = [f"t{number}" for number in range(LIMITS.tags)]
    assert add(alice, experiment, *many).status_code == 200
    refused = change(alice, experiment, add=["one more", "another"], remove=["t0"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_many_tags")
    assert tags_of(experiment) == sorted(many)
    assert Tag.objects.count() == LIMITS.tags
    assert change(alice, experiment, add=["one more"], remove=["t0"]).status_code == 200


@pytest.mark.parametrize(
    "names",
    [
        [""],
        ["  "],
        ["a,b"],
        ["a\0"],
        ["a" * (LIMITS.tag_chars + 1)],
        [f"t{n}" for n in range(LIMITS.tags + 1)],
    ],
    ids=["empty", "blank", "comma", "nul", "long", "many"],
)
def test_what_is_no_tag_is_refused_whole(alice: User, experiment: Experiment, names: list[str]) -> None:
    add(alice, experiment, "before")
    assert add(alice, experiment, "good", *names).status_code == 422
    assert tags_of(experiment) == ["before"]


def test_viewers_see_tags_and_change_none(bob: User, alice: User, experiment: Experiment) -> None:
    add(alice, experiment, "Draft")
    assert add(bob, experiment, "x").status_code == 403
    page = client_of(bob).get(reverse("experiment", args=[experiment.pk])).content.decode()
    assert ">Draft</a>" in page
    assert 'id="tag-new"' not in page
    assert (
        'id="tag-new"' in client_of(alice).get(reverse("experiment", args=[experiment.pk])).content.decode()
    )


def test_a_star_is_ones_own(alice: User, bob: User, experiment: Experiment) -> None:
    assert [star(bob, experiment).json() for _ in range(2)] == [{"starred": True}] * 2
    assert list(experiment.starred_by.all()) == [bob]
    assert titles(bob, starred="1") == [experiment.title]
    assert titles(alice, starred="1") == []
    assert [star(bob, experiment, "delete").json() for _ in range(2)] == [{"starred": False}] * 2
    assert titles(bob, starred="1") == []


def test_the_list_is_narrowed_by_tag_and_star(
    alice: User, experiment: Experiment, another: Experiment
) -> None:
    add(alice, experiment, "Draft", "R&D")
    add(alice, another, "Draft")
    star(alice, another)
    assert titles(alice, tag="draft") == ["Another", experiment.title]
    assert titles(alice, tag="R&D") == [experiment.title]
    assert titles(alice, tag="draft", starred="1") == ["Another"]
    assert titles(alice, tag="dra") == []
    answer = client_of(alice).get(reverse("experiments"), {"tag": "R&D"})
    listing = answer.context["listing"]
    assert (listing.query, listing.without_tag) == ("tag=R%26D", "")
    assert "starred=1&amp;tag=Draft" in client_of(alice).get("/experiments/?starred=1").content.decode()
    assert client_of(alice).get("/experiments/?starred=2").status_code == 422


def test_the_search_finds_words_only_where_the_list_looks(
    alice: User, experiment: Experiment, another: Experiment
) -> None:
    body = actions.Draft(draft_version=1, title="Another", scope="spectral", spec=another.draft)
    actions.save_draft(another, body, alice)
    add(alice, experiment, "Draft")
    found = {tag: client_of(alice).get(f"/experiments/?q=spectral&tag={tag}") for tag in ("", "Draft")}
    assert [len(answer.context["found"]) for answer in found.values()] == [1, 0]


def test_a_tag_of_another_team_narrows_nothing_of_it(
    carol: User, alice: User, experiment: Experiment
) -> None:
    add(alice, experiment, "Draft")
    assert titles(carol, tag="Draft") == []


def test_the_rail_has_the_starred_ones_first(
    alice: User, experiment: Experiment, another: Experiment
) -> None:
    star(alice, experiment)
    ages = client_of(alice).get(reverse("experiment", args=[another.pk])).context["ages"]
    assert [(label, [one.title for one in group]) for label, group in ages] == [
        ("Starred", [experiment.title]),
        ("Today", ["Another"]),
    ]


def test_files_carry_tags_and_no_stars(alice: User, experiment: Experiment) -> None:
    add(alice, experiment, "Draft", "Étude")
    star(alice, experiment)
    file = "".join(exports.experiment_json(experiment)).encode()
    erin = User.objects.create_user("erin")
    team = make_personal_team(erin)
    put_before = team.tags.create(name="DRAFT")
    (made,) = imports.store(team, erin, imports.read(file))
    assert tags_of(made) == ["DRAFT", "Étude"]
    assert put_before in made.tags.all()
    assert not made.starred_by.exists()


def test_moving_makes_the_tags_there_and_leaves_none_behind(
    alice: User, team: Team, experiment: Experiment, another: Experiment
) -> None:
    add(alice, experiment, "Draft", "only")
    add(alice, another, "Draft")
    lab = Team.objects.create(name="Lab")
    actions.move(experiment, lab, alice)
    assert sorted(lab.tags.values_list("name", flat=True)) == tags_of(experiment) == ["Draft", "only"]
    assert [tag.name for tag in team.tags.all()] == ["Draft"]
