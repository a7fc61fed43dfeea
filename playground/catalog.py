"""The operator's models as the web program sees them: entries, tokenizers, and who serves them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.conf import settings

from inference import manifest
from inference.registry import ModelSpec, Registry, RemoteSource
from inference.tokenizer import PromptTokenizer, TokenizerError
from playground import remote
from playground.errors import Refusal
from playground.models import WorkerLease
from playground.models.worker_lease import WorkerState


@cache
def registry() -> Registry:
    """``models.toml``, read once; a change needs a restart."""
    return Registry.load(settings.MODELS_FILE, settings.DATA_DIR)


def model_spec(name: str) -> ModelSpec:
    """The entry called ``name``; raises Refusal with the names there are."""
    if name not in registry().names():
        known = ", ".join(registry().names())
        raise Refusal(
            "unknown_model", f"There is no model called {name!r} here; there is {known}.", field="model"
        )
    return registry()[name]


def remote_source(name: str) -> RemoteSource | None:
    """The server of a remote model; raises Refusal if there is no model ``name``."""
    source = model_spec(name).source
    return source if isinstance(source, RemoteSource) else None


def local_spec(name: str) -> ModelSpec:
    """The entry called ``name``; raises Refusal if there is none, or if it is remote."""
    spec = model_spec(name)
    if isinstance(spec.source, RemoteSource):
        raise Refusal("remote_model", remote.NO_TOKENS, field="model")
    return spec


@cache
def tokenizer(name: str) -> PromptTokenizer:
    """The model's own tokenizer, without torch; raises Refusal for a model that has none here."""
    spec = local_spec(name)
    try:
        return PromptTokenizer.load(spec.folder, window=spec.window)
    except TokenizerError as error:
        raise Refusal("broken_model", str(error), field="model") from None


@cache
def revision(name: str) -> str:
    """A hash over the model's installed files; empty for a folder that was not installed by us."""
    found = manifest.read(model_spec(name).folder)
    return found.revision if found else ""


@cache
def tokenizer_hash(name: str) -> str:
    """The SHA-256 of the model's tokenizer.json; empty when there is none."""
    path = model_spec(name).folder / "tokenizer.json"
    return manifest.sha256_of(path) if path.is_file() else ""


@dataclass(frozen=True)
class Vocabulary:
    """The texts of a model's tokens by id, as a JSON list, and a hash over them."""

    body: bytes
    digest: str


@cache
def vocabulary(name: str) -> Vocabulary:
    """What the ids of ``name`` mean; raises Refusal as ``tokenizer`` does."""
    body = json.dumps(tokenizer(name).texts(), ensure_ascii=False, separators=(",", ":")).encode()
    return Vocabulary(body, hashlib.blake2b(body, digest_size=8).hexdigest())


@dataclass(frozen=True)
class ModelState:
    """What people see of a model: ``warm``, ``loading``, ``failed`` or ``absent``, and details in words.

    ``can`` is what may be asked of it now: ``load``, ``unload`` or nothing. A ``window`` of 0 is not known.
    """

    name: str
    title: str
    family: str
    window: int
    state: str
    detail: str
    can: str
    layouts: tuple[str, ...]
    server: str = ""  # of a remote model: the host that prompts go to
    lacks: dict[str, str] = field(default_factory=dict)  # what cannot be asked of it, and why

    def as_json(self) -> dict[str, Any]:
        return {**self.__dict__, "layouts": list(self.layouts)}


def model_states() -> list[ModelState]:
    """Every model with the best state that any living worker reports."""
    leases = list(WorkerLease.objects.alive())
    names = registry().names()
    return [_state_of(name, [lease for lease in leases if lease.model == name]) for name in names]


def model_state(name: str) -> ModelState:
    """The same of one model."""
    return _state_of(name, list(WorkerLease.objects.alive().filter(model=name)))


def _state_of(name: str, leases: list[WorkerLease]) -> ModelState:
    spec = registry()[name]
    if isinstance(spec.source, RemoteSource):
        return _remote_state(spec, spec.source, leases)
    try:
        words = tokenizer(name)
    except Refusal as error:  # one broken folder must not take the page of the others
        return ModelState(name, spec.title, spec.family, 0, "failed", error.message, "", ("plain",))
    best = best_of(leases)
    return ModelState(
        name=name,
        title=spec.title,
        family=spec.family,
        window=words.window,
        state=_SHOWN[WorkerState(best.state)] if best else "absent",
        detail=_detail(best),
        can=_can(best, leases),
        layouts=("chat", "plain") if words.has_chat_template else ("plain",),
    )


def _remote_state(spec: ModelSpec, source: RemoteSource, leases: list[WorkerLease]) -> ModelState:
    best = best_of(leases)
    return ModelState(
        name=spec.name,
        title=spec.title,
        family=spec.family,
        window=spec.window or 0,
        state=_SHOWN[WorkerState(best.state)] if best else "absent",
        detail=best.detail if best else "no worker is running",
        can=_can(best, leases),
        layouts=(remote.layout_of(source).value,),
        server=source.host,
        lacks=remote.lacks(source),
    )


# The best first.
_SHOWN = {
    WorkerState.WARM: "warm",
    WorkerState.LOADING: "loading",
    WorkerState.WAITING: "loading",
    WorkerState.DRAINING: "absent",
    WorkerState.FAILED: "failed",
    WorkerState.ABSENT: "absent",
}


def best_of(leases: Iterable[WorkerLease]) -> WorkerLease | None:
    """The lease that tells most about what can be served."""
    return min(leases, key=lambda lease: list(_SHOWN).index(WorkerState(lease.state)), default=None)


def _detail(lease: WorkerLease | None) -> str:
    if lease is None:
        return "no worker is running"
    if lease.state == WorkerState.WARM:
        device = f"{lease.dtype} on {lease.device}"
        return f"{device}; slow: {lease.detail}" if lease.detail else device
    return lease.detail or _SHOWN[WorkerState(lease.state)]


def _can(best: WorkerLease | None, leases: list[WorkerLease]) -> str:
    if best is None or not all(lease.on_demand for lease in leases):
        return ""  # nobody is there, or a worker of its own keeps it loaded
    if best.state == WorkerState.DRAINING:
        return ""
    if best.serves:
        return "unload"
    return "load" if _SHOWN[WorkerState(best.state)] in ("absent", "failed") else "unload"


def waits_for(leases: Iterable[WorkerLease]) -> str | None:
    """Why a queued run cannot be taken yet, in words; None when it only waits for its turn."""
    best = best_of(leases)
    if best is None:
        return "no worker is running"
    if best.serves:
        return None
    if best.state == WorkerState.FAILED:
        return f"the model cannot be loaded: {best.detail}"
    if best.state == WorkerState.LOADING:
        return f"the model is being loaded: {best.detail}"
    return best.detail if best.state == WorkerState.WAITING else "the model will be loaded"
