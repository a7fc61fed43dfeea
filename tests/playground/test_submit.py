"""Submitting: one run per key, refusals before anything is stored."""

import pytest
from django.contrib.auth.models import User

from playground.actions import runs
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Experiment, Run, Version
from tests.conftest import make_run, spec

pytestmark = pytest.mark.usefixtures("valkey")


def test_the_same_request_is_the_same_run(alice: User) -> None:
    assert make_run(alice, "k1") == make_run(alice, "k1")
    assert Run.objects.count() == 1


def test_another_request_under_the_same_key_is_refused(alice: User) -> None:
    make_run(alice, "k1")
    with pytest.raises(Refusal) as refused:
        make_run(alice, "k1", instruction="Something else.")
    assert (refused.value.code, refused.value.status) == ("idempotency_conflict", 409)


def test_keys_of_two_people_do_not_meet(alice: User, carol: User) -> None:
    assert make_run(alice, "k1") != make_run(carol, "k1")


def test_a_run_points_to_the_version_of_its_spec(alice: User, experiment: Experiment) -> None:
    submissions = [
        runs.Submission(alice, experiment.team, spec(instruction=text), f"k{number}", experiment)
        for number, text in enumerate(["a", "b", "a"])
    ]
    numbers = [run.version.number for run, _ in map(runs.submit, submissions) if run.version]
    assert numbers == [1, 2, 1]
    assert Version.objects.count() == 2


def test_a_prompt_over_the_window_is_refused_with_numbers_and_cure(alice: User) -> None:
    example = {"id": "e", "values": {"input": "word " * 2000}, "output": "yes"}
    with pytest.raises(Refusal) as refused:
        make_run(
            alice, examples=[example, example | {"id": "f"}, *({**example, "id": str(n)} for n in range(5))]
        )
    assert refused.value.code == "prompt_too_long"
    assert "drop the last example" in refused.value.message
    assert refused.value.extra["counts"]["over"] > 0
    assert not Run.objects.exists()


def test_an_unknown_model_is_refused_with_the_known_ones(alice: User) -> None:
    with pytest.raises(Refusal, match="smollm2-135m-instruct"):
        make_run(alice, model="gpt-17")
    assert not Run.objects.exists()


def test_too_many_live_runs_are_refused(alice: User) -> None:
    run = make_run(alice, "k")
    copies = [
        Run(**fields_of(run), idempotency_key=f"c{number}") for number in range(LIMITS.live_runs_per_user)
    ]
    Run.objects.bulk_create(copies)
    with pytest.raises(Refusal) as refused:
        make_run(alice, "one more")
    assert refused.value.status == 429


def fields_of(run: Run) -> dict[str, object]:
    skipped = ("id", "idempotency_key")
    return {
        field.attname: getattr(run, field.attname)
        for field in Run._meta.fields
        if field.attname not in skipped
    }


def test_greedy_keeps_no_sampler_settings(alice: User) -> None:
    settings = make_run(alice, settings={"mode": "greedy", "temperature": 0.3, "seed": 7}).settings
    assert (settings["temperature"], settings["top_k"], settings["top_p"], settings["seed"]) == (None,) * 4


def test_a_sampled_run_draws_its_seed(alice: User) -> None:
    seeds = [make_run(alice, f"k{n}", settings={"mode": "sample"}).settings["seed"] for n in range(2)]
    assert all(isinstance(seed, int) for seed in seeds)
    assert make_run(alice, "k9", settings={"mode": "sample", "seed": 7}).settings["seed"] == 7


def test_the_prompt_is_stored_as_the_model_gets_it(alice: User) -> None:
    run = make_run(alice)
    assert run.prompt_tokens == len(run.prompt_ids)
    assert run.prompt_text.endswith("<|im_start|>assistant\n")
