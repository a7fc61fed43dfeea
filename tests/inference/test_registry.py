from __future__ import annotations

from pathlib import Path

import pytest

from inference.registry import (
    FolderSource,
    GgufSource,
    HubSource,
    Registry,
    RegistryError,
    RemoteSource,
    WheelSource,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = f'name = "a"\nhub = "org/model"\nrevision = "{COMMIT}"'


def load(folder: Path, *entries: str) -> Registry:
    path = folder / "models.toml"
    path.write_text("# Models\n" + "\n".join(f"[[model]]\n{entry}" for entry in entries))
    return Registry.load(path, folder / "data")


def model_folder(folder: Path) -> Path:
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text("{}")
    return folder


def test_the_shipped_list_is_right(tmp_path: Path) -> None:
    registry = Registry.load(Path(__file__).parents[2] / "models.toml", tmp_path)
    spec = registry[registry.default]
    assert spec.name == "smollm2-135m-instruct"
    assert spec.folder == tmp_path / "models/smollm2-135m-instruct"
    assert isinstance(spec.source, WheelSource)


def test_every_source_is_read(tmp_path: Path) -> None:
    model_folder(tmp_path / "own")
    (tmp_path / "m.gguf").write_text("")
    registry = load(
        tmp_path,
        'name = "own"\nfolder = "own"',
        'name = "file"\ngguf = "m.gguf"',
        HUB,
        'name = "far"\nremote = "https://models.example/v1"\nremote_model = "big"\nkey_env = "BIG_KEY"',
        'name = "near"\nremote = "http://gpu.lan:8000/v1/"\nendpoint = "completions"\nprivate = true\n'
        'accepts = ["top_k", "seed"]',
    )
    assert [spec.source for spec in registry] == [
        FolderSource(tmp_path / "own"),
        GgufSource(tmp_path / "m.gguf"),
        HubSource("org/model", COMMIT),
        RemoteSource("https://models.example/v1", "big", "BIG_KEY"),
        RemoteSource(
            "http://gpu.lan:8000/v1", "near", None, "completions", frozenset({"top_k", "seed"}), private=True
        ),
    ]
    assert [spec.source.host for spec in registry if isinstance(spec.source, RemoteSource)] == [
        "models.example",
        "gpu.lan",
    ]


def test_a_folder_is_used_where_it_lies_and_others_lie_in_the_data_folder(tmp_path: Path) -> None:
    model_folder(tmp_path / "own")
    registry = load(tmp_path, 'name = "own"\nfolder = "own"', HUB)
    assert [spec.folder for spec in registry] == [tmp_path / "own", tmp_path / "data/models/a"]


def test_the_first_entry_is_the_default_and_order_is_kept(tmp_path: Path) -> None:
    registry = load(tmp_path, HUB.replace('"a"', '"z"'), HUB)
    assert (registry.default, registry.names()) == ("z", ("z", "a"))
    assert "a" in registry
    assert "b" not in registry


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    spec = load(tmp_path, HUB)["a"]
    assert (spec.title, spec.family, spec.device, spec.dtype, spec.window) == (
        "a",
        "decoder",
        "auto",
        "auto",
        None,
    )


# Line 1 is a comment and line 2 is [[model]]: the keys of the first entry begin in line 3.
WRONG = {
    "no name": ('hub = "org/model"\nrevision = "x"', 2, "'name' is missing"),
    "bad name": (HUB.replace('"a"', '"A b"'), 3, "'name' must be lower-case"),
    "path as name": (HUB.replace('"a"', '"../a"'), 3, "'name' must be lower-case"),
    "no source": ('name = "a"', 2, "says no source"),
    "misspelt source": ('name = "a"\nfoldr = "x"', 4, "did you mean 'folder'"),
    "two sources": (HUB + '\nfolder = "x"', 6, "two sources, 'hub' and 'folder'"),
    "misspelt key": (HUB + '\ndtyp = "auto"', 6, "did you mean 'dtype'"),
    "key of another source": (HUB + '\nsha256 = "x"', 6, "no key 'sha256'"),
    "no revision": ('name = "a"\nhub = "org/model"', 2, "'revision' is missing"),
    "branch as revision": ('name = "a"\nhub = "org/model"\nrevision = "main"', 5, "full commit hash"),
    "no folder there": ('name = "a"\nfolder = "gone"', 4, "does not exist"),
    "no gguf there": ('name = "a"\ngguf = "gone.gguf"', 4, "does not exist"),
    "folder as gguf": ('name = "a"\ngguf = "."', 4, "is no file"),
    "not a model folder": ('name = "a"\nfolder = "."', 4, "config.json is missing"),
    "unpinned wheel": ('name = "a"\nwheel = "thing"\nmember = "m"', 4, "an exact pin"),
    "option as wheel": ('name = "a"\nwheel = "-r x==1 y"\nmember = "m"', 4, "an exact pin"),
    "wheel without hash": ('name = "a"\nwheel = "thing==1"\nmember = "m"', 2, "'sha256' is missing"),
    "short hash": ('name = "a"\nwheel = "thing==1"\nmember = "m"\nsha256 = "ab"', 6, "64 hexadecimal digits"),
    "remote file": ('name = "a"\nremote = "file:///etc"', 4, "must be a web address"),
    "remote password": ('name = "a"\nremote = "https://u:p@h/v1"', 4, "must not hold a password"),
    "remote key": ('name = "a"\nremote = "https://h/v1?key=1"', 4, "must end with the path"),
    "remote in clear text": ('name = "a"\nremote = "http://h/v1"', 4, "private = true"),
    "private word": ('name = "a"\nremote = "https://h/v1"\nprivate = "yes"', 5, "true or false"),
    "unknown endpoint": ('name = "a"\nremote = "https://h/v1"\nendpoint = "x"', 5, "chat or completions"),
    "unknown option": ('name = "a"\nremote = "https://h/v1"\naccepts = ["tools"]', 5, "a list of some of"),
    "option as text": ('name = "a"\nremote = "https://h/v1"\naccepts = "seed"', 5, "a list of some of"),
    "remote encoder": ('name = "a"\nremote = "https://h/v1"\nfamily = "encoder"', 5, "is decoder"),
    "broken address": ('name = "a"\nremote = "http://[h"', 4, "must be a web address"),
    "unknown family": (HUB + '\nfamily = "transformer"', 6, "encoder or encoder-decoder"),
    "unknown device": (HUB + '\ndevice = "gpu"', 6, "cuda:N"),
    "unknown dtype": (HUB + '\ndtype = "int4"', 6, "bfloat16 or float16"),
    "number as title": (HUB + "\ntitle = 7", 6, "'title' must be a text"),
    "window of words": (HUB + '\nwindow = "8k"', 6, "whole number"),
    "empty window": (HUB + "\nwindow = 0", 6, "above zero"),
    "true window": (HUB + "\nwindow = true", 6, "whole number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_entry_is_refused_with_line_and_reason(tmp_path: Path, case: str) -> None:
    entry, line, reason = WRONG[case]
    with pytest.raises(RegistryError) as caught:
        load(tmp_path, entry)
    assert str(caught.value).startswith(f"models.toml, line {line}: ")
    assert reason in str(caught.value)


def test_a_name_used_twice_is_refused_at_the_second_place(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="line 7: the name 'a' is used twice"):
        load(tmp_path, HUB, HUB)


def test_a_key_is_looked_for_in_its_own_entry(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="line 9: 'revision'"):
        load(tmp_path, HUB, HUB.replace('"a"', '"b"').replace(COMMIT, "main"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "lists no model"),
        ("model = 1", "lists no model"),
        ("[[model]\n", "not valid TOML"),
        ("[[models]]\n", "'models' does not belong here"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "models.toml").write_text(text)
    with pytest.raises(RegistryError, match=reason):
        Registry.load(tmp_path / "models.toml", tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"models\.toml cannot be read"):
        Registry.load(tmp_path / "models.toml", tmp_path)
