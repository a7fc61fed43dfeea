"""The breaker, on a clock of its own."""

from inference.breaker import FAILURES, REST, Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def broken() -> tuple[Breaker, Clock]:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.admit() == 0
        breaker.failed()
    return breaker, clock


def test_it_opens_after_failures_in_a_row_alone() -> None:
    breaker = Breaker(Clock())
    for _ in range(2 * FAILURES):
        breaker.failed()
        breaker.succeeded()
    assert (breaker.is_open, breaker.words) == (False, "")
    breaker, _ = broken()
    assert (breaker.is_open, breaker.words) == (True, f"{FAILURES} failures in a row")


def test_it_says_how_long_it_rests() -> None:
    breaker, clock = broken()
    clock.now += 5
    assert breaker.admit() == REST - 5


def test_after_the_rest_one_request_tries() -> None:
    breaker, clock = broken()
    clock.now += REST
    assert [breaker.admit(), breaker.admit()] == [0, REST]
    breaker.succeeded()
    assert breaker.admit() == 0


def test_one_more_failure_is_one_more_rest() -> None:
    breaker, clock = broken()
    clock.now += REST
    breaker.admit()
    clock.now += 1
    breaker.failed()
    assert breaker.admit() == REST


def test_a_try_that_never_reports_holds_nobody_up() -> None:
    breaker, clock = broken()
    clock.now += REST
    breaker.admit()
    clock.now += REST
    assert breaker.admit() == 0
