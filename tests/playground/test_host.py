"""A host with children that only sleep: what it starts, stops, tries again and says."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from playground import catalog, memory
from playground import host as hosts
from playground.actions import models as actions
from playground.host import Host, Picture
from playground.models import WorkerLease
from playground.models.ids import new_id
from playground.models.worker_lease import WorkerState
from playground.supervisor import LONGEST_PAUSE, Supervisor
from tests.conftest import make_run

MODEL = "smollm2-135m-instruct"
SLEEPS = "import time; time.sleep(60)"
UNLOADABLE = "raise SystemExit(1)"

# Real transactions: the program closes its connections, as it does between looks.
pytestmark = [pytest.mark.usefixtures("valkey"), pytest.mark.django_db(transaction=True)]
MakeHost = Callable[..., Host]


@pytest.fixture
def make_host(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeHost]:
    made: list[Host] = []

    def make(child: str = SLEEPS, **changes: Any) -> Host:
        monkeypatch.setattr(Supervisor, "_command", lambda self: [sys.executable, "-c", child])
        options: dict[str, Any] = {"kept": [], "budget": memory.budget("100GB"), "on_demand": True}
        made.append(host := Host([MODEL], **options | changes))
        host.look()
        return host

    yield make
    for host in made:
        host._stopping = True
        host._drain()
    assert not WorkerLease.objects.exists()


def row() -> tuple[str, str]:
    lease = WorkerLease.objects.get()
    return lease.state, lease.detail


def look_until(host: Host, is_true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < until, f"the row stays {row()}"
        time.sleep(0.02)
        host.look()


def warm() -> None:
    WorkerLease.objects.update(state=WorkerState.WARM, capacity=16)


def test_nothing_is_loaded_before_it_is_asked_for(make_host: MakeHost) -> None:
    host = make_host()
    assert host.supervisors[MODEL].child is None
    assert row()[0] == "absent"
    assert row()[1].startswith("not loaded (about ")
    assert catalog.model_state(MODEL).can == "load"


def test_the_kept_one_is_loaded_at_once(make_host: MakeHost) -> None:
    host = make_host(kept=[MODEL])
    assert host.supervisors[MODEL].child is not None
    assert row() == ("loading", "starting")


def test_a_queued_run_loads_its_model(make_host: MakeHost, alice: User) -> None:
    host = make_host()
    make_run(alice)
    host.look()
    assert row() == ("loading", "starting")


def test_wishes_are_obeyed_once(make_host: MakeHost, alice: User) -> None:
    host = make_host()
    supervisor = host.supervisors[MODEL]
    actions.load(MODEL, alice)
    host.look()
    assert supervisor.child is not None
    warm()
    actions.unload(MODEL, alice)
    host.look()
    assert row() == ("draining", "being unloaded")
    look_until(host, lambda: supervisor.child is None)
    host.look()
    assert row()[0] == "absent"


def test_a_wish_from_before_the_host_is_old(make_host: MakeHost, alice: User) -> None:
    first = make_host()
    actions.load(MODEL, alice)
    first._forget_rows()
    assert make_host().supervisors[MODEL].child is None


def test_a_child_that_dies_is_started_again_under_another_id(make_host: MakeHost) -> None:
    host = make_host(kept=[MODEL])
    supervisor = host.supervisors[MODEL]
    assert supervisor.child is not None
    warm()
    before = supervisor.worker_id
    supervisor.child.send_signal(signal.SIGKILL)
    look_until(host, lambda: row() == ("loading", "its process ended (-9); starting again"))
    look_until(host, lambda: supervisor.child is not None)
    assert supervisor.worker_id != before


@pytest.mark.parametrize(("kept", "again"), [([], False), ([MODEL], True)])
def test_what_cannot_be_loaded_says_why_and_is_tried_again_only_if_kept(
    make_host: MakeHost, alice: User, kept: list[str], again: bool
) -> None:
    host = make_host(UNLOADABLE, kept=kept)
    if not kept:
        actions.load(MODEL, alice)
        host.look()
    WorkerLease.objects.update(state=WorkerState.FAILED, detail="no weights")  # as the child would
    look_until(host, lambda: host.supervisors[MODEL].state == WorkerState.FAILED)
    assert row() == ("failed", "no weights")
    host.supervisors[MODEL].hurry()
    host.look()
    assert (host.supervisors[MODEL].child is not None) == again


def test_pauses_grow_to_a_limit(make_host: MakeHost) -> None:
    supervisor = make_host().supervisors[MODEL]
    pauses = []
    for _ in range(10):
        supervisor._born = time.monotonic()
        supervisor._rest(1, "")
        pauses.append(supervisor._pause)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (1.0, LONGEST_PAUSE)


def test_what_is_too_large_fails_with_both_numbers(make_host: MakeHost, alice: User) -> None:
    host = make_host(budget=memory.budget("200MB"))
    make_run(alice)
    host.look()
    assert host.supervisors[MODEL].child is None
    assert row()[0] == "failed"
    assert "gives its models 0.2 GB" in row()[1]


def test_a_worker_of_one_model_obeys_no_wish(make_host: MakeHost, alice: User) -> None:
    host = make_host(kept=[MODEL], on_demand=False)
    warm()
    WorkerLease.objects.update(on_demand=True)  # past the refusal of the action
    actions.unload(MODEL, alice)
    host.look()
    assert row()[0] == "warm"


@pytest.mark.parametrize(
    ("state", "is_older", "takes"),
    [
        (WorkerState.WARM, False, False),
        (WorkerState.LOADING, False, False),
        (WorkerState.ABSENT, False, True),
        (WorkerState.ABSENT, True, False),
        (WorkerState.WAITING, True, True),
        (WorkerState.FAILED, True, True),
    ],
)
def test_of_two_machines_one_takes_a_model(
    make_host: MakeHost, state: WorkerState, is_older: bool, takes: bool
) -> None:
    first, host = new_id(), make_host()
    other = WorkerLease.objects.create(
        pk=first if is_older else new_id(), name="other:m", model=MODEL, state=state, on_demand=True
    )
    assert Picture.now().is_for(host.supervisors[MODEL]) == takes
    other.delete()


def test_warm_models_are_rung_for(make_host: MakeHost, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[tuple[str, int]] = []
    monkeypatch.setattr(hosts, "ring", lambda model, runs: rung.append((model, runs)))
    host = make_host()
    make_run(alice)
    host.look()
    assert rung == []
    warm()
    host.look()
    host.look()
    assert rung == [(MODEL, 1)]
