"""Blind votes: nothing tells a browser which column wrote an answer before the votes are in."""

import json
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from playground.models import Comparison, Experiment, Run, Vote
from tests.conftest import person
from tests.playground.test_comparisons import SAMPLING, ask, board, column, ended, press, store

pytestmark = pytest.mark.usefixtures("plain_static", "valkey")
ROWS = 8


@pytest.fixture
def comparison(alice: User, experiment: Experiment) -> Comparison:
    """Columns A, B and C, eight rows, every answer another word that only the tests can read."""
    columns = [column(f"c{letter}", f"Title {letter}", instruction=f"Way {letter}.") for letter in "012"]
    made = experiment.comparisons.create(title="Ways", board=board(3, ROWS) | {"columns": columns})
    press(alice, made)
    ended()
    for place, number in zip(product("012", range(ROWS)), range(100, 200), strict=False):
        made.runs.filter(column=f"c{place[0]}", row=f"r{place[1]}").update(text=f"word{number}")
    return made


def booth(user: User, comparison: Comparison) -> Any:
    return ask(user, "comparison-blind", comparison.pk, method="get").context["page"]["ballots"]


def cast(user: User, comparison: Comparison, key: str, choice: str | None) -> Any:
    return ask(user, "comparison-blind", comparison.pk, {"key": key, "choice": choice}, "put")


def reveal(user: User, comparison: Comparison, *skipped: str) -> Any:
    return ask(user, "comparison-reveal", comparison.pk, {"skipped": skipped})


def writer(comparison: Comparison, text: str) -> str:
    return comparison.runs.get(text=text).column


def test_a_vote_goes_to_the_answers_that_were_shown(alice: User, comparison: Comparison) -> None:
    pairs = booth(alice, comparison)["pairs"]
    assert len(pairs) == 2 * ROWS
    for pair in pairs:
        assert cast(alice, comparison, pair["key"], "first").status_code == 200
    assert Vote.objects.count() == 2 * ROWS
    for vote in Vote.objects.all():
        (pair,) = [one for one in pairs if {vote.run.text, vote.against.text} == set(one["answers"])]
        better = vote.run if vote.choice == "better" else vote.against
        assert (better.text, vote.blind, vote.against.column) == (pair["answers"][0], True, "c0")
    assert [pair["choice"] for pair in booth(alice, comparison)["pairs"]] == ["first"] * 2 * ROWS


def test_a_vote_is_changed_and_taken_back(alice: User, comparison: Comparison) -> None:
    key = booth(alice, comparison)["pairs"][0]["key"]
    for choice in ("second", "tie", "both_bad"):
        cast(alice, comparison, key, choice)
        assert booth(alice, comparison)["pairs"][0]["choice"] == choice
    cast(alice, comparison, key, None)
    assert booth(alice, comparison)["pairs"][0]["choice"] is None
    assert not Vote.objects.exists()


def test_the_page_says_nothing_about_who_wrote_what(alice: User, comparison: Comparison) -> None:
    Run.objects.update(logprob_sum=-77.125, completion_tokens=4321)
    page = ask(alice, "comparison-blind", comparison.pk, method="get").content.decode()
    assert "word100" in page
    runs = [str(run.pk) for run in Run.objects.all()]
    columns = [f"{word} {letter}" for word in ("Title", "Way") for letter in "012"]
    models = [run.model for run in Run.objects.all()]
    for secret in (*runs, *columns, *models, "-77.125", "4321", '"c0"', '"c1"', '"c2"'):
        assert secret not in page, secret


def test_the_order_is_shuffled_for_each_person_and_stays(alice: User, comparison: Comparison) -> None:
    first = booth(alice, comparison)["pairs"]
    assert booth(alice, comparison)["pairs"] == first
    dave = person("dave")
    comparison.experiment.team.memberships.create(user=dave, role="viewer")
    theirs = booth(dave, comparison)["pairs"]
    assert [pair["answers"] for pair in theirs] != [pair["answers"] for pair in first]
    assert not {pair["key"] for pair in theirs} & {pair["key"] for pair in first}
    for pairs in (first, theirs):
        base_first = [writer(comparison, pair["answers"][0]) == "c0" for pair in pairs]
        assert 0 < sum(base_first) < len(pairs), "chance puts all on one side once in 16,000 times"


def test_a_key_of_somebody_else_is_not_found(alice: User, bob: User, comparison: Comparison) -> None:
    theirs = booth(alice, comparison)["pairs"][0]["key"]
    assert cast(bob, comparison, theirs, "tie").status_code == 404
    assert cast(bob, comparison, f"r0.{'0' * 32}", "tie").status_code == 404
    assert cast(bob, comparison, f"r99.{'0' * 32}", "tie").status_code == 404
    assert cast(bob, comparison, "x", "tie").status_code == 422
    assert not Vote.objects.exists()


