"""Models shared by the tests of the engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.config import EngineConfig
from inference.engine import Engine
from inference.loader import LoadedModel, load_model
from tests.inference.tiny import build_tiny_model
from tests.inference.tiny_families import build_trained_bert, build_trained_t5

ROOT = Path(__file__).resolve().parents[2]
StartEngine = Callable[..., Engine]


@pytest.fixture(scope="session")
def default_model_folder() -> Path:
    """The installed default model."""
    folder = Path(os.environ.get("FEWSHOT_MODEL_DIR", ROOT / "var/models/smollm2-135m-instruct"))
    if not (folder / "config.json").is_file():
        pytest.fail(f"The default model is not installed in {folder}; `make test` installs it.")
    return folder


@pytest.fixture(scope="session")
def default_model(default_model_folder: Path) -> LoadedModel:
    return load_model(default_model_folder, dtype="float32", device="cpu")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder that has learnt a toy language."""
    return build_trained_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def t5_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder-decoder that has learnt to fill spans and to reverse letters."""
    return build_trained_t5(tmp_path_factory.mktemp("t5"))


@pytest.fixture
def tiny(tiny_folder: Path) -> LoadedModel:
    """A model of its own for each test, so that a test may break it."""
    return load_model(tiny_folder, dtype="float32", device="cpu")


@pytest.fixture
def start_engine(tiny: LoadedModel) -> Iterator[StartEngine]:
    """Build and start an engine over the tiny model with the given EngineConfig fields."""
    engines: list[Engine] = []

    def start(**settings: Any) -> Engine:
        engine = Engine(tiny.model, tiny.tokenizer, EngineConfig(**settings))
        engine.start()
        engines.append(engine)
        return engine

    yield start
    for engine in engines:
        engine.stop()
