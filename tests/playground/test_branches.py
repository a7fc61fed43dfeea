"""Runs made from earlier ones: what they take over, how their answers begin, and what is refused."""

import json
import math
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from inference.types import EngineInfo, Finished, FinishReason, Scored, Started, Token, Usage
from playground import catalog
from playground.actions import runs
from playground.actions.receipts import settle, verdict
from playground.following import Following
from playground.models import Experiment, Run
from playground.models.run import STOPPED, Outcome, Status
from playground.publisher import Line
from tests.conftest import spec
from tests.playground.test_views import post_run, signed_in

pytestmark = pytest.mark.usefixtures("valkey", "plain_static")
MODEL = "smollm2-135m-instruct"
DONE = Outcome(Status.SUCCEEDED, "stop")
SAMPLE = {"mode": "sample", "max_new_tokens": 20, "seed": 7, "stop": ["END"]}


def ids_of(text: str) -> list[int]:
    return list(catalog.tokenizer(MODEL).encode(text).ids)


def records(ids: list[int]) -> list[dict[str, Any]]:
    texts = catalog.tokenizer(MODEL).answer_texts([], ids)
    top = [[5, "five", -0.5], [6, "six", -1.5]]
    return [{"t": t, "id": id, "lp": -0.25, "rank": 1, "top": top} for t, id in zip(texts, ids, strict=True)]


def submit(user: User, experiment: Experiment, key: str, **fields: Any) -> Run:
    wanted = runs.Submission(user, experiment.team, fields.pop("spec", None), key, experiment, **fields)
    return runs.submit(wanted)[0]


def end(run: Run, ids: list[int], outcome: Outcome = DONE, **fields: Any) -> Run:
    run.claim(uuid.uuid4())
    run.finish(outcome, tokens=records(ids), text="whatever", **fields)
    return Run.objects.get(pk=run.pk)


@pytest.fixture
def origin(alice: User, experiment: Experiment) -> Run:
    """An ended run of Alice whose answer has an emoji of several tokens in the middle."""
    run = submit(alice, experiment, "origin", spec=spec(settings=SAMPLE))
    return end(run, ids_of("It is 🦩 good"))


@pytest.fixture
def page(alice: User) -> Client:
    return signed_in(alice)


def begin(run: Run | None, at: int, id: int) -> dict[str, Any]:
    return {"begin": {"run": run and str(run.pk), "at": at, "id": id}}


def branch(client: Client, experiment: Experiment, run: Run, at: int, id: int, key: str = "b") -> Any:
    return post_run(client, experiment, json.dumps(begin(run, at, id)), key)


def made(answer: Any) -> Run:
    assert answer.status_code == 201, answer.content
    return Run.objects.get(pk=answer.json()["run"]["id"])


def test_a_branch_keeps_prompt_settings_and_version(
    page: Client, experiment: Experiment, origin: Run
) -> None:
    (bad,) = ids_of(" bad")
    run = made(branch(page, experiment, origin, 2, bad))
    for field in ("prompt_ids", "prompt_text", "spec", "settings", "version_id", "model"):
        assert getattr(run, field) == getattr(origin, field)
    assert [record["id"] for record in run.begun] == [*ids_of("It is"), bad]
    assert "".join(record["t"] for record in run.begun) == "It is bad"
    assert all(record["given"] for record in run.begun)
    assert (run.branch_of, run.max_new_tokens) == (origin, 20 - 3)
    assert run.usage["given_tokens"] == 3


def test_a_cut_within_a_character_goes_on_either_way(
    page: Client, experiment: Experiment, origin: Run
) -> None:
    ids = [record["id"] for record in origin.tokens]
    inside = next(at for at, record in enumerate(origin.tokens) if record["t"] == "") + 1
    (bad,) = ids_of(" bad")
    broken = made(branch(page, experiment, origin, inside, bad, "b1"))
    assert "".join(record["t"] for record in broken.begun).endswith("\N{REPLACEMENT CHARACTER} bad")
    whole = made(branch(page, experiment, origin, inside, ids[inside], "b2"))
    assert [record["t"] for record in whole.begun] == [record["t"] for record in origin.tokens][: inside + 1]


