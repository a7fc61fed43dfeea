"""A worker with a tiny model, in this process: what it does when its engine is wrong or stands still."""

import logging
import threading
import weakref
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from inference import loader, self_test
from inference.config import EngineConfig
from inference.engine import Engine
from inference.loader import LoadedModel, load_model
from inference.types import GenerationRequest
from playground import worker as workers
from playground.models import WorkerLease
from playground.models.ids import new_id
from playground.worker import Worker
from tests.inference.tiny import build_tiny_model

PROMPT = list(range(3, 40))
PULSE = Worker._pulse_loop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def worker(
    db: None, valkey: None, folder: Path, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Worker]:
    """Without its pulse, which would see another database from its thread."""
    settings.MODELS_FILE = tmp_path / "models.toml"
    settings.MODELS_FILE.write_text(f'[[model]]\nname = "tiny"\nfolder = "{folder}"\n')
    monkeypatch.setattr(Worker, "_pulse_loop", lambda self: None)
    worker = Worker("tiny", new_id(), "host:tiny")
    yield worker
    worker.close()


def local(worker: Worker) -> Engine:
    assert isinstance(worker.engine, Engine)
    return worker.engine


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many of the earlier models are still in memory whenever a model is about to be loaded."""
    models: list[weakref.ref[Any]] = []
    counts: list[int] = []

    def load(*arguments: Any, **options: Any) -> LoadedModel:
        counts.append(sum(model() is not None for model in models))
        loaded = load_model(*arguments, **options)
        models.append(weakref.ref(loaded.model))
        return loaded

    monkeypatch.setattr(loader, "load_model", load)
    return counts


def ruin(model: Any) -> dict[str, int]:
    """Swaps modules, and the answers with them."""
    model.model.norm.weight.data.neg_()
    return {"norm": 1}


def test_wrong_faster_modules_are_left_out(
    worker: Worker,
    folder: Path,
    alive: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(self_test, "accelerate", ruin)
    with caplog.at_level(logging.WARNING, logger="playground"):
        worker.load()
    assert "loaded again without faster modules" in caplog.text
    assert alive == [0, 0], "the ruined model makes room for the second"
    assert (local(worker).info.attention, local(worker).info.modules) == ("flat", {})
    assert (WorkerLease.objects.get().state, WorkerLease.objects.get().detail) == ("warm", "")
    plain = load_model(folder, dtype="auto", device="cpu")
    other = Engine(plain.model, plain.tokenizer, EngineConfig(accelerate=False))
    other.start()
    assert local(worker).next_token(PROMPT) == other.next_token(PROMPT)
    other.stop()


def test_good_model_is_loaded_once(worker: Worker, alive: list[int]) -> None:
    worker.load()
    assert alive == [0]
    assert sum(local(worker).info.modules.values()) > 0
    assert WorkerLease.objects.get().state == "warm"


def test_model_that_cannot_be_loaded_says_why(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*arguments: Any, **options: Any) -> LoadedModel:
        raise OSError("the file ends in the middle of a tensor")

    monkeypatch.setattr(loader, "load_model", load)
    with pytest.raises(OSError, match="middle"):
        worker.load()
    lease = WorkerLease.objects.get()
    assert (lease.state, lease.detail) == ("failed", "the file ends in the middle of a tensor")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a forward pass that hangs waits for."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.mark.parametrize(
    ("hangs", "reason"), [(True, "the engine stands still"), (False, "RuntimeError: out of luck")]
)
def test_dead_engine_ends_the_process(
    worker: Worker,
    gate: threading.Event,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    hangs: bool,
    reason: str,
) -> None:
    settings.HEARTBEAT = 0.01
    monkeypatch.setattr(workers, "HANG", 0.1)
    monkeypatch.setattr(workers, "database", nullcontext)
    reasons: list[str] = []

    def run(batch: Any) -> None:
        if not hangs:
            raise RuntimeError("out of luck")
        gate.wait()

    def die(reason: str) -> None:
        reasons.append(reason)
        worker._stopped.set()

    worker.load()
    monkeypatch.setattr(local(worker)._runner, "run", run)
    monkeypatch.setattr(worker, "_die", die)
    local(worker).submit(GenerationRequest("a", tuple(PROMPT)))
    PULSE(worker)
    assert reasons == [reason]
