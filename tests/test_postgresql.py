"""The whole program on PostgreSQL: a real server from a wheel, the real start command, one real run."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.postgresql import Server
from tests.system.instance import Instance, first_experiment, running, spec, start_run


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
