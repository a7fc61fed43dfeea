"""The operator's models as the web program sees them: entries, tokenizers, and who serves them."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings

from inference import manifest
from inference.registry import ModelSpec, Registry, RemoteSource
from inference.tokenizer import PromptTokenizer
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


@cache
def tokenizer(name: str) -> PromptTokenizer:
    """The model's own tokenizer, without torch; raises Refusal for a model that has none here."""
    if isinstance(model_spec(name).source, RemoteSource):
        raise Refusal(
            "remote_model", f"{name} is a remote model; this version serves local ones only.", field="model"
        )
    return PromptTokenizer.load(model_spec(name).folder, window=model_spec(name).window)


@cache
def revision(name: str) -> str:
    """A hash over the model's installed files; empty for a folder that was not installed by us."""
    found = manifest.read(model_spec(name).folder)
    return found.revision if found else ""


@dataclass(frozen=True)
class ModelState:
    """What people see of a model: ``warm``, ``loading``, ``failed`` or ``absent``, and details in words."""

    name: str
    title: str
    family: str
    window: int
    state: str
    detail: str
    layouts: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {**self.__dict__, "layouts": list(self.layouts)}


def model_states() -> list[ModelState]:
    """Every local model with the best state that any living worker reports."""
    leases = list(WorkerLease.objects.alive())
    local = [spec.name for spec in registry() if not isinstance(spec.source, RemoteSource)]
    return [_state_of(name, [lease for lease in leases if lease.model == name]) for name in local]


def _state_of(name: str, leases: list[WorkerLease]) -> ModelState:
    spec = registry()[name]
    words = tokenizer(name)
    best = min(leases, key=lambda lease: list(_RANK).index(WorkerState(lease.state)), default=None)
    return ModelState(
        name=name,
        title=spec.title,
        family=spec.family,
        window=words.window,
        state=_RANK[WorkerState(best.state)] if best else "absent",
        detail=_detail(best),
        layouts=("chat", "plain") if words.has_chat_template else ("plain",),
    )


_RANK = {
    WorkerState.WARM: "warm",
    WorkerState.LOADING: "loading",
    WorkerState.DRAINING: "loading",
    WorkerState.FAILED: "failed",
}


def _detail(lease: WorkerLease | None) -> str:
    if lease is None:
        return "no worker is running"
    if lease.state == WorkerState.WARM:
        return f"{lease.dtype} on {lease.device}"
    return lease.detail or {WorkerState.LOADING: "loading weights"}.get(WorkerState(lease.state), lease.state)
