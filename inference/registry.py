"""The operator's list of models: ``models.toml`` read into :class:`ModelSpec` records.

Only models in that file can be used. A wrong entry raises :class:`RegistryError` with the file,
the line and the reason, so that a program refuses to start instead of failing at the first run.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args
from urllib.parse import urlsplit

Family = Literal["decoder", "encoder", "encoder-decoder"]
Endpoint = Literal["chat", "completions"]
# What a server may be asked beside the prompt, temperature, stop strings and the length of the answer;
# the first ones belong to OpenAI's own interface.
USUAL = ("frequency_penalty", "logprobs", "presence_penalty", "seed", "stream_options", "top_p")
OPTIONAL = (*USUAL, "max_completion_tokens", "min_p", "repetition_penalty", "top_k")


class RegistryError(Exception):
    """``models.toml`` cannot be used; the message names the file, the line and the reason."""


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder with config.json, tokenizer.json and safetensors, used where it lies."""

    path: Path


@dataclass(frozen=True, slots=True)
class GgufSource:
    """A GGUF file, converted once. ``sha256`` is checked when given."""

    path: Path
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A GGUF file inside a Python wheel: only that file is taken, no code of the wheel runs."""

    requirement: str  # "name==version"
    member: str  # path of the GGUF file inside the wheel
    sha256: str  # of the GGUF file


@dataclass(frozen=True, slots=True)
class HubSource:
    """A model repository at one commit."""

    repo: str
    revision: str  # 40 hexadecimal digits


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """An OpenAI-compatible server. ``key_env`` names the environment variable with its key.

    ``accepts`` has those of OPTIONAL that the server takes; ``private`` lets its address be of this
    machine or of a private network.
    """

    url: str
    model: str
    key_env: str | None = None
    endpoint: Endpoint = "chat"
    accepts: frozenset[str] = frozenset(USUAL)
    private: bool = False

    @property
    def host(self) -> str:
        """Where prompts go, as people are told."""
        return urlsplit(self.url).hostname or ""


Source = FolderSource | GgufSource | WheelSource | HubSource | RemoteSource


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One entry of ``models.toml``.

    ``folder`` is where weights and tokenizer lie once installed. ``window`` in tokens overrides the
    model's own; None takes what config.json says.
    """

    name: str
    title: str
    family: Family
    source: Source
    folder: Path
    window: int | None = None
    device: str = "auto"  # auto, cpu, cuda or cuda:N
    dtype: str = "auto"  # auto, float32, bfloat16 or float16
    licence: str = ""


class Registry:
    """The models by name, in the order of the file. The first one is the default."""

    def __init__(self, specs: tuple[ModelSpec, ...]) -> None:
        assert specs, "a registry has at least one model"
        self._specs = {spec.name: spec for spec in specs}

    @classmethod
    def load(cls, path: Path, data_dir: Path) -> Registry:
        """Reads ``path``; installed models lie in ``data_dir/models/<name>``.

        Raises RegistryError for anything that is not right.
        """
        text = _read(path)
        data = _parse(path, text)
        entries = [_Entry(path, text, index, values) for index, values in enumerate(data)]
        specs = tuple(_spec(entry, data_dir) for entry in entries)
        for entry, spec in zip(entries, specs, strict=True):
            if spec.name in [other.name for other in specs[: entry.index]]:
                raise entry.error(f"the name {spec.name!r} is used twice", "name")
        return cls(specs)

    def names(self) -> tuple[str, ...]:
        """The names in the order of the file."""
        return tuple(self._specs)

    @property
    def default(self) -> str:
        """The name of the first entry."""
        return next(iter(self._specs))

    def __getitem__(self, name: str) -> ModelSpec:
        """The entry called ``name``; raises KeyError when there is none."""
        return self._specs[name]

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Iterator[ModelSpec]:
        return iter(self._specs.values())


