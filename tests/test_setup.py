"""bin/setup in a small checkout of its own: real environment, real pip, an index of two empty packages."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]

# Stands for the models' own installation, which has tests of its own.
INSTALL = """
import argparse, json, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--models")
parser.add_argument("--data")
folder = pathlib.Path(parser.parse_args().data) / "models/tiny"
folder.mkdir(parents=True, exist_ok=True)
(folder / "weights").write_text("12345")
(folder / "manifest.json").write_text(json.dumps({"files": {"weights": {"bytes": 5}}}))
print("tiny installed")
"""


def write_wheel(folder: Path, name: str) -> None:
    info = f"{name}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        project, number = name.split("-")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: {number}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


class Checkout:
    """A folder with bin/setup and the little it works on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("bin", "inference", "tests", "index", "path"):
            (folder / name).mkdir(parents=True)
        shutil.copy(ROOT / "bin/setup", folder / "bin/setup")
        for name in ("__init__", "convert", "gguf_tokenizer"):
            (folder / f"inference/{name}.py").touch()
        (folder / "inference/install.py").write_text(INSTALL)
        (folder / "requirements.txt").write_text("# torch first\ntorch==2.13.0\n-r requirements-web.txt\n")
        for name in ("requirements-web.txt", "tests/requirements.txt"):
            (folder / name).write_text("fewother==1.0\n")
        for name in ("constraints.txt", "models.toml"):
            (folder / name).touch()
        for wheel in ("torch-2.13.0", "fewother-1.0", "fewother-1.1"):
            write_wheel(folder / "index", wheel)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        settings = {
            "PATH": str(self.folder / "path"),  # nothing of this machine: no browser, no apt-get
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.folder / "index"),
            "PIP_CONFIG_FILE": os.devnull,
            "HOME": str(self.folder),
            **environment,
        }
        command = [sys.executable, str(self.folder / "bin/setup"), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=settings, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    def set_up(self, *arguments: str, code: int = 0, **environment: str) -> str:
        with self.start(*arguments, **environment) as process:
            output, _ = process.communicate(timeout=120)
        assert process.returncode == code, output
        return output

    def add_browser(self, name: str, code: int) -> None:
        path = self.folder / "path" / name
        path.write_text(f"#!/bin/sh\nexit {code}\n")
        path.chmod(0o755)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, str]:
    """A checkout after its first set-up, and what that said."""
    checkout = Checkout(tmp_path_factory.mktemp("setup") / "checkout")
    return checkout, checkout.set_up()


@pytest.fixture
def checkout(ready: tuple[Checkout, str]) -> Iterator[Checkout]:
    """The same checkout for each test; what a test changes is put back."""
    made, _ = ready
    kept = {path: path.read_bytes() for path in made.folder.glob("*.t*") if path.is_file()}
    yield made
    for path, data in kept.items():
        path.write_bytes(data)
    made.set_up()


def words_of(output: str) -> list[str]:
    """Each line without its seconds."""
    return [re.sub(r" \.\.\. \d+ s$", "", line) for line in output.splitlines()]


def test_a_fresh_checkout_gets_torch_first_and_says_every_step(ready: tuple[Checkout, str]) -> None:
    checkout, output = ready
    assert words_of(output) == [
        "Making the environment .venv",
        "Installing torch==2.13.0, the largest part",
        "Installing all other packages",
        "tiny installed",
    ]
    assert (checkout.folder / "var/models/tiny/weights").is_file()


def test_a_second_set_up_runs_nothing(checkout: Checkout) -> None:
    log = checkout.folder / "var/log/setup.log"
    before = log.read_bytes()
    assert checkout.set_up() == ""
    assert log.read_bytes() == before


def test_changed_requirements_are_installed(checkout: Checkout) -> None:
    (checkout.folder / "requirements-web.txt").write_text("fewother==1.1\n")
    assert "Installing all other packages" in words_of(checkout.set_up())
    assert list((checkout.folder / ".venv").rglob("fewother-1.1.dist-info"))


def test_changed_models_are_installed(checkout: Checkout) -> None:
    (checkout.folder / "models.toml").write_text("# changed")
    assert words_of(checkout.set_up()) == ["tiny installed"]


@pytest.mark.parametrize("damage", ["1234", None])
def test_a_damaged_model_is_installed_again(checkout: Checkout, damage: str | None) -> None:
    weights = checkout.folder / "var/models/tiny/weights"
    weights.write_text(damage) if damage else weights.unlink()
    assert words_of(checkout.set_up()) == ["tiny installed"]


def test_an_environment_without_its_python_is_made_again(checkout: Checkout) -> None:
    python = checkout.folder / ".venv/bin/python"
    python.unlink()
    python.symlink_to("gone")
    assert words_of(checkout.set_up())[0] == "Making the environment .venv"


def test_the_data_folder_can_be_elsewhere(checkout: Checkout, tmp_path: Path) -> None:
    checkout.set_up(FEWSHOT_DATA=str(tmp_path / "data"))
    assert (tmp_path / "data/models/tiny/weights").is_file()