def test_the_columns_are_told_when_all_votes_are_in(alice: User, comparison: Comparison) -> None:
    pairs = booth(alice, comparison)["pairs"]
    refused = reveal(alice, comparison)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "votes_missing")
    assert refused.json()["error"]["message"] == "16 pairs of answers still wait for your vote."
    for pair in pairs[2:]:
        cast(alice, comparison, pair["key"], "second")
    assert reveal(alice, comparison, pairs[0]["key"]).status_code == 409
    told = reveal(alice, comparison, pairs[0]["key"], pairs[1]["key"]).json()["pairs"]
    assert [one["key"] for one in told] == [pair["key"] for pair in pairs[2:]], (
        "what was skipped stays hidden"
    )
    for one, pair in zip(told, pairs[2:], strict=True):
        assert one["columns"] == [writer(comparison, text) for text in pair["answers"]]
        assert one["choice"] == "second"


def test_open_votes_are_not_taken_for_blind_ones(alice: User, comparison: Comparison) -> None:
    ours, base = (comparison.runs.get(column=key, row="r0") for key in ("c1", "c0"))
    body = {"run": str(ours.pk), "against": str(base.pk), "choice": "better"}
    ask(alice, "comparison-votes", comparison.pk, body, "put")
    pairs = booth(alice, comparison)["pairs"]
    assert {pair["choice"] for pair in pairs} == {None}
    (same,) = [pair for pair in pairs if set(pair["answers"]) == {ours.text, base.text}]
    cast(alice, comparison, same["key"], "tie")
    assert [(vote.choice, vote.blind) for vote in Vote.objects.all()] == [("tie", True)]


def test_only_whole_answers_of_the_board_as_it_is_are_judged(alice: User, comparison: Comparison) -> None:
    Run.objects.filter(column="c1", row="r0").update(status="failed")
    Run.objects.filter(column="c0", row="r1").update(status="running")
    assert len(booth(alice, comparison)["pairs"]) == 2 * ROWS - 3
    columns = [*comparison.board["columns"]]
    columns[2] = column("c2", instruction="Another way.")
    store(comparison, comparison.board | {"columns": columns})
    assert len(booth(alice, comparison)["pairs"]) == ROWS - 2


def test_of_samples_the_first_that_differ_are_shown(alice: User, experiment: Experiment) -> None:
    columns = [
        column("a", instruction="x", settings=SAMPLING),
        column("b", instruction="y", settings=SAMPLING),
    ]
    made = experiment.comparisons.create(title="x", board=board(rows=2, samples=3) | {"columns": columns})
    press(alice, made)
    ended(text="same")
    made.runs.filter(row="r0", column="b", sample__gte=1).update(text="other")
    told = booth(alice, made)
    assert [set(pair["answers"]) for pair in told["pairs"]] == [{"same", "other"}]
    assert told["same"] == 1, "of two equal answers none is better"


def test_the_input_is_shown_unless_each_column_has_its_own(alice: User, comparison: Comparison) -> None:
    inputs = {json.dumps(pair["input"]) for pair in booth(alice, comparison)["pairs"]}
    assert len(inputs) == ROWS
    columns = [*comparison.board["columns"]]
    columns[1] = columns[1] | {"inputs": {"r0": {"input": "mine"}}}
    store(comparison, comparison.board | {"columns": columns, "links": []})
    press(alice, comparison, cells=[{"column": "c1", "row": "r0"}])
    ended(text="new")
    pairs = {tuple(sorted(pair["answers"])): pair["input"] for pair in booth(alice, comparison)["pairs"]}
    assert pairs["new", "word100"] is None


def test_a_viewer_judges_and_an_outsider_finds_nothing(
    bob: User, carol: User, comparison: Comparison
) -> None:
    key = booth(bob, comparison)["pairs"][0]["key"]
    assert cast(bob, comparison, key, "tie").status_code == 200
    assert cast(carol, comparison, key, "tie").status_code == 404
    assert reveal(carol, comparison).status_code == 404
    address = reverse("comparison-blind", args=[comparison.pk])
    assert Client().get(address).status_code == 302
    assert ask(carol, "comparison-blind", comparison.pk, method="get").status_code == 404


def test_many_pairs_cost_as_many_queries_as_few(
    alice: User, comparison: Comparison, django_assert_num_queries: Any
) -> None:
    client = Client()
    client.force_login(alice)
    address = reverse("comparison-blind", args=[comparison.pk])
    client.get(address)
    with django_assert_num_queries(7):  # session, user, comparison, right, answers, votes, teams of the menu
        client.get(address)