def test_a_prompt_of_ones_own_may_begin_with_a_token(page: Client, experiment: Experiment) -> None:
    (bad,) = ids_of(" bad")
    run = made(post_run(page, experiment, json.dumps({"spec": spec().as_json()} | begin(None, 0, bad))))
    assert [(record["id"], record["t"]) for record in run.begun] == [(bad, " bad")]
    assert (run.branch_of, run.version is None) == (None, False)


def test_the_same_branch_is_the_same_run_and_another_one_a_conflict(
    page: Client, experiment: Experiment, origin: Run
) -> None:
    first, second = (branch(page, experiment, origin, 1, 5).json() for _ in range(2))
    assert first == second
    assert branch(page, experiment, origin, 1, 6).json()["error"]["code"] == "idempotency_conflict"


@pytest.mark.parametrize(
    ("at", "id", "field"), [(99, 5, "begin.at"), (0, 10**9, "begin.id"), (-1, 5, "begin.at")]
)
def test_places_and_tokens_that_are_not_there(
    page: Client, experiment: Experiment, origin: Run, at: int, id: int, field: str
) -> None:
    answer = branch(page, experiment, origin, at, id)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert Run.objects.count() == 1


def test_nothing_can_follow_the_end(page: Client, experiment: Experiment, origin: Run) -> None:
    answer = branch(page, experiment, origin, 1, max(catalog.tokenizer(MODEL).eos_ids))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "answer_ends")
    (stop,) = ids_of("END")
    assert "'END'" in branch(page, experiment, origin, 1, stop).json()["error"]["message"]


def test_an_answer_that_is_full_is_refused_with_the_numbers(
    alice: User, page: Client, experiment: Experiment
) -> None:
    run = submit(alice, experiment, "k", spec=spec(settings={"max_new_tokens": 3}))
    run = end(run, ids_of(" a b c"))
    error = branch(page, experiment, run, 2, 5).json()["error"]
    assert error["code"] == "answer_full"
    assert "may have 3 tokens, and with this one 3 are given" in error["message"]
    assert made(branch(page, experiment, run, 1, 5)).max_new_tokens == 1


def test_what_no_longer_fits_the_window_is_refused_with_the_numbers(
    page: Client, experiment: Experiment, origin: Run
) -> None:
    Run.objects.filter(pk=origin.pk).update(prompt_tokens=2040)
    for body in (begin(origin, 1, 5), {"again_of": str(origin.pk)}):
        error = post_run(page, experiment, json.dumps(body)).json()["error"]
        assert error["code"] == "prompt_too_long"
        assert "2,040 tokens and 20 are reserved for the answer: 12 more" in error["message"]


def test_a_live_answer_cannot_be_branched_yet(alice: User, page: Client, experiment: Experiment) -> None:
    run = submit(alice, experiment, "k", spec=spec())
    answer = branch(page, experiment, run, 0, 5)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "run_is_live")


@pytest.mark.parametrize("body", [{}, {"again_of": "me", "begin": {"id": 5}}, {"spec": 1, "again_of": "me"}])
def test_a_run_has_one_source(
    page: Client, experiment: Experiment, origin: Run, body: dict[str, Any]
) -> None:
    fields = {"me": str(origin.pk), 1: spec().as_json()}
    filled = {
        key: fields.get(value, value) if not isinstance(value, dict) else value for key, value in body.items()
    }
    answer = post_run(page, experiment, json.dumps(filled))
    assert "give a spec, or the run to repeat" in answer.json()["error"]["message"]


