from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from inference.loader import ModelFolderError, choose_dtype, context_window, eos_ids, load_model


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def edit(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_folder_is_loaded_with_the_wanted_type(folder: Path) -> None:
    loaded = load_model(folder, dtype="bfloat16", device="cpu")
    assert (loaded.model.dtype, loaded.model.training) == (torch.bfloat16, False)
    assert loaded.tokenizer.decode(loaded.tokenizer.encode("Bonjour 🙂").ids) == "Bonjour 🙂"
    assert eos_ids(loaded.model) == frozenset({2})
    assert context_window(loaded.model) == 512


def test_several_end_tokens_are_known(folder: Path) -> None:
    edit(folder / "generation_config.json", eos_token_id=[2, 0])
    assert eos_ids(load_model(folder, device="cpu").model) == frozenset({0, 2})


@pytest.mark.parametrize("name", ["modeling_own.py", "pytorch_model.bin", "weights.PKL", "sub/code.py"])
def test_folder_with_code_is_refused(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("raise SystemExit")
    with pytest.raises(ModelFolderError, match="could run code"):
        load_model(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_configuration_that_names_code_is_refused(folder: Path, name: str) -> None:
    edit(folder / name, auto_map={"AutoModelForCausalLM": "own.Model"})
    with pytest.raises(ModelFolderError, match="auto_map"):
        load_model(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelFolderError, match=name.removeprefix("model")):
        load_model(folder)


def test_broken_configuration_is_named(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelFolderError, match=r"config\.json .* is not JSON"):
        load_model(folder)


def test_unknown_type_is_refused() -> None:
    with pytest.raises(ModelFolderError, match="int4"):
        choose_dtype("int4", torch.device("cpu"))
