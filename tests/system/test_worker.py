"""The worker dies or freezes in mid-stream: runs go on as the next attempt, and no text is mixed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.browser import Browser
from tests.system.instance import (
    ROOT,
    Instance,
    first_experiment,
    long_spec,
    run_of,
    running,
    start_run,
    wait_until,
)
from tests.system.page import Page

RECOVERY = 90  # seconds from the kill to the end of every run, most of them for loading on a busy machine


def test_a_killed_worker_costs_an_attempt_and_a_second_one_ends_the_run(
    instance: Instance, browser: Browser, experiment: str
) -> None:
    topics = ("a queen", "a miner", "a nurse")
    runs = [start_run(browser, experiment, long_spec(200, topic)) for topic in topics]
    unlucky = start_run(browser, experiment, long_spec(500))
    with browser.socket() as page:
        seen = [page.watch(run) for run in runs]
        page.until(lambda: all(one.tokens > 5 for one in seen))
        kill_when_saved(instance, page, unlucky, attempt=1)
        health = wait_until(lambda: (told := instance.health()).status == 503 and told, 3, "health 503")
        assert "No warm worker" in health.json()["reasons"][0]
        page.until(lambda: all(one.end for one in seen), RECOVERY)
        assert [worker["state"] for worker in instance.health().json()["workers"]] == ["warm"]
        kill_when_saved(instance, page, unlucky, attempt=2)
        lost = page.until_end(unlucky, RECOVERY)
    attempts = []
    for run, one in zip(runs, seen, strict=True):
        stored = run_of(browser, run)
        attempts.append(stored["attempt"])
        assert (stored["status"], stored["text"]) == ("succeeded", one.text)
        assert one.attempts == set(range(1, stored["attempt"] + 1))
    assert 2 in attempts  # on a fast machine some ended before the worker was killed
    stored = run_of(browser, unlucky)
    assert (stored["status"], stored["error"]["code"]) == ("failed", "worker_lost")
    assert lost.text == stored["text"] != ""
    instance.wait_warm(RECOVERY)


def kill_when_saved(instance: Instance, page: Page, run: str, attempt: int) -> None:
    """Kills the worker once ``attempt`` has stored a checkpoint."""
    seen = page.runs.get(run) or page.watch(run)
    saved = "SELECT 1 FROM playground_run WHERE id = ? AND attempt = ? AND status = 'running' AND text != ''"
    page.until(lambda: seen.attempt == attempt and instance.rows(saved, run.replace("-", ""), attempt))
    instance.kill_worker()


def test_a_frozen_worker_that_wakes_writes_nothing_more(tmp_path: Path) -> None:
    with running(tmp_path, FEWSHOT_LEASE="4", FEWSHOT_HEARTBEAT="1") as instance:
        instance.wait_warm()
        browser = instance.sign_in()
        run = start_run(browser, first_experiment(browser), long_spec(150))
        with browser.socket() as page:
            seen = page.watch(run)
            page.until(lambda: seen.tokens > 10)
            frozen = instance.kill_worker(signal.SIGSTOP)
            with second_worker(instance):
                page.until(lambda: seen.attempt == 2 and seen.tokens > 5, RECOVERY)
                os.kill(frozen, signal.SIGCONT)
                page.until_end(run, RECOVERY)
        stored = run_of(browser, run)
        assert (stored["status"], stored["attempt"], stored["text"]) == ("succeeded", 2, seen.text)
        assert "is written by another worker now; this attempt stops" in instance.output
        instance.assert_sound()


@contextmanager
def second_worker(instance: Instance) -> Iterator[None]:
    command = [sys.executable, "manage.py", "worker"]
    worker = subprocess.Popen(
        command, cwd=ROOT, env=instance.environment, stdout=instance.log, stderr=instance.log
    )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(timeout=20)
