"""A whole Fewshot for tests: the real start command, valkey, web, worker, keeper and default model."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis

from tests.ports import free_port
from tests.postgresql import database_of
from tests.system.browser import Answer, Browser
from tests.system.page import Seen

ROOT = Path(__file__).resolve().parents[2]


def wait_until(is_true: Any, seconds: float, what: str | Callable[[], str]) -> Any:
    """Polls until ``is_true()`` is truthy and returns it; fails with ``what`` after ``seconds``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := is_true():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")


class Instance:
    """``manage.py start`` on a data folder of its own."""

    def __init__(self, data: Path, port: int, **environment: str) -> None:
        self.data = data
        self.port = port
        self.base = f"http://localhost:{port}"
        self.database = database_of(data) if "DATABASE_URL" not in environment else None
        own = {"FEWSHOT_DATA": str(data), "PORT": str(port)}
        if self.database:
            own["DATABASE_URL"] = self.database
        self.environment = {**os.environ, **own, **environment}
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)
        self.log = (data / "test.log").open("w+")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "manage.py", "start"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True
        )
        wait_until(lambda: self.link, 60, "the sign-in link")

    def wait_warm(self, seconds: float = 90) -> None:
        wait_until(lambda: self.health().status == 200, seconds, lambda: f"health: {self.health().body!r}")

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 30) -> None:
        """Ends well, and leaves nothing running."""
        assert self.process is not None
        below = list(descendants(self.process.pid))
        assert len(below) >= 5
        self.process.send_signal(how)
        assert self.process.wait(timeout=seconds) == 0
        wait_until(lambda: not any(map(is_running, below)), 1, "the end of every program")

    @property
    def output(self) -> str:
        return (self.data / "test.log").read_text()

    @property
    def link(self) -> str | None:
        found = re.findall(r"Sign in once:\s+(\S+)", self.output)
        return found[-1] if found else None

    def health(self) -> Answer:
        try:
            return Browser(self.base).get("/healthz")
        except OSError:
            return Answer(0, b"{}", {}, "")

    def manage(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120, **options
        )

    def sign_in(self, *user: str) -> Browser:
        """A browser signed in as the owner, or as ``user``, through a fresh one-time link."""
        link = self.manage("signinlink", *(f"--user={name}" for name in user)).stdout.strip()
        browser = Browser(self.base)
        answer = browser.form(urllib.parse.urlsplit(link).path, name=user[0] if user else "Ada")
        assert answer.url.endswith("/experiments/"), (answer.status, answer.url)
        return browser

    def add_user(self, name: str, role: str = "") -> Browser:
        """A browser of a second user with a personal team of their own, and with ``role`` in the owner's."""
        code = (
            "from django.contrib.auth.models import User\n"
            "from playground.actions.teams import make_personal_team\n"
            "from playground.models import Membership, Team\n"
            f"user = User.objects.create_user({name!r})\n"
            "make_personal_team(user)\n"
        )
        if role:
            code += f"Membership.objects.create(team=Team.objects.earliest('pk'), user=user, role={role!r})"
        made = self.manage("shell", "-c", code)
        assert made.returncode == 0, made.stderr
        return self.sign_in(name)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database holds now, read past all programs; ids as SQLite has them, without dashes."""
        if self.database:
            with psycopg.connect(self.database) as connection:
                found = connection.execute(query.replace("?", "%s"), values).fetchall()
            return [tuple(cell.hex if isinstance(cell, uuid.UUID) else cell for cell in row) for row in found]
        path = f"file:{self.data / 'db.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(path, uri=True, timeout=20)) as file:
            return file.execute(query, values).fetchall()

    def broker(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.data / "valkey.sock"), decode_responses=True)

    def kill_broker(self) -> None:
        (pid,) = self.children("valkey-server")
        os.kill(pid, signal.SIGKILL)

    def wait_quiet(self, seconds: float = 60) -> None:
        live = "SELECT count(*) FROM playground_run WHERE status IN ('queued', 'running')"
        wait_until(lambda: self.rows(live) == [(0,)], seconds, "all runs ended")

    def assert_sound(self) -> None:
        """What must hold whenever nothing runs."""
        self.wait_quiet()
        bare = "SELECT id, status FROM playground_run WHERE status != 'succeeded' AND error_code = ''"
        assert self.rows(bare) == [], "runs ended without success and without an error code"
        twice = "SELECT count(*) FROM playground_run WHERE finished_at IS NULL OR lease_until IS NOT NULL"
        assert self.rows(twice) == [(0,)], "an ended run has no end or still holds a lease"
        with self.broker() as broker:
            lasting = [name for name in broker.scan_iter("run:*") if broker.ttl(name) < 0]
        assert lasting == [], "tapes that never expire"

    def children(self, words: str) -> list[int]:
        """Process ids below this instance whose command line contains ``words``."""
        assert self.process is not None
        return [pid for pid in descendants(self.process.pid) if words in command_line(pid)]

    def kill_worker(self, how: signal.Signals = signal.SIGKILL) -> int:
        (pid,) = self.children("celery")
        os.kill(pid, how)
        return pid


def descendants(pid: int) -> Iterator[int]:
    try:
        found = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return
    for child in map(int, " ".join(found).split()):
        yield child
        yield from descendants(child)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@contextmanager
def running(data: Path, **environment: str) -> Iterator[Instance]:
    """An instance with the installed models, stopped at the end whatever happens."""
    data.mkdir(parents=True, exist_ok=True)
    installed = Path(os.environ.get("FEWSHOT_TEST_MODELS", ROOT / "var" / "models"))
    if not (data / "models").exists():
        (data / "models").symlink_to(installed)
    instance = Instance(data, free_port(), **environment)
    instance.start()
    try:
        yield instance
    finally:
        if instance.process is not None and instance.process.poll() is None:
            instance.stop()


def spec(**changes: Any) -> dict[str, Any]:
    """A few-shot PromptSpec for the default model; ``settings`` are merged."""
    settings = {"max_new_tokens": 24, "mode": "greedy", "stop": []} | changes.pop("settings", {})
    return {
        "instruction": "Decide whether the review is positive or negative.",
        "fields": ["review"],
        "output_name": "sentiment",
        "examples": [
            {"id": "a", "values": {"review": "A joy from start to end."}, "output": "positive", "on": True},
            {"id": "b", "values": {"review": "Dull and far too loud."}, "output": "negative", "on": True},
            {"id": "c", "values": {"review": "I bought a second one."}, "output": "positive", "on": True},
        ],
        "input": {"review": "The strap broke on the first day."},
        "layout": "plain",
        "model": "smollm2-135m-instruct",
        "settings": settings,
    } | changes


def long_spec(tokens: int = 200, topic: str = "a lighthouse keeper", **changes: Any) -> dict[str, Any]:
    """A prompt that keeps the default model writing for ``tokens`` tokens in chat layout."""
    story = {"input": f"Write a long story about {topic}, a dog and a storm. Use many words."}
    base = {"instruction": "", "fields": ["input"], "output_name": "output", "examples": [], "input": story}
    return spec(**base, layout="chat", settings={"max_new_tokens": tokens}) | changes


def start_run(browser: Browser, experiment: str, wanted: dict[str, Any], key: str | None = None) -> str:
    answer = browser.post(
        f"/experiments/{experiment}/runs", {"spec": wanted}, Idempotency_Key=key or str(uuid.uuid4())
    )
    assert answer.status in (200, 201), answer.body
    run_id: str = answer.json()["run"]["id"]
    return run_id


def run_of(browser: Browser, run: str) -> dict[str, Any]:
    """The run as its address tells it."""
    answer = browser.get(f"/runs/{run}/")
    assert answer.status == 200, answer.body
    whole: dict[str, Any] = answer.json()["run"]
    return whole


def watch_to_end(browser: Browser, run: str, seconds: float = 60) -> Seen:
    with browser.socket() as page:
        page.watch(run)
        return page.until_end(run, seconds)


def first_experiment(browser: Browser) -> str:
    page = browser.get("/experiments/", Accept="text/html").body.decode()
    found = re.search(r"/experiments/([0-9a-f-]{36})/", page)
    assert found, "the list shows no experiment"
    return found[1]
