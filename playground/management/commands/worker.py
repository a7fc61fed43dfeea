"""One worker for one model: a Celery process with the thread pool, started again when it dies.

The supervising parent never loads torch. It knows at once when its child is gone, so it ends the
child's leases instead of letting users wait until they lapse.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections

from playground import catalog
from playground.celery import queue_of
from playground.models import Run, WorkerLease

log = logging.getLogger(__name__)

SHORT_LIFE = 60.0  # a child that died younger than this makes the pause longer
LONGEST_PAUSE = 30.0


class Command(BaseCommand):
    help = "Serves one model of models.toml (default: the first) until it is told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", nargs="?", help="name of an entry in models.toml")

    def handle(self, *args: Any, model: str | None, **options: Any) -> None:
        name = model or catalog.registry().default
        if name not in catalog.registry():
            raise CommandError(
                f"models.toml has no model {name!r}; it has {', '.join(catalog.registry().names())}."
            )
        sys.exit(Supervisor(name).run())


class Supervisor:
    """Keeps one child alive until SIGTERM or SIGINT; then lets it drain."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.child: subprocess.Popen[bytes] | None = None
        # A plain flag: a handler that takes a lock can meet itself on the main thread.
        self._stopping = False
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self.stop)

    def stop(self, *_: Any) -> None:
        self._stopping = True
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()

    def is_stopping(self) -> bool:
        return self._stopping

    def run(self) -> int:
        """The exit code of the last child."""
        pause, code = 0.5, 0
        while not self.is_stopping():
            worker_id, born = uuid.uuid4(), time.monotonic()
            self.child = self.spawn(worker_id)
            if self.is_stopping():  # the signal came before there was a child to pass it to
                self.child.terminate()
            code = self.child.wait()
            self.release(worker_id)
            if self.is_stopping():
                break
            pause = 0.5 if time.monotonic() - born > SHORT_LIFE else min(pause * 2, LONGEST_PAUSE)
            log.error("The worker of %s ended (%s); starting it again in %.0f s.", self.model, code, pause)
            self.wait(pause)
        return 0 if code in (0, -signal.SIGTERM) else code

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.is_stopping() and time.monotonic() < until:
            time.sleep(0.1)

    def spawn(self, worker_id: uuid.UUID) -> "subprocess.Popen[bytes]":
        name = f"{socket.gethostname()}:{self.model}"
        environment = {
            **os.environ,
            "FEWSHOT_MODEL": self.model,
            "FEWSHOT_WORKER_ID": str(worker_id),
            "FEWSHOT_WORKER_NAME": name,
        }
        command = [
            sys.executable,
            "-m",
            "celery",
            "--quiet",
            "--app",
            "playground",
            "worker",
            "--pool",
            "threads",
        ]
        command += ["--concurrency", str(settings.ENGINE_SLOTS), "--queues", queue_of(self.model)]
        command += [
            "--hostname",
            f"{worker_id}@{name}",
            "--loglevel",
            "WARNING",
            "--without-gossip",
            "--without-mingle",
        ]
        # Its own session: a terminal's Ctrl-C reaches this parent, which passes on one SIGTERM.
        return subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR, start_new_session=True)  # noqa: S603

    def release(self, worker_id: uuid.UUID) -> None:
        close_old_connections()
        Run.objects.release(worker_id)
        WorkerLease.objects.filter(pk=worker_id).delete()
        close_old_connections()
