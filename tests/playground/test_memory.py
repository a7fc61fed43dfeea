"""How much memory models get and need, read from the settings and the folder."""

import json
from pathlib import Path

import pytest

from inference.registry import FolderSource, ModelSpec, RemoteSource
from playground import memory

GB = 10**9


@pytest.mark.parametrize(
    ("text", "size"),
    [("6GB", 6 * GB), ("6 gb", 6 * GB), ("1.5GiB", 3 * 2**29), ("800MB", 800 * 10**6), ("800", 800 * 10**6)],
)
def test_amounts_are_read(text: str, size: int) -> None:
    assert memory.budget(text) == size


@pytest.mark.parametrize("text", ["lots", "-1GB", "0", "6 TB", "GB"])
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="6GB"):
        memory.budget(text)


def test_the_default_is_a_share_of_this_machine() -> None:
    assert 0 < memory.budget("") < memory.total()


def folder(path: Path, size: int = 1000, **config: object) -> Path:
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"dtype": "bfloat16"} | config))
    with (path / "model.safetensors").open("wb") as file:
        file.truncate(size)
    return path


def spec(path: Path, **changes: object) -> ModelSpec:
    fields = {"dtype": "bfloat16", "device": "cpu"} | changes
    return ModelSpec("m", "M", "decoder", FolderSource(path), path, **fields)  # type: ignore[arg-type]


LLAMA = {
    "num_hidden_layers": 10,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "hidden_size": 512,
    "max_position_embeddings": 1000,
}


def test_the_cache_counts_by_half(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", size=10**6, **LLAMA)
    cache = 2 * 10 * 2 * 64 * 2 * 1000 * 4  # keys and values, layers, heads, width, bytes, window, slots
    assert memory.needed_by(spec(path), slots=4) == memory.RUNTIME + 1_200_000 + cache // 2
    assert memory.needed_by(spec(path, window=500), slots=4) == memory.RUNTIME + 1_200_000 + cache // 4


def test_other_names_for_the_same_numbers(tmp_path: Path) -> None:
    gpt = folder(tmp_path / "gpt", n_layer=10, n_head=2, n_embd=128, n_positions=1000)
    llama = folder(tmp_path / "llama", **LLAMA)
    assert memory.needed_by(spec(gpt), 4) == memory.needed_by(spec(llama), 4)


def test_weights_double_when_they_are_computed_in_float32(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", size=10**9)
    small, large = memory.needed_by(spec(path), 1), memory.needed_by(spec(path, dtype="float32"), 1)
    assert large - small == int(10**9 * memory.MARGIN)


def test_a_broken_folder_still_has_a_size(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    (path / "config.json").write_text("{broken")
    assert memory.needed_by(spec(path), 16) >= memory.RUNTIME


def test_a_remote_model_takes_a_process_without_torch(tmp_path: Path) -> None:
    source = RemoteSource("https://far.example/v1", "big")
    far = ModelSpec("far", "far", "decoder", source, tmp_path / "not there")
    assert memory.needed_by(far, 16) == memory.REMOTE < memory.RUNTIME
