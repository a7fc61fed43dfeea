"""Published prompts: a name means a version; programs bring values, and settings where they differ."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from playground.access import published_prompt_called, published_prompts_of
from playground.actions import api_keys, audit, deletions, experiments, published_prompts, teams, versions
from playground.actions.api_keys import NewApiKey
from playground.api import chat, completions
from playground.api.bodies import Chat, Completion, read
from playground.api.errors import status_of
from playground.errors import Refusal
from playground.models import (
    ApiKey,
    Experiment,
    Membership,
    Publication,
    PublishedPrompt,
    Role,
    Run,
    Team,
    Version,
)
from playground.models.run import Kind, Status
from playground.specs import PromptSpec, Settings
from tests.conftest import make_run, person, spec

pytestmark = pytest.mark.usefixtures("valkey")

TWO: dict[str, Any] = {
    "fields": ["text", "tone"],
    "input": {"text": "Hi", "tone": "warm"},
    "instruction": "Say {{text}}.",
}
SAMPLED = Settings(mode="sample", temperature=0.5, top_k=7, max_new_tokens=9, stop=["\n"])


@pytest.fixture
def key(alice: User, team: Team) -> ApiKey:
    return api_keys.make(team, alice, NewApiKey(name="Script"))[0]


def version_of(experiment: Experiment, user: User, **changes: Any) -> Version:
    return versions.version_of(experiment, spec(**changes), user)


def publish(experiment: Experiment, user: User, name: str = "greet", **changes: Any) -> PublishedPrompt:
    return published_prompts.publish(version_of(experiment, user, **changes), user, name)


def ask(key: ApiKey, prompt: PublishedPrompt | str, **body: Any) -> Run:
    whole = {"model": str(prompt), "messages": []} | body
    return chat.start(key, read(Chat, SimpleNamespace(body=json.dumps(whole).encode())))[0]  # type: ignore[arg-type]


def complete(key: ApiKey, published: PublishedPrompt, /, **body: Any) -> list[Run]:
    whole = {"model": str(published)} | body
    return completions.start(key, read(Completion, SimpleNamespace(body=json.dumps(whole).encode())))  # type: ignore[arg-type]


def says(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def refused(key: ApiKey, prompt: PublishedPrompt | str, **body: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        ask(key, prompt, **body)
    return caught.value


def test_the_address_is_of_the_team_and_the_name(experiment: Experiment, alice: User) -> None:
    assert publish(experiment, alice).address == "prompt:alices-team/greet"


def test_the_address_stays_when_the_team_is_renamed(experiment: Experiment, alice: User, team: Team) -> None:
    before = publish(experiment, alice).address
    Team.objects.filter(pk=team.pk).update(name="Support")
    experiment = Experiment.objects.get(pk=experiment.pk)
    assert publish(experiment, alice).address == before


def test_two_teams_of_one_name_have_two_addresses(experiment: Experiment, alice: User) -> None:
    first = publish(experiment, alice)
    twin = Team.objects.create(name=experiment.team.name)
    other = publish(Experiment.objects.create(team=twin, title="x", draft=spec().as_json()), alice)
    assert (first.team.slug, other.team.slug) == ("alices-team", "alices-team-2")


def test_a_run_fills_the_field_and_points_to_its_version(
    experiment: Experiment, alice: User, key: ApiKey
) -> None:
    prompt = publish(experiment, alice)
    run = ask(key, prompt, messages=says("Good day"))
    assert (run.kind, run.experiment, run.version, run.published_prompt) == (
        Kind.API,
        experiment,
        prompt.version,
        prompt,
    )
    assert PromptSpec.model_validate(run.spec).input == {"input": "Good day"}
    assert "Good day" in run.prompt_text
    assert "Say hello" not in run.prompt_text


def test_it_renders_as_the_page_does(experiment: Experiment, alice: User, key: ApiKey) -> None:
    prompt = publish(experiment, alice)
    assert ask(key, prompt, messages=says("Say hello.")).prompt_ids == make_run(alice).prompt_ids


def test_several_fields_come_by_name(experiment: Experiment, alice: User, key: ApiKey) -> None:
    prompt = publish(experiment, alice, **TWO)
    run = ask(key, prompt, fields={"text": "Bye", "tone": "cold"})
    assert run.spec["input"] == {"text": "Bye", "tone": "cold"}
    assert refused(key, prompt, fields={"text": "Bye"}).field == "fields.tone"
    error = refused(key, prompt, fields={"text": "Bye", "tone": "cold", "mood": "x"})
    assert (error.field, "mood" in error.message) == ("fields.mood", True)
    assert refused(key, prompt, messages=says("Bye")).field == "fields"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"fields": {"input": "x"}, "messages": says("y")}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}, *says("y")]}, "messages"),
        ({"messages": says("x") * 2}, "messages"),
        ({"messages": []}, "messages"),
        ({"model": "smollm2-135m-instruct", "messages": says("x"), "fields": {"input": "x"}}, "fields"),
    ],
)
def test_nothing_of_a_request_is_ignored(
    experiment: Experiment, alice: User, key: ApiKey, body: dict[str, Any], field: str
) -> None:
    assert refused(key, publish(experiment, alice), **body).field == field


def test_settings_are_those_of_the_version(experiment: Experiment, alice: User, key: ApiKey) -> None:
    run = ask(key, publish(experiment, alice, settings=SAMPLED), messages=says("x"))
    acting = {name: run.settings[name] for name in ("mode", "temperature", "top_k", "max_new_tokens", "stop")}
    assert acting == {
        "mode": "sample",
        "temperature": 0.5,
        "top_k": 7,
        "max_new_tokens": 9,
        "stop": ["\n"],
    }
    assert run.spec["settings"] == SAMPLED.model_dump(mode="json")


def test_what_a_request_gives_stands_in_their_place(experiment: Experiment, alice: User, key: ApiKey) -> None:
    prompt = publish(experiment, alice, settings=SAMPLED)
    run = ask(key, prompt, messages=says("x"), temperature=1.0, max_tokens=3, seed=4, logit_bias={"5": 1})
    assert (run.settings["temperature"], run.settings["top_k"], run.settings["seed"]) == (1.0, 7, 4)
    assert (run.max_new_tokens, run.settings["logit_bias"]) == (3, [[5, 1.0]])
    greedy = ask(key, prompt, messages=says("x"), temperature=0, stop=None)
    assert (greedy.settings["mode"], greedy.settings["stop"]) == ("greedy", ["\n"])
    PromptSpec.model_validate(greedy.spec)


def test_completions_take_a_text_or_several(experiment: Experiment, alice: User, key: ApiKey) -> None:
    prompt = publish(experiment, alice, settings=SAMPLED)
    (one,) = complete(key, prompt, prompt="Hello")
    assert (one.spec["input"], one.max_new_tokens) == ({"input": "Hello"}, 9)
    several = complete(key, prompt, prompt=["a", "b"], n=2)
    assert [run.spec["input"]["input"] for run in several] == ["a", "a", "b", "b"]
    assert complete(key, prompt, fields={"input": "x"})
    for wrong in ({"prompt": [1, 2]}, {"prompt": "x", "fields": {"input": "y"}}, {}):
        with pytest.raises(Refusal) as caught:
            complete(key, prompt, **wrong)
        assert caught.value.field == "prompt"


def test_publishing_a_newer_version_switches(experiment: Experiment, alice: User, key: ApiKey) -> None:
    first = publish(experiment, alice)
    second = publish(experiment, alice, instruction="Be brief.")
    assert first == second
    assert "Be brief." in ask(key, first, messages=says("x")).prompt_text
    old = first.publications.order_by("pk")[0].version
    assert old is not None
    published_prompts.switch(first, alice, old.pk)
    assert "Be brief." not in ask(key, first, messages=says("x")).prompt_text
    numbers = [entry.version and entry.version.number for entry in first.publications.order_by("pk")]
    assert numbers == [1, 2, 1]


def test_publishing_the_same_again_says_nothing_new(experiment: Experiment, alice: User) -> None:
    prompt = publish(experiment, alice)
    publish(experiment, alice)
    assert prompt.publications.count() == 1


def test_only_what_had_the_name_can_have_it_back(experiment: Experiment, alice: User) -> None:
    prompt = publish(experiment, alice)
    with pytest.raises(Refusal) as caught:
        published_prompts.switch(prompt, alice, version_of(experiment, alice, instruction="Other").pk)
    assert caught.value.status == 404


def test_a_name_belongs_to_one_experiment(experiment: Experiment, alice: User, team: Team) -> None:
    publish(experiment, alice)
    other = Experiment.objects.create(team=team, title="Other", draft=spec().as_json())
    with pytest.raises(Refusal) as caught:
        publish(other, alice)
    assert caught.value.code == "prompt_name"
    assert experiment.title in caught.value.message
    published_prompts.end(PublishedPrompt.objects.get(), alice)
    assert publish(other, alice).is_open


@pytest.mark.parametrize("way", ["end", "delete", "move"])
def test_what_ended_is_404(experiment: Experiment, alice: User, key: ApiKey, way: str) -> None:
    prompt = publish(experiment, alice)
    match way:
        case "end":
            published_prompts.end(prompt, alice)
        case "delete":
            deletions.delete(experiment, alice)
        case "move":
            target = Team.objects.create(name="Lab")
            Membership.objects.create(team=target, user=alice, role=Role.OWNER)
            experiments.move(experiment, target, alice)
    error = refused(key, prompt, messages=says("x"))
    assert (error.code, status_of(error)) == ("unknown_model", 404)
    assert not published_prompts_of(alice).open().exists()


def test_bringing_an_experiment_back_brings_its_prompts_back(
    experiment: Experiment, alice: User, key: ApiKey
) -> None:
    prompt = publish(experiment, alice)
    deletions.delete(experiment, alice)
    deletions.restore(experiment, alice)
    assert ask(key, prompt, messages=says("x"))


def test_another_teams_key_finds_nothing(experiment: Experiment, alice: User, carol: User) -> None:
    prompt = publish(experiment, alice)
    theirs, _ = api_keys.make(Team.objects.get(personal_of=carol), carol, NewApiKey(name="x"))
    assert refused(theirs, prompt, messages=says("x")).code == "unknown_model"
    # Nor does a key of Alice's in another of her teams.
    lab = Team.objects.create(name="Lab")
    Membership.objects.create(team=lab, user=alice, role=Role.OWNER)
    elsewhere, _ = api_keys.make(lab, alice, NewApiKey(name="x"))
    assert refused(elsewhere, prompt, messages=says("x")).code == "unknown_model"
    assert published_prompt_called(alice, prompt.address)


def test_usage_is_summed_per_prompt(experiment: Experiment, alice: User, key: ApiKey) -> None:
    prompt, idle = publish(experiment, alice), publish(experiment, alice, "idle")
    for _ in range(3):
        run = ask(key, prompt, messages=says("x"))
        Run.objects.filter(pk=run.pk).update(completion_tokens=5, status=Status.SUCCEEDED)
    rows = {row["prompt"]: row["usage"] for row in published_prompts.listed(published_prompts_of(alice))}
    assert (rows[prompt].calls, rows[prompt].completion_tokens) == (3, 15)
    assert rows[prompt].prompt_tokens == 3 * (run.prompt_tokens or 0)
    assert (rows[idle].calls, rows[idle].last) == (0, None)


def test_the_history_of_the_experiment_shows_the_run(
    experiment: Experiment, alice: User, key: ApiKey, client: Client
) -> None:
    run = ask(key, publish(experiment, alice), messages=says("Good day"))
    client.force_login(alice)
    rows = client.get(reverse("experiment-history", args=[experiment.pk]), {"q": "Good day"}).json()["runs"]
    assert [(row["id"], row["kind"]) for row in rows] == [(str(run.pk), "api")]


def test_a_team_can_be_deleted_with_its_prompts(experiment: Experiment, alice: User, key: ApiKey) -> None:
    ask(key, publish(experiment, alice), messages=says("x"))
    Team.objects.filter(pk=experiment.team_id).update(personal_of=None)
    team = Team.objects.get(pk=experiment.team_id)
    teams.delete(team, team.name)
    assert not Publication.objects.exists()


def test_publishing_is_written_into_the_audit_log(experiment: Experiment, alice: User, team: Team) -> None:
    prompt = publish(experiment, alice)
    published_prompts.end(prompt, alice)
    published_prompts.end(prompt, alice)  # a second time says nothing
    assert [audit.words(entry) for entry in team.audit.order_by("pk")] == [
        f"published “{experiment.title}”, v1, as prompt:alices-team/greet",
        "ended prompt:alices-team/greet",
    ]


@pytest.mark.parametrize("name", ["", " ", "two words", "a/b", "-x", "x-", "é", "x" * 61, "a\nb"])
def test_names_that_nobody_could_type(name: str, experiment: Experiment, alice: User, client: Client) -> None:
    client.force_login(alice)
    url = reverse("experiment-published", args=[experiment.pk])
    answer = client.post(url, json.dumps({"name": name}), "application/json")
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "name")


def test_the_page_publishes_the_draft_and_a_version(
    experiment: Experiment, alice: User, client: Client
) -> None:
    client.force_login(alice)
    url = reverse("experiment-published", args=[experiment.pk])
    assert client.get(url).json()["published"] == []
    made = client.post(url, json.dumps({"name": "Greet"}), "application/json").json()["published"]
    assert (made["name"], made["number"]) == ("greet", 1)
    version = version_of(experiment, alice, instruction="Other")
    body = json.dumps({"name": "greet", "version": str(version.pk)})
    assert client.post(url, body, "application/json").json()["published"]["number"] == 2
    listed = client.get(reverse("versions", args=[experiment.pk])).json()["versions"]
    assert [row["published"] for row in listed] == [["greet"], []]


def test_a_version_of_another_experiment_is_not_published_here(
    experiment: Experiment, alice: User, team: Team, client: Client
) -> None:
    other = Experiment.objects.create(team=team, title="Other", draft=spec().as_json())
    client.force_login(alice)
    body = json.dumps({"name": "x", "version": str(version_of(other, alice).pk)})
    url = reverse("experiment-published", args=[experiment.pk])
    assert client.post(url, body, "application/json").status_code == 404


def test_a_viewer_is_no_user_of_prompts(experiment: Experiment, alice: User, bob: User) -> None:
    prompt = publish(experiment, alice)
    with pytest.raises(Refusal) as caught:
        published_prompt_called(bob, prompt.address)
    assert caught.value.status == 403
    with pytest.raises(Refusal):
        published_prompt_called(person("dave"), prompt.address)
