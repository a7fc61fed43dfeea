"""Health: /livez says that this process answers, /healthz that a run can really be served."""

from typing import Any

from django.db import connection
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from playground import catalog, events
from playground.models import WorkerLease
from playground.models.worker_lease import WorkerState


@never_cache
@require_GET
def livez(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"ok": True})


@never_cache
@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """200 only when the database and the broker answer and the default model's worker is warm."""
    database = _database()
    broker = events.broker_answers()
    workers = _workers() if database else []
    reasons = _reasons(database, broker, workers)
    report = {"ok": not reasons, "reasons": reasons, "web": True, "database": database, "broker": broker}
    return JsonResponse(report | {"workers": workers}, status=503 if reasons else 200)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except DatabaseError:
        return False


def _workers() -> list[dict[str, Any]]:
    leases = WorkerLease.objects.alive().order_by("model", "name")
    fields = ("name", "model", "state", "detail", "device", "dtype", "capacity", "running", "progress")
    return [{field: getattr(lease, field) for field in fields} for lease in leases]


def _reasons(database: bool, broker: bool, workers: list[dict[str, Any]]) -> list[str]:
    """Why a run on the default model could not be served now, in sentences."""
    found = []
    if not database:
        found.append("The database does not answer.")
    if not broker:
        found.append("The broker does not answer.")
    default = catalog.registry().default
    states = {worker["state"]: worker["detail"] for worker in workers if worker["model"] == default}
    if database and WorkerState.WARM not in states:
        detail = next((f": {state}, {detail}" for state, detail in states.items()), "")
        found.append(f"No warm worker serves {default}{detail}.")
    return found
