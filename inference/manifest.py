"""``manifest.json``: what an installed model folder holds, written last.

A folder with a manifest that still fits is complete; anything else is redone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """``source`` says in words what the files were made from; ``files`` maps names to (bytes, SHA-256)."""

    source: str
    files: Mapping[str, tuple[int, str]]

    @property
    def revision(self) -> str:
        """The SHA-256 of the list of hashes: the same files give the same revision."""
        listing = "".join(f"{digest}  {name}\n" for name, (_, digest) in sorted(self.files.items()))
        return hashlib.sha256(listing.encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path, source: str) -> Manifest:
    """Hashes every file of ``folder`` and writes the manifest beside them."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != NAME]
    files = {path.relative_to(folder).as_posix(): (path.stat().st_size, sha256_of(path)) for path in paths}
    rows = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in files.items()}
    (folder / NAME).write_text(json.dumps({"source": source, "files": rows}, indent=2) + "\n")
    return Manifest(source, files)


def read(folder: Path) -> Manifest | None:
    """The manifest of ``folder``, or None when there is none that can be read."""
    try:
        data = json.loads((folder / NAME).read_text())
        files = {name: (int(row["bytes"]), str(row["sha256"])) for name, row in data["files"].items()}
        return Manifest(str(data["source"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def damage(folder: Path, source: str) -> str | None:
    """Why ``folder`` must be made again, in a few words; None when every byte is as it was written."""
    if not folder.exists():
        return "it is not there yet"
    if (manifest := read(folder)) is None:
        return "it was not finished"
    if manifest.source != source:
        return "its source has changed"
    for name, (size, digest) in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size or sha256_of(path) != digest:
            return f"{name} is damaged"
    return None