def test_a_missing_package_ends_with_one_sentence_and_the_cure(checkout: Checkout) -> None:
    (checkout.folder / "requirements-web.txt").write_text("fewother==9\n")
    last = words_of(checkout.set_up(code=1))[-1]
    assert last.startswith(
        "Set-up stopped: the packages could not be installed; the package index does not have"
    )
    assert "var/log/setup.log" in last


def test_no_network_ends_with_one_sentence_and_the_cure(checkout: Checkout) -> None:
    (checkout.folder / "requirements.txt").write_text("torch==2.13.1\n")
    nowhere = {"PIP_NO_INDEX": "", "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "1"}
    last = words_of(checkout.set_up(code=1, **nowhere))[-1]
    assert "torch==2.13.1 could not be installed; the package index cannot be reached" in last


def test_a_second_set_up_at_once_waits(checkout: Checkout) -> None:
    with (checkout.folder / "var/setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = checkout.start()
        assert process.stdout is not None
        assert process.stdout.readline() == "Another set-up is running; waiting for it.\n"
        time.sleep(0.2)
        assert process.poll() is None
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == 0


def test_tests_use_the_first_browser_that_starts(checkout: Checkout) -> None:
    checkout.add_browser("chromium", code=1)  # a stand-in that only tells how to install it
    checkout.add_browser("google-chrome", code=0)
    output = checkout.set_up("--tests")
    browser = str(checkout.folder / "path/google-chrome")
    assert words_of(output) == ["Installing what the tests need", f"Browser tests use {browser}."]
    assert (checkout.folder / "var/test-browser").read_text() == browser + "\n"
    assert checkout.set_up("--tests") == ""


def test_without_any_browser_it_says_what_is_left_out(checkout: Checkout) -> None:
    for path in (checkout.folder / "path").iterdir():
        path.unlink()
    assert "the tests in tests/browser are left out" in checkout.set_up("--tests")
    assert not (checkout.folder / "var/test-browser").exists()


# --- parts that need another machine


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = SourceFileLoader("setup_script", str(ROOT / "bin/setup"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("number", [(3, 9), (3, 10), (3, 15)])
def test_a_wrong_python_is_told_which_one_is_right(script: ModuleType, number: tuple[int, int]) -> None:
    with pytest.raises(
        script.SetupError, match=rf"This is Python 3\.{number[1]}, and 3\.11 to 3\.14 is needed"
    ):
        script.check_python(number)


@pytest.mark.parametrize("number", [(3, 11), (3, 14)])
def test_a_right_python_passes(script: ModuleType, number: tuple[int, int]) -> None:
    script.check_python(number)


def test_a_full_disk_is_told_from_other_failures(script: ModuleType) -> None:
    assert "free some space" in script.cure("ERROR: Could not install: [Errno 28] No space left on device")
    assert "look at the end of the log" in script.cure("error: something else")


def test_too_little_space_is_refused_with_the_numbers(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "SPACE_NEEDED", 10**18)
    with pytest.raises(script.SetupError, match=r"GB of disk space and [\d.]+ GB are free"):
        script.check_space()


# --- the lists of packages


def requirements(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


LISTS = ("requirements.txt", "requirements-web.txt", "tests/requirements.txt", "constraints.txt")


@pytest.mark.parametrize("name", LISTS)
def test_every_package_has_one_exact_version(name: str) -> None:
    for requirement in requirements(name):
        assert re.fullmatch(r"==[\w.!]+", str(requirement.specifier)), requirement


def test_the_environment_is_the_one_that_is_pinned() -> None:
    pinned = {normal(item.name): str(item.specifier)[2:] for item in requirements("constraints.txt")}
    found = {name: version(name).split("+")[0] for name in pinned}  # torch adds its kind of build
    assert found == pinned


def test_every_required_package_is_constrained() -> None:
    pinned = {normal(item.name): str(item.specifier) for item in requirements("constraints.txt")}
    for item in (item for name in LISTS[:3] for item in requirements(name)):
        assert pinned[normal(item.name)] == str(item.specifier)


def closure(found: set[str], wanted: Requirement) -> set[str]:
    """``found`` and every installed package that ``wanted`` brings along."""
    key = f"{normal(wanted.name)}[{','.join(sorted(wanted.extras))}]"
    if key in found:
        return found
    found.add(key)
    try:
        needed = [Requirement(line) for line in requires(wanted.name) or []]
    except PackageNotFoundError:
        return found
    for item in needed:
        extras = wanted.extras or {""}
        if item.marker is None or any(item.marker.evaluate({"extra": extra}) for extra in extras):
            closure(found, item)
    return found


def test_the_web_program_brings_no_torch() -> None:
    found: set[str] = set()
    for item in requirements("requirements-web.txt"):
        closure(found, item)
    names = {key.split("[")[0] for key in found}
    assert "asgiref" in names
    assert not names & {"torch", "transformers", "gguf"}
