"""The context bar and the exact prompt: what they count is what the model gets."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from inference.types import GenerationRequest
from playground.actions import prompts
from playground.following import Following
from playground.models import Run
from playground.specs import PromptSpec, Settings, settings_words
from tests.conftest import make_run, spec

pytestmark = pytest.mark.usefixtures("valkey", "plain_static")

LAYOUTS = ("chat", "plain")
HEBREW = "\u202eשלום, מה שלומך?\u202c e\u0301\u0323 \u200b👩‍👩‍👧 مرحبا"


def few_shot(shots: int, layout: str = "plain", **changes: Any) -> PromptSpec:
    examples = [
        {"id": str(number), "values": {"review": "It broke."}, "output": "bad"} for number in range(shots)
    ]
    fields = {"fields": ["review"], "examples": examples, "input": {"review": "Fine."}, "layout": layout}
    return spec(instruction="Label it.", **fields, **changes)


def preview(user: User, wanted: PromptSpec, **options: Any) -> dict[str, Any]:
    client = Client()
    client.force_login(user)
    body = json.dumps({"spec": wanted.as_json(), **options})
    answer = client.post(reverse("prompt-render"), body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_text_and_tokens_travel_only_when_they_are_wanted(alice: User) -> None:
    assert set(preview(alice, few_shot(2))) == {"counts", "warnings"}
    whole = preview(alice, few_shot(2), tokens=True)
    assert "".join(token["text"] for token in whole["tokens"]) == whole["text"]
    assert whole["counts"] == preview(alice, few_shot(2))["counts"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_there_is_room_for_just_as_many_examples_as_it_says(layout: str) -> None:
    room = prompts.counted(few_shot(3, layout)).counts()["room"]
    assert room > 50
    assert prompts.counted(few_shot(3 + room, layout)).over == 0
    assert prompts.counted(few_shot(4 + room, layout)).over > 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_without_examples_nobody_knows_how_long_they_are(layout: str) -> None:
    assert prompts.counted(few_shot(0, layout)).counts()["room"] is None


def test_an_empty_example_counts_nothing_and_moves_no_other() -> None:
    wanted = few_shot(3, "chat").as_json()
    wanted["examples"][1] |= {"values": {}, "output": ""}
    first, second, third = prompts.counted(PromptSpec.model_validate(wanted)).counts()["examples"]
    assert (first, second, third) == (first, 0, first)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_right_to_left_and_combining_text_adds_up(alice: User, layout: str) -> None:
    wanted = few_shot(1, layout).model_copy(update={"instruction": HEBREW, "input": {"review": HEBREW}})
    whole = preview(alice, wanted, tokens=True)
    counts = whole["counts"]
    parts = (counts["instruction"], *counts["examples"], counts["input"], counts["format"])
    assert sum(parts) == counts["prompt"] == len(whole["tokens"])
    assert whole["text"].count(HEBREW) == 2


def test_white_space_at_an_end_is_pointed_out_and_can_be_removed() -> None:
    (hint,) = prompts.warnings(few_shot(1).model_copy(update={"instruction": "Label it: "}))
    assert (hint.cure, hint.text.split(" ends")[0]) == ("trim", "The instruction")
    several = few_shot(2).model_copy(update={"instruction": "x\n", "input": {"review": "y\u00a0"}})
    (hint,) = prompts.warnings(several)
    assert hint.text.startswith("The instruction and 1 more end with white space")
    assert prompts.warnings(few_shot(2)) == []


def test_the_prompt_of_a_run_is_explained(alice: User, bob: User, carol: User, run: Run) -> None:
    answers = {}
    for user in (alice, bob, carol):
        client = Client()
        client.force_login(user)
        answers[user] = client.get(reverse("run-prompt", args=[run.pk]))
    assert answers[carol].status_code == 404
    for user in (alice, bob):
        assert [token["id"] for token in answers[user].json()["tokens"]] == run.prompt_ids
        assert answers[user].json()["text"] == run.prompt_text


def test_a_run_of_files_that_changed_keeps_its_text(alice: User, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(prompt_ids=[1, 2, 3])
    client = Client()
    client.force_login(alice)
    answer = client.get(reverse("run-prompt", args=[run.pk])).json()
    assert (answer["text"], answer["tokens"]) == (run.prompt_text, None)
    assert "files of this model have changed" in answer["why"]


# --- settings


PENALTIES = {"repetition_penalty": 1.2, "presence_penalty": 0.5, "frequency_penalty": -0.5}


class Asked(Exception):
    """The engine was asked; nothing more is needed."""


def asked_of_the_engine(run: Run) -> GenerationRequest:
    requests: list[GenerationRequest] = []

    def submit(request: GenerationRequest) -> None:
        requests.append(request)
        raise Asked

    worker: Any = SimpleNamespace(engine=SimpleNamespace(submit=submit))
    line: Any = None
    with pytest.raises(Asked):
        Following(worker, run, line).to_the_end()
    return requests[0]


def test_every_setting_reaches_the_engine(alice: User) -> None:
    wanted = {"mode": "sample", "temperature": 0.4, "top_k": 7, "top_p": 0.8, "seed": 5, "min_p": 0.1}
    sampling = asked_of_the_engine(make_run(alice, settings=wanted | PENALTIES)).sampling
    for key, value in (wanted | PENALTIES).items():
        if key != "mode":
            assert getattr(sampling, key) == value
    assert not sampling.greedy


def test_greedy_ignores_the_draw_but_not_the_penalties(alice: User) -> None:
    run = make_run(alice, settings={"mode": "greedy", "min_p": 0.3, "temperature": 0.4, **PENALTIES})
    sampling = asked_of_the_engine(run).sampling
    assert (sampling.min_p, sampling.temperature, sampling.repetition_penalty) == (0, 1, 1.2)
    assert run.settings["min_p"] is None


def test_a_run_of_an_earlier_version_still_runs(run: Run) -> None:
    run.settings = {key: value for key, value in run.settings.items() if "penalty" not in key}
    assert asked_of_the_engine(run).sampling.repetition_penalty == 1


def test_effective_settings_are_told_in_words() -> None:
    greedy = Settings(max_new_tokens=1200, stop=["\n"], repetition_penalty=1.1).effective()
    assert settings_words(greedy) == (
        'greedy · at most 1,200 new tokens · repetition penalty 1.1 · stop at "\\n"'
        " · not used: temperature, top-k, top-p, min-p, seed"
    )
    drawn = Settings(mode="sample", top_k=0).effective()
    assert settings_words(drawn) == (
        f"sample · at most 64 new tokens · temperature 0.7 · top-p 0.9 · seed {drawn['seed']} (drawn)"
    )
    assert settings_words(Settings(mode="sample", seed=4).effective()).endswith("seed 4")


def test_a_draft_of_an_earlier_version_is_read() -> None:
    old = spec().as_json()
    old["settings"] = {"max_new_tokens": 8, "mode": "greedy", "temperature": 0.7, "top_k": 50}
    assert PromptSpec.model_validate(old).settings.repetition_penalty == 1
