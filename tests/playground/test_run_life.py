"""The row's state machine: of any number of movers exactly one wins."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from playground.actions.runs import cancel, keep_alive, place_in_queue, places_in_queue
from playground.models import Run, Team
from playground.models.run import Kind, Outcome, Status
from tests.conftest import make_run
from tests.playground.test_submit import fields_of

DONE = Outcome(Status.SUCCEEDED, "stop")
MODEL = "smollm2-135m-instruct"

pytestmark = pytest.mark.usefixtures("valkey")


def claimed(run: Run) -> Run:
    assert run.claim(uuid.uuid4())
    run.refresh_from_db()
    return run


def test_one_claim_wins(run: Run) -> None:
    assert [run.claim(uuid.uuid4()) for _ in range(3)] == [True, False, False]


def test_one_finish_wins(run: Run) -> None:
    claimed(run)
    assert [run.finish(DONE, text="a"), run.finish(DONE, text="b")] == [True, False]
    run.refresh_from_db()
    assert (run.status, run.text) == (Status.SUCCEEDED, "a")


def test_a_terminal_run_stays_as_it_is(run: Run) -> None:
    claimed(run).finish(DONE)
    assert not run.request_cancel()
    assert not run.claim(uuid.uuid4())
    assert not run.hand_back()
    run.refresh_from_db()
    assert run.status == Status.SUCCEEDED


def test_a_late_worker_cannot_finish_the_next_attempt(run: Run) -> None:
    late = claimed(run)
    assert late.hand_back()
    fresh = Run.objects.get(pk=run.pk)
    assert fresh.attempt == 2
    claimed(fresh)
    assert not late.finish(DONE, text="from the past")
    assert not late.checkpoint("from the past", 3, None)
    assert fresh.finish(DONE, text="now")


def test_cancel_ends_a_queued_run_at_once(run: Run) -> None:
    assert cancel(run).status == Status.CANCELLED


def test_cancel_asks_a_running_one_and_may_be_repeated(run: Run) -> None:
    claimed(run)
    assert [run.request_cancel(), run.request_cancel()] == [True, False]
    run.refresh_from_db()
    assert (run.status, run.cancel_requested_at is not None) == (Status.RUNNING, True)


def test_the_keeper_queues_a_lost_run_again(run: Run) -> None:
    claimed(run)
    lose(run)
    keep_alive()
    run.refresh_from_db()
    assert (run.status, run.attempt) == (Status.QUEUED, 2)


def test_the_keeper_leaves_a_living_lease_alone(run: Run) -> None:
    claimed(run)
    keep_alive()
    run.refresh_from_db()
    assert (run.status, run.attempt) == (Status.RUNNING, 1)


def test_the_last_attempt_fails_and_keeps_its_text(run: Run) -> None:
    for attempt in range(settings.MAX_ATTEMPTS):
        claimed(run)
        run.checkpoint(f"text of attempt {attempt + 1}", 5, None)
        lose(run)
        keep_alive()
        run.refresh_from_db()
    assert (run.status, run.error_code, run.text) == (Status.FAILED, "worker_lost", "text of attempt 2")
    assert run.error_message


def test_a_lost_run_that_was_to_stop_is_cancelled(run: Run) -> None:
    claimed(run)
    run.request_cancel()
    lose(run)
    keep_alive()
    run.refresh_from_db()
    assert run.status == Status.CANCELLED


def test_an_overdue_queued_run_expires_with_a_reason(run: Run) -> None:
    Run.objects.update(deadline=timezone.now() - timedelta(seconds=1))
    keep_alive()
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.EXPIRED, "queue_deadline")


def test_the_keeper_rings_for_an_unheard_run(run: Run) -> None:
    long_ago = timezone.now() - timedelta(seconds=settings.DOORBELL_REPEAT + 1)
    for unheard in (None, long_ago):
        Run.objects.update(queued_at=long_ago, rung_at=unheard)
        keep_alive()
        run.refresh_from_db()
        assert run.rung_at is not None
        assert run.rung_at > long_ago


def test_the_keeper_leaves_a_new_run_to_the_ring_of_its_submission(run: Run) -> None:
    keep_alive()
    run.refresh_from_db()
    assert run.rung_at is None


def lose(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_interactive_goes_before_batch(alice: User, team: Team) -> None:
    batch, interactive = make_run(alice, "k1"), make_run(alice, "k2")
    Run.objects.filter(pk=batch.pk).update(kind=Kind.BATCH)
    assert [run.pk for run in Run.objects.in_fair_order(MODEL)] == [interactive.pk, batch.pk]


def test_the_user_who_was_served_less_goes_first(alice: User, carol: User) -> None:
    served = claimed(make_run(alice, "k0"))
    served.finish(DONE, completion_tokens=500)
    first, second = make_run(alice, "k1"), make_run(carol, "k2")
    assert [run.pk for run in Run.objects.in_fair_order(MODEL)] == [second.pk, first.pk]


def test_running_runs_count_as_served(alice: User, carol: User) -> None:
    claimed(make_run(alice, "k0"))
    first, second = make_run(alice, "k1"), make_run(carol, "k2")
    assert [run.pk for run in Run.objects.in_fair_order(MODEL)] == [second.pk, first.pk]


def test_the_place_in_the_queue_follows_the_same_order(alice: User, carol: User) -> None:
    claimed(make_run(alice, "k0"))
    mine, theirs = make_run(alice, "k1"), make_run(carol, "k2")
    assert (place_in_queue(mine).position, place_in_queue(theirs).position) == (2, 1)
    assert place_in_queue(mine).note == "no worker is running"
    assert Run.objects.claim_next(MODEL, uuid.uuid4()) == theirs


def test_many_places_are_those_of_each(alice: User, carol: User) -> None:
    claimed(make_run(alice, "k0"))
    runs = [make_run(user, f"k{number}") for number in range(1, 4) for user in (alice, carol)]
    assert places_in_queue(runs) == {run.pk: place_in_queue(run) for run in runs}
    assert sorted(place.position for place in places_in_queue(runs).values()) == [1, 2, 3, 4, 5, 6]


def test_workers_claim_in_the_order_that_is_told(alice: User, carol: User) -> None:
    claimed(make_run(alice, "k0"))
    runs = [make_run(user, f"k{number}") for number in range(1, 5) for user in (alice, carol)]
    Run.objects.filter(pk__in=[run.pk for run in runs[:4]]).update(kind=Kind.BATCH)
    for _ in runs:
        first = Run.objects.in_fair_order(MODEL)[0]
        taken = Run.objects.claim_next(MODEL, uuid.uuid4())
        assert taken is not None
        assert taken.pk == first.pk
        taken.finish(DONE, completion_tokens=5)
    assert Run.objects.claim_next(MODEL, uuid.uuid4()) is None


def test_a_claim_costs_the_same_however_many_wait(alice: User, django_assert_num_queries: Any) -> None:
    run = make_run(alice, "k")
    Run.objects.update(kind=Kind.BATCH)
    copies = [Run(**fields_of(run), idempotency_key=f"c{number}") for number in range(40)]
    Run.objects.bulk_create(copies)
    with django_assert_num_queries(3):  # who waits, their rows, the claim; one user needs no shares
        assert Run.objects.claim_next(MODEL, uuid.uuid4()) is not None


def test_a_thread_that_is_kept_free_takes_no_batch(alice: User) -> None:
    batch = make_run(alice, "k1")
    Run.objects.update(kind=Kind.BATCH)
    assert Run.objects.claim_next(MODEL, uuid.uuid4(), batch=False) is None
    single = make_run(alice, "k2")
    assert Run.objects.claim_next(MODEL, uuid.uuid4(), batch=False) == single
    assert Run.objects.claim_next(MODEL, uuid.uuid4()) == batch


def test_nothing_to_claim_is_normal(db: None) -> None:
    assert Run.objects.claim_next(MODEL, uuid.uuid4()) is None
