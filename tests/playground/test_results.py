"""Results: votes and marks of many people become one verdict for each column, row by row."""

from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import User

from playground.actions import results as actions
from playground.actions.results import Judgement, of_row
from playground.models import Choice, Comparison, Experiment, Rating, Run, Vote
from playground.models.run import Status
from tests.playground.test_comparisons import SAMPLING, ask, board, column, copy_of, ended, press, store

pytestmark = pytest.mark.usefixtures("plain_static", "valkey")
ROWS = 10


@pytest.fixture
def comparison(alice: User, experiment: Experiment) -> Comparison:
    """Three columns and ten rows, all answered."""
    made = experiment.comparisons.create(title="Ways", board=board(3, ROWS))
    press(alice, made)
    ended(completion_tokens=2, scored_tokens=2, logprob_sum=-1.0)
    for run in made.runs.all():
        made.runs.filter(pk=run.pk).update(text=f"{run.column} {run.row}")
    return made


def run_at(comparison: Comparison, column: str, row: int, sample: int = 0) -> Run:
    return comparison.runs.get(column=column, row=f"r{row}", sample=sample)


def vote(
    user: User, comparison: Comparison, column: str, choices: str, against: str = "c0", **more: Any
) -> None:
    """One letter for each row: b, w, t or x for both bad; a space for no vote."""
    words = {"b": "better", "w": "worse", "t": "tie", "x": "both_bad"}
    for row, letter in enumerate(choices):
        if letter != " ":
            run, base = run_at(comparison, column, row), run_at(comparison, against, row)
            fields = {"comparison": comparison, "row": run.row, "run": run, "against": base} | more
            Vote.objects.create(user=user, choice=words[letter], **fields)


def rate(user: User, comparison: Comparison, column: str, marks: str) -> None:
    for row, mark in enumerate(marks):
        Rating.objects.create(user=user, run=run_at(comparison, column, row), mark=int(mark))


def results(user: User, comparison: Comparison) -> Any:
    return ask(user, "comparison-results", comparison.pk, method="get").json()


def against(user: User, comparison: Comparison, letter: str = "B") -> Any:
    columns = results(user, comparison)["columns"]
    return next(column["against_baseline"] for column in columns if column["letter"] == letter)


def test_a_clear_preference_is_told_with_its_numbers(alice: User, comparison: Comparison) -> None:
    vote(alice, comparison, "c1", "bbbbbbbbbw")
    told = against(alice, comparison)
    assert told["rows"] == {"better": 9, "worse": 1, "tie": 0, "both_bad": 0}
    assert (told["decided"], told["preferred"]) == (10, 0.9)
    assert told["p"] == told["p_holm"] == 22 / 1024
    assert told["interval"] == pytest.approx([0.596, 0.982], abs=0.001)
    assert told["sentence"] == "B was preferred in 9 of 10 decided rows (p = 0.02)."


def test_a_clear_loss_names_the_better_one(alice: User, comparison: Comparison) -> None:
    vote(alice, comparison, "c1", "wwwwwwwwww")
    assert against(alice, comparison)["sentence"] == "A was preferred in 10 of 10 decided rows (p = 0.002)."


def test_too_little_evidence_says_how_much_more(alice: User, comparison: Comparison) -> None:
    vote(alice, comparison, "c1", "bbbwwtx")
    told = against(alice, comparison)
    assert told["rows"] == {"better": 3, "worse": 2, "tie": 1, "both_bad": 1}
    beginning = "Not enough evidence: B was preferred in 3 of 5 decided rows (p = 1.00); about "
    assert told["sentence"].startswith(beginning)
    assert told["sentence"].endswith(" more rows are needed to tell if it goes on like this.")


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ("", "Nobody has compared B with A yet."),
        ("ttx", "No row is decided between B and A"),
        ("bw", "as long as they are split evenly, no number of rows will tell."),
        ("bbbbb", "about 1 more row is needed to tell if it goes on like this."),
    ],
)
def test_other_sentences(alice: User, comparison: Comparison, choices: str, words: str) -> None:
    vote(alice, comparison, "c1", choices)
    assert words in against(alice, comparison)["sentence"]


def test_several_columns_are_corrected_together(alice: User, comparison: Comparison) -> None:
    vote(alice, comparison, "c1", "bbbbbbbbbw")
    vote(alice, comparison, "c2", "bbbbbbbbbb")
    both = [against(alice, comparison, letter) for letter in "BC"]
    assert [one["p_holm"] for one in both] == [22 / 1024, 4 / 1024]
    assert both[1]["sentence"].endswith("(p = 0.004, corrected for 2 comparisons).")
    assert results(alice, comparison)["compared"] == 2


def test_a_row_counts_once_however_many_vote(alice: User, bob: User, comparison: Comparison) -> None:
    people = [User.objects.create(username=f"v{number}") for number in range(5)]
    for user in people:
        vote(user, comparison, "c1", "b")
    vote(alice, comparison, "c1", "ww")
    vote(bob, comparison, "c1", " b")
    told = against(alice, comparison)
    assert told["rows"] == {"better": 1, "worse": 0, "tie": 1, "both_bad": 0}
    assert told["votes"] == {"better": 6, "worse": 2, "tie": 0, "both_bad": 0}
    whole = results(alice, comparison)
    assert whole["agreement"] == {"same": 10, "pairs": 16}
    assert (whole["votes"], whole["blind_votes"]) == (8, 0)


