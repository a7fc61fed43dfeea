from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from inference.loader import ModelFolderError, choose_dtype, context_window, eos_ids, load_model
from inference.registry import Family
from tests.inference.tiny_families import build_untrained


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


def test_families_are_loaded_by_name(bert_folder: Path, t5_folder: Path) -> None:
    assert type(load_model(bert_folder, device="cpu", family="encoder").model).__name__ == "BertForMaskedLM"
    loaded = load_model(t5_folder, device="cpu", family="encoder-decoder")
    assert type(loaded.model).__name__ == "T5ForConditionalGeneration"
    assert not loaded.model.training


@pytest.mark.parametrize("family", ["decoder", "encoder", "encoder-decoder"])
def test_model_of_another_family_is_refused(
    tiny_folder: Path, bert_folder: Path, tmp_path: Path, family: Family
) -> None:
    folders = {"decoder": tiny_folder, "encoder": bert_folder, "encoder-decoder": tmp_path / "bart"}
    build_untrained(folders["encoder-decoder"], "bart")  # it could be loaded as each of them
    for own, folder in folders.items():
        if own == family:
            load_model(folder, device="cpu", family=family)
        else:
            with pytest.raises(ModelFolderError, match=f"which is no {family}"):
                load_model(folder, device="cpu", family=family)


def test_model_without_the_weights_of_its_head_is_refused(bert_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bert_folder, tmp_path / "model"))
    model = load_model(folder, device="cpu", family="encoder").model
    model.bert.save_pretrained(folder)
    with pytest.raises(ModelFolderError, match=r"lacks weights of a encoder bert: cls\."):
        load_model(folder, device="cpu", family="encoder")


@pytest.mark.parametrize("family", ["encoder", "encoder-decoder"])
def test_safety_rules_hold_for_every_family(
    bert_folder: Path, t5_folder: Path, tmp_path: Path, family: Family
) -> None:
    source = bert_folder if family == "encoder" else t5_folder
    folder = Path(shutil.copytree(source, tmp_path / "model"))
    edit(folder / "config.json", auto_map={"AutoModel": "own.Model"})
    with pytest.raises(ModelFolderError, match="auto_map"):
        load_model(folder, family=family)
    (folder / "own.py").write_text("raise SystemExit")
    with pytest.raises(ModelFolderError, match="could run code"):
        load_model(folder, family=family)


def test_tokenizer_cuts_no_text(bert_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bert_folder, tmp_path / "model"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=64)
    tokenizer.save(str(folder / "tokenizer.json"))
    loaded = load_model(folder, device="cpu", family="encoder")
    assert len(loaded.tokenizer.encode("My dog barks.").ids) == 6