def test_strangers_and_viewers_make_nothing_from_a_run(
    bob: User, carol: User, experiment: Experiment, origin: Run
) -> None:
    theirs = carol.personal_team.experiments.get()
    for body in (begin(origin, 1, 5), {"again_of": str(origin.pk)}):
        text = json.dumps(body)
        assert post_run(signed_in(carol), experiment, text).status_code == 404
        assert post_run(signed_in(carol), theirs, text).status_code == 404
        assert post_run(signed_in(bob), experiment, text).status_code == 403
    receipt = reverse("run-receipt", args=[origin.pk])
    assert signed_in(carol).get(receipt).status_code == 404
    seen = signed_in(bob).get(receipt)
    assert seen.status_code == 200
    assert b"data-repeat" not in seen.content
    assert Run.objects.count() == 1


def test_a_run_of_another_experiment_is_not_taken(page: Client, experiment: Experiment, origin: Run) -> None:
    other = Experiment.objects.create(team=experiment.team, title="Other", draft=experiment.draft)
    assert branch(page, other, origin, 1, 5).status_code == 404


def test_a_repeat_is_the_same_request_with_the_seed_that_was_drawn(
    alice: User, page: Client, experiment: Experiment, origin: Run
) -> None:
    child = end(made(branch(page, experiment, origin, 1, 5)), [40, 41])
    for run in (origin, child):
        answer = post_run(page, experiment, json.dumps({"again_of": str(run.pk)}), f"again {run.pk}")
        again = made(answer)
        for field in ("prompt_ids", "settings", "begun", "branch_of", "max_new_tokens"):
            assert getattr(again, field) == getattr(run, field)
        assert again.again_of == run
        assert settle(again) is None


# The worker's side


class FakeEngine:
    """Answers every request with one scored and one new token."""

    info = EngineInfo("float32", "cpu", True, "flat", "", {}, 0.0, 64, 64, 64, 1, 9, 1, {"torch": "1"})

    def __init__(self) -> None:
        self.asked: Any = None

    def submit(self, request: Any) -> "FakeEngine":
        self.asked = request
        name, last = request.request_id, len(request.prompt_ids) - 1
        self.events = [
            Started(name, len(request.prompt_ids), len(request.prompt_ids) - 1),
            Scored(name, last, request.prompt_ids[-1], "alone", -2.0, 7, ()),
            Token(name, 0, 40, " new", -0.5, 1, ()),
            Finished(name, FinishReason.STOP, Usage(len(request.prompt_ids), 0, 2)),
        ]
        return self

    def get(self, timeout: float) -> Any:
        return self.events.pop(0)

    def cancel(self, request_id: str) -> None: ...

    def stats(self) -> Any:
        return type("Stats", (), {"running": 3})


@pytest.mark.django_db(transaction=True)
def test_the_given_tokens_come_first_with_their_figures(
    page: Client, experiment: Experiment, origin: Run
) -> None:
    run = made(branch(page, experiment, origin, 2, 5))
    run.claim(uuid.uuid4())
    worker = type("Worker", (), {"engine": FakeEngine(), "must_hand_back": False, "drop": lambda *_: None})()
    line = Line(run, type("Urgent", (), {"set": lambda *_: None})())
    Following(worker, run, line).to_the_end()
    asked = worker.engine.asked
    assert asked.prompt_ids == (*run.prompt_ids, *ids_of("It is"), 5)
    assert (asked.begun, asked.score_from, asked.sampling.max_new_tokens) == (
        3,
        len(asked.prompt_ids) - 1,
        17,
    )
    run.refresh_from_db()
    given = catalog.tokenizer(MODEL).answer_texts([], [5])[0]
    assert run.text == f"It is{given} new"
    assert [record.get("given", False) for record in run.tokens] == [True, True, True, False]
    assert (run.tokens[2]["lp"], run.tokens[2]["rank"], run.tokens[2]["t"]) == (-2.0, 7, given)
    assert run.usage == {
        "prompt_tokens": run.prompt_tokens,
        "cached_tokens": run.prompt_tokens,
        "given_tokens": 3,
        "completion_tokens": 2,
    }
    assert (run.receipt["batch"], len(run.receipt["tokenizer_hash"])) == (3, 64)


