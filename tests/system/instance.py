"""A whole Fewshot for tests: the real start command, valkey, web, worker, keeper and default model."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis
from websockets.sync.client import ClientConnection, connect

from tests.ports import free_port
from tests.postgresql import database_of

ROOT = Path(__file__).resolve().parents[2]


def wait_until(is_true: Any, seconds: float, what: str) -> Any:
    """Polls until ``is_true()`` is truthy and returns it; fails with ``what`` after ``seconds``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := is_true():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class Answer:
    status: int
    body: bytes
    headers: Any
    url: str

    def json(self) -> Any:
        return json.loads(self.body)


class Browser:
    """An HTTP client with cookies and the CSRF token, as a page's script has them."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        url = urllib.parse.urljoin(self.base, path)
        request = urllib.request.Request(url, data=body, method=method)
        request.add_header("X-CSRFToken", self.cookie("csrf"))
        request.add_header("Origin", self.base)
        for name, value in (headers or {}).items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with self._opener.open(request, timeout=30) as answer:
                return Answer(answer.status, answer.read(), answer.headers, answer.url)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), error.headers, url)

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, data: Any = None, **headers: str) -> Answer:
        return self.send(
            "POST", path, json.dumps(data).encode(), {"Content-Type": "application/json", **headers}
        )

    def put(self, path: str, data: Any = None, **headers: str) -> Answer:
        return self.send(
            "PUT", path, json.dumps(data).encode(), {"Content-Type": "application/json", **headers}
        )

    def form(self, path: str, **fields: str) -> Answer:
        page = self.get(path, Accept="text/html").body.decode()
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found, f"{path} has no form"
        data = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": found[1]}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        return self.send("POST", path, data, headers)

    def cookie(self, part: str) -> str:
        return next((cookie.value or "" for cookie in self.jar if part in cookie.name), "")

    def cookie_header(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)

    def socket(self, query: str = "", **options: Any) -> Page:
        url = self.base.replace("http", "ws") + "/ws/" + query
        cookies = {"Cookie": self.cookie_header()}
        # Without a bound on what waits unread, a page that is not looked at still answers a closing frame.
        options = {"origin": self.base, "additional_headers": cookies, "max_queue": None, **options}
        return Page(connect(url, **options).__enter__())


@dataclass
class Seen:
    """One run as a page shows it: frames applied as static/js/models/token_buffer.js does."""

    text: str = ""
    last_id: str | None = None
    attempt: int = 0
    attempts: set[int] = field(default_factory=set)
    resets: int = 0
    tokens: int = 0
    end: dict[str, Any] | None = None
    queue: list[dict[str, Any]] = field(default_factory=list)

    def apply(self, frame: dict[str, Any]) -> None:
        op = frame["op"]
        if op == "queue":
            self.queue.append(frame)
            return
        if op in ("start", "delta"):
            assert self.last_id is None or key(frame["id"]) > key(self.last_id), (
                "a frame came twice or out of order"
            )
        if op == "start":
            self.text, self.tokens, self.attempt = "", 0, frame["attempt"]
        elif op == "delta":
            assert key(frame["id"])[0] == self.attempt, "two attempts are mixed"
            assert frame["text"] == "".join(token["t"] for token in frame["tokens"])
            self.text += frame["text"]
            self.tokens += len(frame["tokens"])
        elif op == "reset":
            self.text = frame["snapshot"]["text"]
            self.tokens = len(frame["snapshot"]["tokens"])
            self.attempt = frame["snapshot"]["attempt"]
            self.resets += 1
        elif op == "end":
            self.end = frame
        if self.attempt:
            self.attempts.add(self.attempt)
        self.last_id = frame["id"]


def key(entry_id: str) -> tuple[int, int]:
    attempt, seq = entry_id.split("-")
    return int(attempt), int(seq)


class Page:
    """A page's socket: sends frames, applies what comes, acknowledges."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.runs: dict[str, Seen] = {}
        self.errors: list[dict[str, Any]] = []
        self.acknowledged = 0.0

    def send(self, op: str, **fields: Any) -> None:
        self.connection.send(json.dumps({"op": op, **fields}))

    def watch(self, run: str, after: str | None = None) -> Seen:
        seen = self.runs.setdefault(run, Seen(last_id=after))
        self.send("watch", run=run, after=after)
        return seen

    def receive(self, timeout: float = 20.0) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.connection.recv(timeout=timeout))
        if frame["op"] == "error":
            self.errors.append(frame)
        elif frame.get("run") in self.runs and frame["op"] in ("start", "delta", "reset", "end", "queue"):
            self.runs[frame["run"]].apply(frame)
            if frame["op"] != "queue" and time.monotonic() - self.acknowledged > 0.5:
                self.acknowledge()
        return frame

    def acknowledge(self) -> None:
        """As the page does: now and then, not for every frame."""
        self.acknowledged = time.monotonic()
        for run, seen in list(self.runs.items()):
            if seen.last_id and not seen.end:
                self.send("ack", run=run, id=seen.last_id)

    def until(self, is_true: Any, seconds: float = 60.0) -> None:
        """Receives until ``is_true()``."""
        until = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < until, f"nothing happened within {seconds} s; errors: {self.errors}"
            try:
                self.receive(timeout=1.0)
            except TimeoutError:
                continue

    def until_end(self, run: str, seconds: float = 60.0) -> Seen:
        self.until(lambda: self.runs[run].end is not None, seconds)
        return self.runs[run]

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
        wait_until(lambda: self.health().status == 200, seconds, f"health: {self.health().body!r}")

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
        answer = browser.form(urllib.parse.urlsplit(link).path, name=user[0] if user else "Owner")
        assert answer.url.endswith("/experiments/"), (answer.status, answer.url)
        return browser

    def add_user(self, name: str) -> Browser:
        """A browser of a second user with a personal team of their own."""
        code = (
            "from django.contrib.auth.models import User\n"
            "from playground.actions.teams import make_personal_team\n"
            f"make_personal_team(User.objects.create_user({name!r}))"
        )
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
