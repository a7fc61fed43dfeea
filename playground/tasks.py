"""The one Celery task, and what this process does when Celery starts and stops.

With the thread pool Celery cannot stop a thread, limit its time or report its loss, so leases,
deadlines, cancellation and draining are ours (worker.py, actions/runs.py).
"""

import logging
import os
import uuid
from typing import Any

from celery.signals import worker_init, worker_process_init, worker_shutdown, worker_shutting_down

from playground.celery import app
from playground.worker import Worker

log = logging.getLogger(__name__)


class Process:
    """What this worker process holds: exactly one Worker, once Celery has started."""

    worker: Worker | None = None


@app.task(name="playground.generate", ignore_result=True)
def generate(model: str) -> None:
    """A doorbell: there is work for ``model``. Finding none is normal."""
    worker = Process.worker
    assert worker is not None, "Celery runs tasks only after worker_init"
    if model != worker.model:
        log.error("A doorbell for %s reached the worker of %s; check the queues (-Q).", model, worker.model)
        return
    worker.serve()


@app.task(name="playground.prefetch", ignore_result=True)
def prefetch(model: str, user: str, prompt_ids: list[int]) -> None:
    """Somebody is writing this prompt; computing it now makes the run begin sooner."""
    worker = Process.worker
    if worker is not None and model == worker.model:
        worker.prefetch(user, prompt_ids)


@worker_init.connect
def start(sender: Any = None, **_: Any) -> None:
    """Loads the model before the first doorbell is read."""
    if "thread" not in str(getattr(sender, "pool_cls", "thread")):
        raise SystemExit(
            "Start the worker with --pool=threads: a forked pool would load the model once per child."
        )
    Process.worker = Worker(
        os.environ["FEWSHOT_MODEL"],
        uuid.UUID(os.environ["FEWSHOT_WORKER_ID"]),
        os.environ["FEWSHOT_WORKER_NAME"],
    )
    try:
        Process.worker.load()
    except Exception:
        log.exception("%s cannot be loaded.", Process.worker.model)
        raise SystemExit(1) from None  # Celery would log an exception and go on, without an engine


@worker_process_init.connect
def refuse_fork(**_: Any) -> None:
    raise SystemExit("Start the worker with --pool=threads: CUDA cannot be used again in a forked child.")


@worker_shutting_down.connect
def drain(**_: Any) -> None:
    if Process.worker is not None:
        Process.worker.drain()


@worker_shutdown.connect
def close(**_: Any) -> None:
    if Process.worker is not None:
        Process.worker.close()
