"""Votes and ratings: everybody who reads may judge, and changes only their own."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from playground.models import Comparison, Experiment, Rating, Run, Vote
from tests.conftest import make_run
from tests.playground.test_comparisons import ask, board, client_of, ended, press

pytestmark = pytest.mark.usefixtures("plain_static", "valkey")


@pytest.fixture
def comparison(alice: User, experiment: Experiment) -> Comparison:
    """Two columns and two rows, all answered."""
    made = experiment.comparisons.create(title="Ways", board=board())
    press(alice, made)
    ended()
    return made


def run_at(comparison: Comparison, column: str, row: str = "r0") -> Run:
    return comparison.runs.get(column=column, row=row)


def vote(user: User, comparison: Comparison, run: Run, against: Run, choice: str | None) -> Any:
    body = {"run": str(run.pk), "against": str(against.pk), "choice": choice}
    return ask(user, "comparison-votes", comparison.pk, body, "put")


def rate(user: User, run: Run, **opinion: Any) -> Any:
    return ask(user, "run-rating", run.pk, opinion, "put")


def test_a_vote_is_given_changed_and_taken_back(alice: User, comparison: Comparison) -> None:
    ours, base = run_at(comparison, "c1"), run_at(comparison, "c0")
    given = vote(alice, comparison, ours, base, "better").json()["vote"]
    assert (given["choice"], given["row"], given["blind"]) == ("better", "r0", False)
    assert (given["run"], given["against"]) == (str(ours.pk), str(base.pk))
    vote(alice, comparison, ours, base, "both_bad")
    assert [one.choice for one in Vote.objects.all()] == ["both_bad"]
    assert vote(alice, comparison, ours, base, None).json() == {"vote": None}
    assert not Vote.objects.exists()


def test_two_answers_have_one_vote_whichever_is_named_first(alice: User, comparison: Comparison) -> None:
    ours, base = run_at(comparison, "c1"), run_at(comparison, "c0")
    vote(alice, comparison, ours, base, "better")
    vote(alice, comparison, base, ours, "better")
    assert [(one.run, one.against, one.choice) for one in Vote.objects.all()] == [(base, ours, "better")]
    vote(alice, comparison, ours, base, None)
    assert not Vote.objects.exists()


def test_viewers_vote_too_and_everybody_sees_whose_it_is(
    alice: User, bob: User, comparison: Comparison
) -> None:
    ours, base = run_at(comparison, "c1"), run_at(comparison, "c0")
    vote(alice, comparison, ours, base, "better")
    vote(bob, comparison, ours, base, "worse")
    rate(bob, ours, mark=2, comment="Too long.")
    told = ask(alice, "comparison-votes", comparison.pk, method="get").json()
    assert [(one["user_name"], one["choice"]) for one in told["votes"]] == [
        ("alice", "better"),
        ("bob", "worse"),
    ]
    (rating,) = told["ratings"]
    assert (rating["run"], rating["mark"], rating["comment"]) == (str(ours.pk), 2, "Too long.")
    assert (rating["user_id"], rating["user_name"]) == (bob.pk, "bob")
    page = ask(bob, "comparison", comparison.pk, method="get").context["page"]
    assert (page["votes"], page["ratings"]) == (told["votes"], told["ratings"])


def test_a_rating_is_given_changed_and_taken_back(alice: User, bob: User, comparison: Comparison) -> None:
    run = run_at(comparison, "c0")
    rate(alice, run, mark=5)
    rate(alice, run, comment="No mark, only words.")
    rate(bob, run, mark=1)
    kept = {one.user: (one.mark, one.comment) for one in Rating.objects.all()}
    assert kept == {alice: (None, "No mark, only words."), bob: (1, "")}
    assert rate(alice, run, mark=None, comment=" ").json() == {"rating": None}
    assert [one.user for one in Rating.objects.all()] == [bob]


def test_a_single_run_is_rated_too(alice: User) -> None:
    run = make_run(alice)
    assert rate(alice, run, mark=4).json()["error"]["code"] == "run_is_live"
    ended()
    assert rate(alice, run, mark=4).json()["rating"]["mark"] == 4


@pytest.mark.parametrize("opinion", [{"mark": 0}, {"mark": 6}, {"comment": "x" * 2001}, {"comment": "\0"}])
def test_what_is_no_opinion_is_refused(alice: User, comparison: Comparison, opinion: dict[str, Any]) -> None:
    assert rate(alice, run_at(comparison, "c0"), **opinion).status_code == 422
    assert not Rating.objects.exists()


def test_only_two_answers_to_one_row_make_a_pair(alice: User, comparison: Comparison) -> None:
    ours, base = run_at(comparison, "c1"), run_at(comparison, "c0")
    for other in (run_at(comparison, "c0", "r1"), ours):
        answer = vote(alice, comparison, ours, other, "tie")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "not_a_pair")
    assert vote(alice, comparison, ours, base, "good").status_code == 422
    assert not Vote.objects.exists()


def test_an_answer_that_is_being_written_is_not_judged(alice: User, comparison: Comparison) -> None:
    ours, base = run_at(comparison, "c1"), run_at(comparison, "c0")
    Run.objects.filter(pk=base.pk).update(status="running")
    answer = vote(alice, comparison, ours, base, "tie")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "run_is_live")


def test_runs_of_other_comparisons_are_not_found(
    alice: User, carol: User, experiment: Experiment, comparison: Comparison
) -> None:
    other = experiment.comparisons.create(title="Other", board=board())
    press(alice, other)
    single, theirs = make_run(alice), make_run(carol)
    ended()
    ours = run_at(comparison, "c1")
    for stranger in (run_at(other, "c0"), single, theirs, Run(pk=uuid.uuid4())):
        for pair in ((ours, stranger), (stranger, ours)):
            assert vote(alice, comparison, *pair, "tie").status_code == 404
    assert not Vote.objects.exists()


def test_an_outsider_judges_nothing(carol: User, comparison: Comparison) -> None:
    ours, base = run_at(comparison, "c1"), run_at(comparison, "c0")
    assert vote(carol, comparison, ours, base, "tie").status_code == 404
    assert rate(carol, ours, mark=1).status_code == 404
    assert ask(carol, "comparison-votes", comparison.pk, method="get").status_code == 404
    assert not Vote.objects.exists()
    assert not Rating.objects.exists()


def test_many_votes_cost_as_many_queries_as_few(
    alice: User, comparison: Comparison, django_assert_num_queries: Any
) -> None:
    ours, base = run_at(comparison, "c1"), run_at(comparison, "c0")
    for number in range(20):
        user = User.objects.create(username=f"voter {number}")
        Vote.objects.create(comparison=comparison, row="r0", user=user, run=ours, against=base, choice="tie")
        Rating.objects.create(user=user, run=ours, mark=3)
    client = client_of(alice)
    with django_assert_num_queries(6):  # session, user, comparison, right, votes, ratings
        client.get(reverse("comparison-votes", args=[comparison.pk]))