class _Entry:
    """One ``[[model]]`` table together with what an error message needs."""

    def __init__(self, path: Path, text: str, index: int, values: Mapping[str, Any]) -> None:
        self.path, self.index, self.values = path, index, values
        self._lines = text.splitlines()

    def error(self, reason: str, key: str | None = None) -> RegistryError:
        return RegistryError(f"{self.path.name}, line {self._line(key)}: {reason}.")

    def _line(self, key: str | None) -> int:
        """The line of ``key`` in this entry, or the entry's own line."""
        heads = [i for i, line in enumerate(self._lines) if re.match(r"\s*\[\[\s*model\s*\]\]", line)]
        if len(heads) <= self.index:
            return 1  # the entries are written in another TOML form, as an inline array
        start = heads[self.index]
        stop = heads[self.index + 1] if self.index + 1 < len(heads) else len(self._lines)
        found = (
            i for i in range(start, stop) if key and re.match(rf'\s*"?{re.escape(key)}"?\s*=', self._lines[i])
        )
        return next(found, start) + 1

    def string(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if value is None:
            raise self.error(f"{key!r} is missing")
        if not isinstance(value, str) or (not value.strip() and key in self.values):
            raise self.error(f"{key!r} must be a text in quotes that is not empty", key)
        return value

    def matching(self, key: str, pattern: str, meaning: str) -> str:
        value = self.string(key)
        if not re.fullmatch(pattern, value):
            raise self.error(f"{key!r} must be {meaning}, not {value!r}", key)
        return value

    def existing(self, key: str) -> Path:
        """A path relative to the file it is written in."""
        path = self.path.absolute().parent / Path(self.string(key)).expanduser()
        if not path.exists():
            raise self.error(f"{path} does not exist", key)
        return path


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"{path.name} cannot be read: {error}.") from error