@pytest.mark.parametrize(
    ("said", "together"),
    [
        ({1: "bb", 2: "w"}, Choice.TIE),
        ({1: "bbw", 2: "b", 3: "w"}, Choice.BETTER),
        ({1: "w", 2: "t", 3: "x"}, Choice.WORSE),
        ({1: "x", 2: "x", 3: "t"}, Choice.BOTH_BAD),
        ({1: "x", 2: "t"}, Choice.TIE),
        ({1: "bw", 2: "x", 3: "x"}, Choice.BOTH_BAD),
    ],
    ids=str,
)
def test_what_voters_of_a_row_say_together(said: dict[int, str], together: Choice) -> None:
    words = {"b": Choice.BETTER, "w": Choice.WORSE, "t": Choice.TIE, "x": Choice.BOTH_BAD}
    judgements = [
        Judgement("c1", "r0", user, words[letter], False)
        for user, letters in said.items()
        for letter in letters
    ]
    assert of_row(judgements) == together


def test_a_vote_counts_the_same_from_either_side(alice: User, comparison: Comparison) -> None:
    vote(alice, comparison, "c0", "wwwwwbtx", against="c1")
    assert against(alice, comparison)["rows"] == {"better": 5, "worse": 1, "tie": 1, "both_bad": 1}


def test_the_baseline_is_the_one_that_was_chosen(alice: User, comparison: Comparison) -> None:
    vote(alice, comparison, "c1", "bbb", against="c2")
    vote(alice, comparison, "c1", "ww")
    store(comparison, comparison.board | {"baseline": "c2"})
    whole = results(alice, comparison)
    assert whole["baseline"] == "c2"
    assert against(alice, comparison, "B")["rows"]["better"] == 3
    assert against(alice, comparison, "C") is None
    assert against(alice, comparison, "A")["decided"] == 0


def test_votes_on_an_earlier_prompt_are_counted_apart(alice: User, comparison: Comparison) -> None:
    vote(alice, comparison, "c1", "bbb")
    vote(alice, comparison, "c2", "bb")
    columns = [*comparison.board["columns"]]
    columns[1] = column("c1", instruction="Another way.")
    store(comparison, comparison.board | {"columns": columns})
    whole = results(alice, comparison)
    assert (whole["votes"], whole["outdated_votes"]) == (2, 3)
    assert against(alice, comparison, "B")["decided"] == 0
    assert whole["columns"][1]["figures"]["answers"] == 0


def test_a_vote_outlives_a_second_run_of_the_same(alice: User, comparison: Comparison) -> None:
    vote(alice, comparison, "c1", "b")
    press(alice, comparison)
    assert against(alice, comparison)["rows"]["better"] == 1


def test_ratings_are_compared_within_rows_and_people(alice: User, bob: User, comparison: Comparison) -> None:
    rate(alice, comparison, "c0", "1111111")
    rate(alice, comparison, "c1", "2222222")
    rate(bob, comparison, "c0", "5")
    rate(bob, comparison, "c1", "44")  # the second has nothing to be compared with
    told = against(alice, comparison)["rating"]
    assert (told["rows"], told["difference"]) == (7, pytest.approx(6 / 7))
    assert told["interval"] == [0.5, 1.0], "the third of 127 subset means from each end"
    assert against(alice, comparison, "C")["rating"] == {"rows": 0, "difference": None, "interval": None}


def test_figures_are_means_of_the_newest_answers(alice: User, comparison: Comparison) -> None:
    Run.objects.filter(column="c1", row="r0").update(logprob_sum=-3.0, status=Status.FAILED)
    Run.objects.filter(column="c1", row="r1").update(logprob_sum=-3.0)
    (base, ours, _) = (one["figures"] for one in results(alice, comparison)["columns"])
    assert (base["answers"], base["logprob_mean"], base["completion_tokens"]) == (10, -0.5, 2)
    assert (ours["answers"], ours["logprob_mean"]) == (9, pytest.approx((8 * -0.5 - 1.5) / 9))
    assert (base["same_as_baseline"], ours["same_as_baseline"]) == (10, 0)


def test_distinct_answers_of_samples_are_counted(alice: User, experiment: Experiment) -> None:
    columns = [column("a", instruction="x"), column("b", instruction="x", settings=SAMPLING)]
    made = experiment.comparisons.create(title="x", board=board(rows=2, samples=4) | {"columns": columns})
    press(alice, made)
    ended(text="same")
    Run.objects.filter(column="b", row="r0", sample__gte=2).update(text="other")
    base, ours = (one["figures"] for one in results(alice, made)["columns"])
    assert (base["samples"], base["distinct"]) == (1, 1)
    assert (ours["samples"], ours["distinct"]) == (4, 1.5)


def test_a_large_board_costs_as_many_queries_as_a_small_one(
    alice: User, experiment: Experiment, comparison: Comparison, django_assert_num_queries: Any
) -> None:
    large = experiment.comparisons.create(title="x", board=board(12, 100))
    some = Run.objects.filter(comparison=comparison).first()
    assert some
    places = product(range(12), range(100))
    Run.objects.bulk_create(copy_of(some, large, column=f"c{one}", row=f"r{row}") for one, row in places)
    for made, rows in ((comparison, ROWS), (large, 100)):
        vote(alice, made, "c1", "b" * (rows if made == comparison else 20))
        rate(alice, made, "c1", "3" * 5)
        with django_assert_num_queries(3):  # answers, votes, ratings
            actions.results(made)


def test_who_may_read_them(bob: User, carol: User, comparison: Comparison) -> None:
    assert results(bob, comparison)["votes"] == 0
    assert ask(carol, "comparison-results", comparison.pk, method="get").status_code == 404
