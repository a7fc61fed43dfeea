"""Presets: editors keep them, viewers apply them, others never hear of them."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from playground.access import Verb, preset_for
from playground.actions.presets import BUILT_IN
from playground.errors import NotFound
from playground.limits import LIMITS
from playground.models import Experiment, Preset, Team
from playground.specs import Settings

pytestmark = pytest.mark.usefixtures("plain_static")

LABELS = Settings(max_new_tokens=4, stop=["\n"]).model_dump(mode="json")


@pytest.fixture
def preset(team: Team) -> Preset:
    return Preset.objects.create(team=team, name="Labels", settings=LABELS)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def save(user: User, experiment: Experiment, name: str, settings: Any = LABELS) -> Any:
    body = json.dumps({"name": name, "settings": settings})
    url = reverse("presets", args=[experiment.pk])
    return client_of(user).post(url, body, content_type="application/json")


def change(user: User, preset: Preset, **changes: Any) -> Any:
    url = reverse("preset", args=[preset.pk])
    return client_of(user).patch(url, json.dumps(changes), content_type="application/json")


def names(user: User, experiment: Experiment) -> list[str]:
    answer = client_of(user).get(reverse("presets", args=[experiment.pk]))
    return [preset["name"] for preset in answer.json()["presets"]]


def test_the_built_in_ones_come_first_and_are_no_rows(alice: User, experiment: Experiment) -> None:
    assert save(alice, experiment, "  labels ").status_code == 201
    assert names(alice, experiment) == ["Greedy", "Balanced", "Creative", "labels"]
    assert [preset.settings for preset in Preset.objects.all()] == [LABELS]


@pytest.mark.parametrize("built_in", BUILT_IN.values(), ids=BUILT_IN)
def test_the_built_in_ones_are_valid_settings(built_in: dict[str, Any]) -> None:
    assert Settings.model_validate(built_in).mode == built_in["mode"]


def test_a_preset_is_renamed_and_updated_apart(alice: User, preset: Preset) -> None:
    assert change(alice, preset, name="Short labels").json()["preset"]["settings"] == LABELS
    assert change(alice, preset, settings=LABELS | {"max_new_tokens": 2}).status_code == 200
    preset.refresh_from_db()
    assert (preset.name, preset.settings["max_new_tokens"]) == ("Short labels", 2)
    assert "seed" in preset.settings, "that a seed is drawn anew is a setting too"


def test_a_preset_is_deleted(alice: User, preset: Preset) -> None:
    assert client_of(alice).delete(reverse("preset", args=[preset.pk])).status_code == 200
    assert not Preset.objects.exists()


@pytest.mark.parametrize("name", ["Labels", "LABELS", "greedy", "Balanced"])
def test_a_name_that_is_taken_is_refused_in_words(
    alice: User, experiment: Experiment, preset: Preset, name: str
) -> None:
    other = Preset.objects.create(team=preset.team, name="Other", settings=LABELS)
    for answer in (save(alice, experiment, name), change(alice, other, name=name)):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, "preset_name")
        assert error["message"].endswith("choose another name.")


def test_teams_do_not_share_names(alice: User, carol: User, preset: Preset) -> None:
    experiment = Experiment.objects.get(team__personal_of=carol)
    assert save(carol, experiment, preset.name).status_code == 201


@pytest.mark.parametrize(
    ("name", "given"),
    [("", LABELS), (" ", LABELS), ("x" * 41, LABELS), ("a\0b", LABELS), ("ok", {"temperature": 99})],
)
def test_what_is_no_preset_is_refused(
    alice: User, experiment: Experiment, name: str, given: dict[str, Any]
) -> None:
    answer = save(alice, experiment, name, given)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
    assert not Preset.objects.exists()


def test_a_team_has_so_many_and_no_more(alice: User, experiment: Experiment, team: Team) -> None:
    rows = (Preset(team=team, name=f"p{number}", settings=LABELS) for number in range(LIMITS.presets))
    Preset.objects.bulk_create(rows)
    answer = save(alice, experiment, "one more")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_presets")


def test_a_viewer_applies_and_changes_nothing(bob: User, experiment: Experiment, preset: Preset) -> None:
    assert preset.name in names(bob, experiment)
    assert save(bob, experiment, "mine").status_code == 403
    assert change(bob, preset, name="mine").status_code == 403
    assert client_of(bob).delete(reverse("preset", args=[preset.pk])).status_code == 403
    page = client_of(bob).get(reverse("experiment", args=[experiment.pk])).content.decode()
    assert "preset-save" not in page


def test_an_outsider_finds_nothing(carol: User, experiment: Experiment, preset: Preset) -> None:
    assert client_of(carol).get(reverse("presets", args=[experiment.pk])).status_code == 404
    assert save(carol, experiment, "mine").status_code == 404
    assert change(carol, preset, name="mine").status_code == 404
    assert client_of(carol).delete(reverse("preset", args=[preset.pk])).status_code == 404
    with pytest.raises(NotFound):
        preset_for(carol, preset.pk, Verb.READ)


def test_strangers_are_refused(experiment: Experiment) -> None:
    assert Client().get(reverse("presets", args=[experiment.pk])).status_code == 401
