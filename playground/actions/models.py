"""Models: ask the machines to load or unload one. The wish is a row; hosts see it within a second."""

from django.contrib.auth.models import User
from django.utils import timezone

from playground import catalog
from playground.catalog import ModelState
from playground.errors import Refusal
from playground.models import ModelWish, Run, WorkerLease
from playground.models.model_wish import Wish


def load(name: str, user: User) -> ModelState:
    """Asks for ``name`` in memory. Harmless when it is there already.

    Raises Refusal: ``unknown_model``, or 409 ``no_host``.
    """
    catalog.model_spec(name)
    if not WorkerLease.objects.alive().filter(model=name).exists():
        message = f"No machine is there that could load {name}. Start a worker."
        raise Refusal("no_host", message, status=409)
    return _wish(name, Wish.LOAD, user)


def unload(name: str, user: User) -> ModelState:
    """Asks for ``name`` out of memory, on every machine.

    Raises Refusal: ``unknown_model``, 409 ``model_busy`` while runs need it, or 409
    ``model_kept`` when a worker was started for this model alone.
    """
    catalog.model_spec(name)
    if live := Run.objects.live().filter(model=name).count():
        runs = "a run needs it" if live == 1 else f"{live} runs need it"
        raise Refusal("model_busy", f"{name} cannot be unloaded while {runs}.", status=409)
    if WorkerLease.objects.alive().filter(model=name, on_demand=False).exists():
        message = f"A worker was started for {name} alone and keeps it loaded; stop that worker instead."
        raise Refusal("model_kept", message, status=409)
    return _wish(name, Wish.UNLOAD, user)


def _wish(name: str, wanted: Wish, user: User) -> ModelState:
    told = {"wanted": wanted, "asked_by": user, "asked_at": timezone.now()}
    ModelWish.objects.update_or_create(model=name, defaults=told)
    return catalog.model_state(name)
