"""Loading and unloading on request: it works, then each refusal; and what the page says meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inference.registry import Registry
from playground import catalog
from playground.actions.runs import place_in_queue
from playground.models import Experiment, ModelWish, Run, WorkerLease
from playground.models.worker_lease import WorkerState
from tests.conftest import make_run

MODEL = "smollm2-135m-instruct"
Lease = Callable[..., WorkerLease]

pytestmark = pytest.mark.usefixtures("valkey", "plain_static")


def lease(state: WorkerState, model: str = MODEL, **changes: Any) -> WorkerLease:
    fields = {"name": f"host:{model}", "on_demand": True, "capacity": 16 * (state == WorkerState.WARM)}
    return WorkerLease.objects.create(model=model, state=state, **fields | changes)


def ask(user: User, experiment: Experiment, wish: str, model: str = MODEL) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(reverse(f"model-{wish}", args=[experiment.pk, model]))


def refused(answer: Any) -> tuple[int, str]:
    assert not ModelWish.objects.exists()
    assert answer.json()["error"]["message"].endswith(".")
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    ("state", "wish"),
    [(WorkerState.ABSENT, "load"), (WorkerState.FAILED, "load"), (WorkerState.WARM, "unload")],
)
def test_what_the_page_offers_can_be_asked(
    alice: User, experiment: Experiment, state: WorkerState, wish: str
) -> None:
    lease(state)
    assert catalog.model_state(MODEL).can == wish
    assert ask(alice, experiment, wish).status_code == 202
    row = ModelWish.objects.get()
    assert (row.model, row.wanted, row.asked_by) == (MODEL, wish, alice)


def test_asking_again_is_a_new_wish(alice: User, experiment: Experiment) -> None:
    lease(WorkerState.WARM)
    ask(alice, experiment, "load")
    first = ModelWish.objects.get().asked_at
    ask(alice, experiment, "load")
    assert ModelWish.objects.get().asked_at > first


@pytest.mark.parametrize("wish", ["load", "unload"])
def test_an_outsider_finds_nothing(carol: User, experiment: Experiment, wish: str) -> None:
    lease(WorkerState.WARM)
    assert refused(ask(carol, experiment, wish)) == (404, "not_found")


@pytest.mark.parametrize("wish", ["load", "unload"])
def test_a_viewer_may_not_ask(bob: User, experiment: Experiment, wish: str) -> None:
    lease(WorkerState.WARM)
    assert refused(ask(bob, experiment, wish)) == (403, "forbidden")


@pytest.mark.parametrize("wish", ["load", "unload"])
def test_an_unknown_model_is_refused(alice: User, experiment: Experiment, wish: str) -> None:
    assert refused(ask(alice, experiment, wish, "gpt-17")) == (422, "unknown_model")


@pytest.fixture
def with_remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """models.toml with a remote entry behind the default one."""
    models = tmp_path / "models.toml"
    text = Path(django_settings.MODELS_FILE).read_text()
    models.write_text(f'{text}\n[[model]]\nname = "far"\nremote = "https://models.example/v1"\n')
    registry = Registry.load(models, django_settings.DATA_DIR)
    monkeypatch.setattr(catalog, "registry", lambda: registry)


@pytest.mark.usefixtures("with_remote")
@pytest.mark.parametrize(
    ("state", "wish"),
    [(WorkerState.ABSENT, "load"), (WorkerState.WARM, "unload"), (WorkerState.FAILED, "unload")],
)
def test_a_remote_model_is_asked_for_like_others(
    alice: User, experiment: Experiment, state: WorkerState, wish: str
) -> None:
    lease(state, "far", capacity=16 * (wish == "unload"))
    assert catalog.model_state("far").can == wish
    assert ask(alice, experiment, wish, "far").status_code == 202


def test_nothing_is_unloaded_under_a_run(alice: User, experiment: Experiment) -> None:
    lease(WorkerState.WARM)
    run = make_run(alice)
    assert refused(ask(alice, experiment, "unload")) == (409, "model_busy")
    assert run.request_cancel()
    assert ask(alice, experiment, "unload").status_code == 202


def test_nobody_is_there_to_load(alice: User, experiment: Experiment) -> None:
    silent = timezone.now() - timedelta(seconds=django_settings.LEASE + 1)
    lease(WorkerState.ABSENT, seen_at=silent)
    assert catalog.model_state(MODEL).can == ""
    assert refused(ask(alice, experiment, "load")) == (409, "no_host")


def test_a_worker_of_its_own_keeps_its_model(alice: User, experiment: Experiment) -> None:
    lease(WorkerState.WARM, on_demand=False)
    assert catalog.model_state(MODEL).can == ""
    assert refused(ask(alice, experiment, "unload")) == (409, "model_kept")


@pytest.mark.parametrize(
    ("states", "shown"),
    [
        ((), "absent"),
        ((WorkerState.ABSENT,), "absent"),
        ((WorkerState.DRAINING,), "absent"),
        ((WorkerState.WAITING,), "loading"),
        ((WorkerState.LOADING,), "loading"),
        ((WorkerState.FAILED, WorkerState.ABSENT), "failed"),
        ((WorkerState.FAILED, WorkerState.LOADING), "loading"),
        ((WorkerState.ABSENT, WorkerState.LOADING, WorkerState.WARM), "warm"),
    ],
)
def test_the_best_of_all_machines_is_shown(db: None, states: tuple[WorkerState, ...], shown: str) -> None:
    for number, state in enumerate(states):
        lease(state, name=f"host{number}:{MODEL}")
    assert catalog.model_state(MODEL).state == shown


@pytest.mark.parametrize(
    ("state", "detail", "note"),
    [
        (WorkerState.WARM, "", None),
        (WorkerState.ABSENT, "not loaded", "the model will be loaded"),
        (WorkerState.LOADING, "loading weights", "the model is being loaded: loading weights"),
        (WorkerState.WAITING, "waiting for memory: a is in use", "waiting for memory: a is in use"),
        (WorkerState.FAILED, "no such file", "the model cannot be loaded: no such file"),
    ],
)
def test_a_waiting_run_says_what_the_model_does(
    run: Run, state: WorkerState, detail: str, note: str | None
) -> None:
    lease(state, detail=detail)
    assert place_in_queue(run).note == note


def test_a_draining_worker_is_no_capacity(run: Run) -> None:
    lease(WorkerState.DRAINING, capacity=16)
    assert place_in_queue(run).note == "the model will be loaded"


def test_a_broken_folder_is_failed_and_leaves_the_page_alone(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / "broken" / name).write_text("{}")
    models = tmp_path / "models.toml"
    text = Path(django_settings.MODELS_FILE).read_text()
    models.write_text(f'{text}\n[[model]]\nname = "mine"\nfolder = "broken"\n')
    registry = Registry.load(models, django_settings.DATA_DIR)
    monkeypatch.setattr(catalog, "registry", lambda: registry)
    states = {state.name: state for state in catalog.model_states()}
    assert (states[MODEL].state, states["mine"].state) == ("absent", "failed")
    assert "tokenizer.json" in states["mine"].detail
