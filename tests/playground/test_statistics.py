"""The statistics of a comparison against scipy, against cases worked out by hand, and against symmetry."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from playground import statistics
from playground.statistics import agreement, holm, mean, mean_interval, rows_to_tell, sign_test, wilson

counts = st.integers(0, 60)
marks = st.lists(st.integers(-8, 8).map(lambda half: half / 2), min_size=1, max_size=9)


@given(counts, counts)
def test_the_sign_test_is_scipys_binomial_test(wins: int, losses: int) -> None:
    expected = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert sign_test(wins, losses) == pytest.approx(expected)
    assert sign_test(wins, losses) == sign_test(losses, wins)


@pytest.mark.parametrize(
    ("wins", "losses", "expected"),
    [(5, 0, 2 / 32), (6, 0, 2 / 64), (9, 1, 22 / 1024), (2, 2, 1.0), (1, 0, 1.0), (0, 0, 1.0)],
)
def test_the_sign_test_by_hand(wins: int, losses: int, expected: float) -> None:
    assert sign_test(wins, losses) == expected


@given(counts, counts)
def test_wilsons_interval_is_scipys(wins: int, losses: int) -> None:
    found = wilson(wins, wins + losses)
    if wins + losses == 0:
        assert found is None
        return
    expected = stats.binomtest(wins, wins + losses).proportion_ci(method="wilson")
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)
    mirrored = wilson(losses, wins + losses)
    assert mirrored is not None
    assert found == pytest.approx((1 - mirrored[1], 1 - mirrored[0]), abs=1e-12)
    assert found is not None
    assert 0 <= found[0] <= wins / (wins + losses) <= found[1] <= 1


def test_wilsons_interval_as_it_is_published() -> None:
    """R. G. Newcombe, Two-sided confidence intervals for the single proportion (1998), table I."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_procedure_rejects(values: list[float]) -> None:
    """As published: the smallest against alpha/n, the next against alpha/(n-1), until one fails."""
    adjusted = holm(values)
    assert all(raised >= value for raised, value in zip(adjusted, values, strict=True))
    order = sorted(range(len(values)), key=values.__getitem__)
    going = True
    for rank, place in enumerate(order):
        steps = (len(values) - rank) * values[place]
        if math.isclose(steps, 0.05):
            return  # either side of the limit by rounding
        going = going and steps <= 0.05
        assert (adjusted[place] <= 0.05) == going


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.02]) == [0.02]
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_rows_that_are_needed_by_hand() -> None:
    assert rows_to_tell(3, 0) == 3, "five of five is 0.06, six of six 0.03"
    assert rows_to_tell(2, 2) is None, "an even split tells nothing however often it is repeated"
    assert rows_to_tell(0, 0) is None
    assert rows_to_tell(51, 50) is None, "a preference as weak as that would take thousands"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 12), st.integers(0, 12))
def test_rows_that_are_needed_give_the_power_that_they_promise(wins: int, losses: int) -> None:
    more = rows_to_tell(wins, losses)
    assert more == rows_to_tell(losses, wins)
    if more is None:
        return
    rows, share = wins + losses + more, max(wins, losses) / (wins + losses)
    needed = next(
        count
        for count in range(rows // 2, rows + 1)
        if stats.binomtest(count, rows).pvalue < 0.05 and 2 * count > rows
    )
    assert stats.binom.sf(needed - 1, rows, share) >= statistics.POWER - 1e-9


@given(marks)
def test_the_interval_holds_what_the_permutation_test_allows(differences: list[float]) -> None:
    """Just inside the interval scipy's sign-flip test does not reject, just outside it does."""
    found = mean_interval(differences)
    if len(differences) < 6:
        assert found is None
        return
    assert found is not None
    low, high = found
    assert low <= high
    for end, outside in ((low, -1), (high, 1)):
        assert p_of(differences, end + outside * 1e-6) <= 0.05
        assert low == high or p_of(differences, end - outside * 1e-6) > 0.05 - 2 / 2 ** len(differences)


def p_of(differences: Sequence[float], centre: float) -> float:
    """The exact two-sided p-value that the mean of all sign flips is as far from 0."""
    found = stats.permutation_test(
        (np.array(differences) - centre,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    return float(found.pvalue)


@given(marks)
def test_the_interval_is_symmetric(differences: list[float]) -> None:
    found, mirrored = mean_interval(differences), mean_interval([-value for value in differences])
    if found is None or mirrored is None:
        assert found == mirrored
        return
    assert found == pytest.approx((-mirrored[1], -mirrored[0]))


def test_the_interval_by_hand() -> None:
    """63 subset means cut the line into 64 intervals, of which the two outer ones are left out."""
    assert mean_interval([1, 2, 3, 4, 5, 6]) == (1.0, 6.0)
    assert mean_interval([2.0] * 8) == (2.0, 2.0)
    assert mean_interval([1.0] * 5) is None


def test_the_interval_of_many_covers_as_often_as_it_says() -> None:
    draw = np.random.default_rng(1)
    found = [mean_interval(list(draw.normal(0.5, 1, 20))) for _ in range(60)]
    covered = sum(1 for ends in found if ends and ends[0] <= 0.5 <= ends[1])
    assert 52 <= covered <= 60
    assert mean_interval([1.0, 2.0] * 10) == mean_interval([1.0, 2.0] * 10)


def test_agreement_counts_pairs_of_voters() -> None:
    assert agreement([["a", "a", "b"], ["a", "a"], ["b"], []]) == (2, 4)
    assert agreement([]) == (0, 0)


def test_means_of_what_is_known() -> None:
    assert mean([1, None, 3]) == 2
    assert mean([None]) is None
