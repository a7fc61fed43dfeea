"""Cells of a comparison: run all or some, sampled, refused one by one, and stopped."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from playground.actions import cells
from playground.limits import LIMITS
from playground.models import Comparison, Experiment, Run, Version
from playground.models.run import Kind, Status
from tests.conftest import make_run, person
from tests.playground.test_comparisons import SAMPLING, ask, board, cells_of, column, press, store

pytestmark = pytest.mark.usefixtures("plain_static", "valkey")


@pytest.fixture
def comparison(experiment: Experiment) -> Comparison:
    return experiment.comparisons.create(title="Ways", board=board())


def test_all_cells_run_each_on_its_rows_input(alice: User, comparison: Comparison) -> None:
    answer = press(alice, comparison)
    places = [(cell["column"], cell["row"], cell["sample"]) for cell in answer.json()["cells"]]
    assert (answer.status_code, answer.json()["refused"]) == (201, [])
    assert places == [("c0", "r0", 0), ("c1", "r0", 0), ("c0", "r1", 0), ("c1", "r1", 0)]
    for run in Run.objects.all():
        assert (run.kind, run.comparison, run.experiment) == (Kind.BATCH, comparison, comparison.experiment)
        assert f"Way {run.column[1]}." in run.prompt_text
        assert run.spec["input"] == {"input": f"Text {run.row[1]}"}
        assert f"Text {run.row[1]}" in run.prompt_text


def test_a_column_has_one_version_whatever_the_rows(alice: User, comparison: Comparison) -> None:
    press(alice, comparison)
    press(alice, comparison)
    versions = list(Version.objects.order_by("number"))
    assert [version.spec["instruction"] for version in versions] == ["Way 0.", "Way 1."]
    assert {version.spec["input"] == {} for version in versions} == {True}
    assert [version.runs.count() for version in versions] == [4, 4]


def test_only_the_cells_that_are_named_run(alice: User, comparison: Comparison) -> None:
    answer = press(alice, comparison, cells=[{"column": "c1", "row": "r0"}] * 2)
    assert [(run.column, run.row) for run in Run.objects.all()] == [("c1", "r0")]
    assert answer.json()["cells"][0]["run"]["status"] == "queued"


@pytest.mark.parametrize("foreign", [{"column": "x", "row": "r0"}, {"column": "c0", "row": "x"}])
def test_a_cell_of_another_board_is_not_found(
    alice: User, comparison: Comparison, foreign: dict[str, str]
) -> None:
    answer = press(alice, comparison, cells=[{"column": "c0", "row": "r0"}, foreign])
    assert (answer.status_code, Run.objects.exists()) == (404, False)
    assert ask(alice, "comparison-cancel", comparison.pk, {"cells": [foreign]}).status_code == 404


def test_a_press_that_is_sent_again_makes_nothing_new(alice: User, comparison: Comparison) -> None:
    first = press(alice, comparison, "k").json()["cells"]
    store(comparison, board(3))  # what was edited meanwhile belongs to the next press
    again = press(alice, comparison, "k")
    assert again.status_code == 200
    ids = [{cell["run"]["id"] for cell in answer} for answer in (first, again.json()["cells"])]
    assert ids[0] == ids[1]
    other = press(alice, comparison, "k", cells=[{"column": "c0", "row": "r0"}])
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")
    assert Run.objects.count() == 4


def test_a_cell_that_cannot_run_stops_no_other(alice: User, comparison: Comparison) -> None:
    rows = [{"key": "r0", "values": {"input": "word " * 9000}}, {"key": "r1", "values": {"input": "ok"}}]
    store(comparison, board(rows=1) | {"rows": rows})
    answer = press(alice, comparison)
    assert answer.status_code == 201
    assert {cell["row"] for cell in answer.json()["cells"]} == {"r1"}
    told = [(cell["column"], cell["row"], cell["code"]) for cell in answer.json()["refused"]]
    assert told == [("c0", "r0", "prompt_too_long"), ("c1", "r0", "prompt_too_long")]
    assert "window of 2,048" in answer.json()["refused"][0]["message"]


def test_when_no_cell_can_run_the_reason_is_told(alice: User, comparison: Comparison) -> None:
    empty = board() | {"columns": [column("c0")], "rows": [{"key": "r0", "values": {}}]}
    store(comparison, empty)
    answer = press(alice, comparison)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "empty_prompt")
    store(comparison, empty | {"columns": [column("c0"), column("c1", instruction="x", model="none")]})
    answer = press(alice, comparison)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_cell_runs")
    assert [cell["code"] for cell in answer.json()["refused"]] == ["empty_prompt", "unknown_model"]
    assert not Run.objects.exists()
    assert not Version.objects.exists()


def test_samples_draw_different_seeds_and_greedy_needs_one(alice: User, comparison: Comparison) -> None:
    columns = [
        column("a", settings=SAMPLING),
        column("b", settings=SAMPLING | {"seed": 2**32 - 2}),
        column("c"),
    ]
    store(comparison, board(rows=1, samples=4) | {"columns": columns})
    answer = press(alice, comparison).json()
    seeds = {
        key: [run.settings["seed"] for run in Run.objects.filter(column=key).order_by("sample")]
        for key in "abc"
    }
    assert len(set(seeds["a"])) == 4
    assert seeds["b"] == [2**32 - 2, 2**32 - 1, 0, 1]
    assert seeds["c"] == [None]
    assert [note[:8] for note in answer["notes"]] == ["Column B", "Column C"]
    assert Version.objects.count() == 3
    assert not any(cell["stale"] for cell in cells_of(alice, comparison))
    assert len(press(alice, comparison, samples=2).json()["cells"]) == 5


def test_linked_inputs_are_those_of_the_row(alice: User, comparison: Comparison) -> None:
    own = column("c0", instruction="x") | {"inputs": {"r0": {"input": "mine"}}}
    store(comparison, board(rows=1, links=[]) | {"columns": [own]})
    press(alice, comparison)
    store(comparison, board(rows=1) | {"columns": [own]})
    press(alice, comparison)
    inputs = [run.spec["input"]["input"] for run in Run.objects.order_by("pk")]
    assert inputs == ["mine", "Text 0"]


def test_more_than_the_limit_is_refused_with_the_numbers(
    alice: User, comparison: Comparison, monkeypatch: Any
) -> None:
    monkeypatch.setattr("playground.actions.runs.LIMITS", type(LIMITS)(live_batch_runs_per_user=6))
    assert press(alice, comparison).status_code == 201
    answer = press(alice, comparison)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_runs")
    assert "asks for 4 answers, and 4 of yours" in answer.json()["error"]["message"]
    assert make_run(alice).kind == Kind.INTERACTIVE
    assert Run.objects.in_fair_order("smollm2-135m-instruct")[0].kind == Kind.INTERACTIVE


def test_a_comparison_takes_nothing_of_the_limit_of_single_runs(
    alice: User, comparison: Comparison, monkeypatch: Any
) -> None:
    monkeypatch.setattr("playground.actions.runs.LIMITS", type(LIMITS)(live_runs_per_user=1))
    press(alice, comparison)
    assert make_run(alice).is_live


def test_many_runs_wake_several_threads(
    alice: User, comparison: Comparison, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    rung: list[tuple[str, int]] = []
    monkeypatch.setattr(cells, "ring", lambda model, runs: rung.append((model, runs)))
    with django_capture_on_commit_callbacks(execute=True):
        press(alice, comparison)
    assert rung == [("smollm2-135m-instruct", 4)]


def test_stopping_ends_ones_own_runs_and_leaves_others(
    alice: User, team: Any, comparison: Comparison
) -> None:
    dave = person("dave")
    team.memberships.create(user=dave, role="editor")
    press(dave, comparison)
    press(alice, comparison)
    running = Run.objects.filter(user=alice, column="c0", row="r0")
    running.update(status=Status.RUNNING)
    single = make_run(alice)
    body = {"cells": [{"column": "c0", "row": "r0"}, {"column": "c1", "row": "r1"}]}
    assert ask(alice, "comparison-cancel", comparison.pk, body).json() == {"asked": 2}
    assert ask(alice, "comparison-cancel", comparison.pk, {}).json() == {"asked": 2}
    assert ask(alice, "comparison-cancel", comparison.pk, {}).json() == {"asked": 0}
    assert running.exclude(cancel_requested_at=None).count() == 1
    assert set(Run.objects.filter(user=alice, status="queued")) == {single}
    assert Run.objects.filter(user=dave, status="queued").count() == 4
    assert ask(alice, "comparison-cancel", comparison.pk, {"everyone": True}).json() == {"asked": 4}
    assert set(Run.objects.filter(status="cancelled").values_list("error_code", flat=True)) == {"cancelled"}