# Verdicts


def run_with(ids: list[int], outcome: Outcome = DONE, **fields: Any) -> Run:
    """A run that is in no database, as the verdict looks at it."""
    return Run(tokens=records(ids), status=outcome.status, finish_reason=outcome.finish_reason, **fields)


def test_the_same_tokens_are_identical() -> None:
    found = verdict(run_with([1, 2]), run_with([1, 2]))
    assert (found["result"], found["same"], found["shift"], found["conditions"]) == ("identical", 2, 0, [])


def test_the_first_difference_has_both_tokens_and_their_probabilities_in_both_runs() -> None:
    first, again = run_with([1, 5, 3]), run_with([1, 6, 3])
    first.tokens[1]["lp"] = again.tokens[1]["lp"] = math.log(0.4)
    again.tokens[0]["lp"] = math.log(0.5)
    again.tokens[1]["top"] = [[6, "six", math.log(0.4)]]
    found = verdict(first, again)
    assert (found["result"], found["same"]) == ("differs", 1)
    assert found["shift"] == pytest.approx(math.exp(-0.25) - 0.5)
    ours, theirs = found["candidates"]
    assert (ours["text"], theirs["text"]) == ("five", "six")
    assert ours["p"] == [pytest.approx(0.4), None]
    assert theirs["p"] == [pytest.approx(math.exp(-1.5)), pytest.approx(0.4)]


def test_an_end_may_be_the_difference() -> None:
    found = verdict(run_with([1, 2]), run_with([1]))
    assert [candidate["text"] for candidate in found["candidates"]] == [records([2])[0]["t"], None]
    ends = verdict(run_with([1]), run_with([1], Outcome(Status.SUCCEEDED, "stop_string")))["candidates"]
    assert [end["finish_reason"] for end in ends] == ["stop", "stop_string"]


@pytest.mark.parametrize("ids", [[], [1], [1, 2]])
def test_what_was_cut_short_only_says_how_far_it_agrees(ids: list[int]) -> None:
    for pair in ((run_with([1, 2]), run_with(ids, STOPPED)), (run_with(ids, STOPPED), run_with([1, 2]))):
        found = verdict(*pair)
        assert (found["result"], found["same"], found["candidates"]) == ("cut", len(ids), [])


def test_what_was_different_is_named() -> None:
    ours = {"dtype": "float32", "model_hash": "a" * 64, "batch": 1, "versions": {"torch": "1"}}
    theirs = {
        "dtype": "bfloat16",
        "model_hash": "b" * 64,
        "batch": 4,
        "versions": {"torch": "1"},
        "device": "cuda",
    }
    found = verdict(run_with([1], receipt=ours), run_with([1], receipt=theirs, cached_tokens=16))
    assert found["conditions"] == [
        {"what": "model files", "first": "a" * 12, "again": "b" * 12},
        {"what": "number format", "first": "float32", "again": "bfloat16"},
        {"what": "runs in the same batch", "first": "1", "again": "4"},
        {"what": "prompt tokens reused", "first": "0", "again": "16"},
    ]


def test_the_verdict_is_kept_and_shown(page: Client, experiment: Experiment, origin: Run) -> None:
    again = made(post_run(page, experiment, json.dumps({"again_of": str(origin.pk)}), "again"))
    receipt = reverse("run-receipt", args=[again.pk])
    assert "verdict comes when both have ended" in page.get(receipt).content.decode()
    end(again, [*ids_of("It is"), *ids_of(" bad")])
    shown = page.get(receipt).content.decode()
    assert "Differs at token 3" in shown
    assert "·bad" in shown
    again.refresh_from_db()
    assert again.verdict
    assert again.verdict["same"] == 2
    assert str(origin.prompt_ids[0]) in shown
