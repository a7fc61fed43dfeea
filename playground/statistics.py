"""The statistics of a comparison, by the standard library alone: how sure a preference is.

Pure functions over numbers; nothing here knows votes or runs. Rows are the independent units: whoever calls
has put together what several people said of one row.
"""

import random
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import combinations
from math import comb, fsum, sqrt
from statistics import NormalDist

ALPHA = 0.05
POWER = 0.8
MOST_ROWS = 400  # where rows_to_tell stops looking
EXACT_UNTIL = 12  # values of which all 2**n subsets are looked at
SUBSETS = 4096  # drawn where there are more
Interval = tuple[float, float]


def wilson(successes: int, trials: int, confidence: float = 1 - ALPHA) -> Interval | None:
    """The interval of a share of independent trials; None without any.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    Unlike the textbook interval it keeps its promise for few trials and stays within 0 and 1.
    """
    if trials == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = successes / trials, z * z / trials
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    # The ends of 0 and of all are exact; rounding must not move them.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return low, high


def sign_test(wins: int, losses: int) -> float:
    """The exact two-sided p-value of so many wins and losses if both were equally likely; ties are no trials.

    W. J. Dixon, A. M. Mood, The statistical sign test, JASA 41 (1946). 1.0 without any trial.
    """
    trials, fewer = wins + losses, min(wins, losses)
    tail = sum(comb(trials, count) for count in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**trials))


def holm(values: Sequence[float]) -> list[float]:
    """The p-values of several tests, each raised so that all may be read together.

    S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979): the
    chance that any one of them is below a limit by luck alone is at most that limit.
    """
    adjusted = [0.0] * len(values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = highest
    return adjusted


def rows_to_tell(wins: int, losses: int, alpha: float = ALPHA) -> int | None:
    """How many more decided rows the sign test probably needs, if they go on in the same proportion.

    The smallest number at which it is below ``alpha`` with a chance of POWER. None when wins and losses are
    equally many, or when it would take more than MOST_ROWS in all.
    """
    trials = wins + losses
    if wins == losses:
        return None
    share = max(wins, losses) / trials
    for rows in range(trials + 1, MOST_ROWS + 1):
        needed = _fewest_wins(rows, alpha)
        if needed is not None and _at_least(needed, rows, share) >= POWER:
            return rows - trials
    return None


@cache
def _fewest_wins(trials: int, alpha: float) -> int | None:
    """The fewest wins of ``trials`` that the sign test takes for more than luck."""
    found = (wins for wins in range((trials + 1) // 2, trials + 1) if sign_test(wins, trials - wins) < alpha)
    return next(found, None)


def _at_least(wins: int, trials: int, share: float) -> float:
    """The chance of so many wins when each has the chance ``share``."""
    return fsum(
        comb(trials, count) * share**count * (1 - share) ** (trials - count)
        for count in range(wins, trials + 1)
    )


def mean(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None when none is."""
    known = [value for value in values if value is not None]
    return fsum(known) / len(known) if known else None


def mean_interval(differences: Sequence[float], confidence: float = 1 - ALPHA) -> Interval | None:
    """Where the centre of paired differences lies: all values that a sign-flip permutation test allows.

    J. A. Hartigan, Using subsample values as typical values, JASA 64 (1969): if differences lie evenly
    around their centre, the means of the 2**n - 1 subsets cut the line into 2**n intervals that hold it with
    the same chance. Exact up to EXACT_UNTIL differences; of more, random subsets with a fixed seed are taken.
    None for fewer than six at 95%: no such interval can be that sure of them.
    """
    means = sorted(_all_means(differences) if len(differences) <= EXACT_UNTIL else _some_means(differences))
    cut = int((1 - confidence) / 2 * (len(means) + 1))
    return (means[cut - 1], means[-cut]) if cut else None


def _all_means(values: Sequence[float]) -> list[float]:
    return [
        fsum(subset) / size for size in range(1, len(values) + 1) for subset in combinations(values, size)
    ]


def _some_means(values: Sequence[float]) -> list[float]:
    draw = random.Random(0)  # noqa: S311  # the same interval whenever it is looked at
    means: list[float] = []
    while len(means) < SUBSETS - 1:
        if subset := [value for value in values if draw.random() < 0.5]:
            means.append(fsum(subset) / len(subset))
    return means


def agreement(items: Iterable[Sequence[str]]) -> tuple[int, int]:
    """How many pairs of voters chose the same, and how many pairs there are; an item lists its choices.

    Plain agreement, not corrected for chance: a kappa needs the same number of voters for every item.
    """
    same = pairs = 0
    for choices in items:
        pairs += comb(len(choices), 2)
        same += sum(comb(choices.count(choice), 2) for choice in set(choices))
    return same, pairs