def _parse(path: Path, text: str) -> list[Mapping[str, Any]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(f"{path.name} is not valid TOML: {error}.") from error
    if unknown := set(data) - {"model"}:
        raise RegistryError(
            f"{path.name}: {sorted(unknown)[0]!r} does not belong here; write [[model]] entries."
        )
    entries = data.get("model")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise RegistryError(f"{path.name} lists no model; write at least one [[model]] entry.")
    return entries


# Each source has a key that names it, and the keys it needs or allows beside it.
_SOURCES: Mapping[str, tuple[str, ...]] = {
    "folder": (),
    "gguf": ("sha256",),
    "wheel": ("member", "sha256"),
    "hub": ("revision",),
    "remote": ("remote_model", "key_env", "endpoint", "accepts", "private"),
}
_COMMON = ("name", "title", "family", "window", "device", "dtype", "licence")


def _spec(entry: _Entry, data_dir: Path) -> ModelSpec:
    kind = _kind(entry)
    _check_keys(entry, kind)
    name = entry.matching("name", r"[a-z0-9][a-z0-9._-]{0,63}", "lower-case letters, digits, dots and dashes")
    source = _source(entry, kind)
    return ModelSpec(
        name=name,
        title=entry.string("title", name),
        family=_family(entry),
        source=source,
        folder=source.path if isinstance(source, FolderSource) else data_dir.absolute() / "models" / name,
        window=_window(entry),
        device=_optional(entry, "device", r"auto|cpu|cuda(:\d+)?", "auto, cpu, cuda or cuda:N", "auto"),
        dtype=_optional(
            entry, "dtype", "auto|float32|bfloat16|float16", "auto, float32, bfloat16 or float16", "auto"
        ),
        licence=entry.string("licence", ""),
    )


def _kind(entry: _Entry) -> str:
    kinds = [key for key in entry.values if key in _SOURCES]
    if not kinds:
        for key in entry.values:  # a misspelt source is better news than a missing one
            _refuse_unknown(
                entry, key, (*_COMMON, *_SOURCES, *(k for keys in _SOURCES.values() for k in keys))
            )
        raise entry.error(f"the entry says no source; add one of {', '.join(_SOURCES)}")
    if len(kinds) > 1:
        raise entry.error(f"the entry has two sources, {kinds[0]!r} and {kinds[1]!r}; keep one", kinds[1])
    return kinds[0]


def _check_keys(entry: _Entry, kind: str) -> None:
    for key in entry.values:
        _refuse_unknown(entry, key, (*_COMMON, kind, *_SOURCES[kind]))


def _refuse_unknown(entry: _Entry, key: str, known: tuple[str, ...]) -> None:
    if key in known:
        return
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {near[0]!r}" if near else f"; known here are {', '.join(known)}"
    raise entry.error(f"there is no key {key!r}{hint}", key)


def _source(entry: _Entry, kind: str) -> Source:
    match kind:
        case "folder":
            return FolderSource(_model_folder(entry))
        case "gguf":
            return GgufSource(_gguf_file(entry), _sha256(entry) if "sha256" in entry.values else None)
        case "wheel":
            requirement = entry.matching(
                "wheel", r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", "an exact pin, name==version"
            )
            return WheelSource(requirement, entry.string("member"), _sha256(entry))
        case "hub":
            repo = entry.matching("hub", r"[\w.-]+/[\w.-]+", "a repository, owner/name")
            meaning = "a full commit hash of 40 hexadecimal digits"
            return HubSource(repo, entry.matching("revision", r"[0-9a-f]{40}", meaning))
        case _:
            return _remote(entry)


def _model_folder(entry: _Entry) -> Path:
    folder = entry.existing("folder")
    for needed in ("config.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise entry.error(f"{folder} is no model folder: {needed} is missing", "folder")
    if not any(folder.glob("*.safetensors")):
        raise entry.error(f"{folder} holds no safetensors file; other weight formats are refused", "folder")
    return folder


def _gguf_file(entry: _Entry) -> Path:
    path = entry.existing("gguf")
    if not path.is_file():
        raise entry.error(f"{path} is no file", "gguf")
    return path


def _sha256(entry: _Entry) -> str:
    return entry.matching("sha256", r"[0-9a-f]{64}", "64 hexadecimal digits")


def _remote(entry: _Entry) -> RemoteSource:
    key_env = None
    if "key_env" in entry.values:
        key_env = entry.matching("key_env", r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")
    private = entry.values.get("private", False)
    if not isinstance(private, bool):
        raise entry.error("'private' must be true or false", "private")
    if _family(entry) != "decoder":
        raise entry.error("a remote model continues text, so its 'family' is decoder", "family")
    return RemoteSource(
        _address(entry, private),
        entry.string("remote_model", entry.string("name")),
        key_env,
        cast(Endpoint, _optional(entry, "endpoint", "chat|completions", "chat or completions", "chat")),
        _accepts(entry),
        private,
    )


def _address(entry: _Entry, private: bool) -> str:
    url = entry.string("remote").rstrip("/")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise entry.error(f"'remote' must be a web address, not {url!r}", "remote")
    if parts.username or parts.password:
        raise entry.error(
            "'remote' must not hold a password; name its environment variable in 'key_env'", "remote"
        )
    if parts.query or parts.fragment:
        raise entry.error("'remote' must end with the path, such as /v1", "remote")
    if parts.scheme == "http" and not private:
        raise entry.error(
            "prompts and key would cross the network in clear text; use https, or say private = true",
            "remote",
        )
    return url


def _accepts(entry: _Entry) -> frozenset[str]:
    names = entry.values.get("accepts", list(USUAL))
    if not isinstance(names, list) or not all(name in OPTIONAL for name in names):
        raise entry.error(f"'accepts' must be a list of some of {', '.join(OPTIONAL)}", "accepts")
    return frozenset(names)


def _family(entry: _Entry) -> Family:
    families = get_args(Family)
    meaning = ", ".join(families[:-1]) + f" or {families[-1]}"
    return cast(Family, _optional(entry, "family", "|".join(families), meaning, "decoder"))


def _optional(entry: _Entry, key: str, pattern: str, meaning: str, default: str) -> str:
    return entry.matching(key, pattern, meaning) if key in entry.values else default


def _window(entry: _Entry) -> int | None:
    window = entry.values.get("window")
    if window is None:
        return None
    if type(window) is not int or window < 1:  # True is an int to isinstance
        raise entry.error("'window' must be a whole number of tokens above zero", "window")
    return window
