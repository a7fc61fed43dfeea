"""How 200 people watch one run: does every token reach every socket, how late, and what does it cost?

    python -m benchmarks.watchers [--sockets 200] [--tokens 400] [--tape 40]

Starts an instance of its own, puts so many people in the room of one experiment, each with a session and a
socket, and starts a run. As pages do, each watches when the room tells of the run, and acknowledges twice
a second. With ``--tape`` no model writes: the worker's publisher writes a tape with so many tokens a second,
which says more of the web program on a machine that is busy.

Reported:

* lag: from the moment the run's thread took the oldest token of a flush (40 ms apart) to its frame;
* news: from the POST of the run to the news of it at a socket; watching: to the first frame of the run;
* CPU of the web program while the run is written, and its memory (proportional set size) for each socket.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.load import percentile
from benchmarks.memory import pss
from benchmarks.report import table
from tests.system.browser import Browser
from tests.system.instance import (
    ROOT,
    Instance,
    first_experiment,
    long_spec,
    run_of,
    running,
    start_run,
)

MUST = 250.0  # ms, of the 95th percentile of the lag
ACKNOWLEDGE = 0.5  # seconds
PATIENCE = 300.0  # seconds for the whole run

# Members of the owner's team, each signed in; prints the cookies.
CROWD = """
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from playground.models import Experiment, Membership, Role
team = Experiment.objects.get(pk={experiment!r}).team
sessions = import_module(settings.SESSION_ENGINE)
cookies = []
for number in range({count}):
    user = User.objects.create(username=f"watcher {{number}}")
    Membership.objects.create(team=team, user=user, role=Role.VIEWER)
    session = sessions.SessionStore()
    session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    cookies.append(f"{{settings.SESSION_COOKIE_NAME}}={{session.session_key}}")
print(json.dumps(cookies))
"""

# A run that no worker has: its tape is written by the publisher, from a thread as in the worker.
TAPE = """
import time, uuid
from datetime import timedelta
from django.utils import timezone
from playground import run_news
from playground.models import Experiment, Run
from playground.models.run import Outcome, Status
from playground.publisher import Publisher
from playground.specs import PromptSpec
experiment = Experiment.objects.get(pk={experiment!r})
settings = PromptSpec.model_validate(experiment.draft).settings.effective()
later = timezone.now() + timedelta(hours=1)
run = Run.objects.create(
    team=experiment.team, experiment=experiment, user=experiment.created_by, model="smollm2-135m-instruct",
    status=Status.RUNNING, worker=uuid.uuid4(), lease_until=later, deadline=later, started_at=timezone.now(),
    idempotency_key=str(uuid.uuid4()), settings=settings, spec=experiment.draft,
    prompt_text="", prompt_ids=[1], prompt_tokens=1, max_new_tokens={tokens})
print(run.pk, time.time(), flush=True)
run_news.tell(run.pk)
time.sleep(2)
publisher = Publisher()
line = publisher.open(run)
line.start(1, 0)
top = [[number, f" word{{number}}", -1.5] for number in range(10)]
tokens = [dict(t=f" word{{n}}", id=n, lp=-0.5, rank=1, top=top, ms=n * 25) for n in range({tokens})]
begun = time.monotonic()
for number, token in enumerate(tokens):
    line.token(token)
    time.sleep(max(0, begun + (number + 1) / {rate} - time.monotonic()))
text = "".join(token["t"] for token in tokens)
ended = dict(text=text, tokens=tokens, last_seq=line.seq, completion_tokens=len(tokens))
run.finish(Outcome(Status.SUCCEEDED, "length"), **ended)
line.end(Run.objects.get(pk=run.pk).ending)
publisher.stop()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Many sockets that watch one run.")
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--tape", type=float, metavar="TOKENS_PER_SECOND", help="without a model")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as instance:
        instance.wait_warm(600)
        report(options, measure(instance, options))


def measure(instance: Instance, options: argparse.Namespace) -> Measured:
    """Puts a crowd into the room of an experiment and has a run written for it."""
    owner = instance.sign_in()
    experiment = first_experiment(owner)
    made = instance.manage("shell", "-c", CROWD.format(experiment=experiment, count=options.sockets))
    assert made.returncode == 0, made.stderr
    cookies = json.loads(made.stdout.splitlines()[-1])
    return asyncio.run(watched(instance, owner, experiment, cookies, options))


@dataclass
class Watcher:
    """One person's socket: what it has heard of the run, and when (seconds of the clock)."""

    tokens: int = 0
    text: str = ""
    told: float = 0.0
    first: float = 0.0
    lags: list[float] = field(default_factory=list)  # ms
    top: str = ""
    acknowledged: float = 0.0

    async def to_the_end(self, socket: ClientConnection) -> None:
        run = None
        async for message in socket:
            now, frame = time.time(), json.loads(message)
            if frame["op"] == "note" and frame["kind"] == "run" and run is None:
                run, self.told = frame["row"]["id"], now
                await socket.send(json.dumps({"op": "watch", "run": run, "after": None}))
            elif run is None or frame.get("run") != run:
                continue
            elif frame["op"] == "end":
                return
            elif "id" in frame:
                self.take(frame, now)
                await self.acknowledge(socket, run)

    def take(self, frame: dict[str, Any], now: float) -> None:
        self.first, self.top = self.first or now, frame["id"]
        if frame["op"] == "reset":
            self.text, self.tokens = frame["snapshot"]["text"], len(frame["snapshot"]["tokens"])
        elif frame["op"] == "start":
            self.text, self.tokens = "", 0
        elif frame["op"] == "delta":
            self.text += frame["text"]
            self.tokens += len(frame["tokens"])
            self.lags.append(now * 1000 - frame["at"])

    async def acknowledge(self, socket: ClientConnection, run: str) -> None:
        if time.monotonic() - self.acknowledged > ACKNOWLEDGE:
            self.acknowledged = time.monotonic()
            await socket.send(json.dumps({"op": "ack", "run": run, "id": self.top}))


@dataclass
class Measured:
    watchers: list[Watcher]
    begun: float  # when the run was asked for
    seconds: float  # from there to its end
    tokens: int
    text: str
    cpu: float  # seconds of the web program in these seconds
    megabytes: float  # of the web program, for all sockets together


async def watched(
    instance: Instance, owner: Browser, experiment: str, cookies: list[str], options: argparse.Namespace
) -> Measured:
    (web,) = instance.children("uvicorn")
    before = pss(web)
    url = f"{instance.base.replace('http', 'ws')}/ws/?experiment={experiment}"
    sockets = [await sitting(url, instance.base, cookie) for cookie in cookies]
    await asyncio.sleep(3)  # what came with the arrivals is done
    watchers = [Watcher() for _ in sockets]
    tasks = [
        asyncio.create_task(one.to_the_end(socket)) for one, socket in zip(watchers, sockets, strict=True)
    ]
    used = cpu_seconds(web)
    async with writing(instance, owner, experiment, options) as (run, begun):
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
        seconds = time.time() - begun
        used = cpu_seconds(web) - used
        megabytes = pss(web) - before
    await asyncio.gather(*(socket.close() for socket in sockets))
    row = run_of(owner, run)
    return Measured(watchers, begun, seconds, len(row["tokens"]), row["text"], used, megabytes)


async def sitting(url: str, origin: str, cookie: str) -> ClientConnection:
    """A socket whose page has a seat in the room."""
    headers = {"Cookie": cookie}
    socket = await connect(url, origin=origin, additional_headers=headers, max_size=None, max_queue=None)  # type: ignore[arg-type]
    await socket.send('{"op":"join"}')
    while json.loads(await socket.recv())["op"] != "joined":
        pass
    return socket


@asynccontextmanager
async def writing(
    instance: Instance, owner: Browser, experiment: str, options: argparse.Namespace
) -> AsyncIterator[tuple[str, float]]:
    """A run that is being written, and when it was asked for. Sockets are read meanwhile."""
    if options.tape is None:
        begun = time.time()
        yield await asyncio.to_thread(start_run, owner, experiment, long_spec(options.tokens)), begun
        return
    code = TAPE.format(experiment=experiment, tokens=options.tokens, rate=options.tape)
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    pipe = asyncio.subprocess.PIPE
    writer = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=instance.environment, stdout=pipe)
    assert writer.stdout
    run, moment = (await writer.stdout.readline()).decode().split()
    yield run, float(moment)
    await writer.wait()


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far, in its own code and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100  # clock ticks of Linux


def report(options: argparse.Namespace, measured: Measured) -> None:
    watchers, count = measured.watchers, len(measured.watchers)
    whole = sum(one.text == measured.text and one.tokens == measured.tokens for one in watchers)
    times = {
        "lag": [lag for one in watchers for lag in one.lags],
        "news": [(one.told - measured.begun) * 1000 for one in watchers],
        "watching": [(one.first - measured.begun) * 1000 for one in watchers],
    }
    result: dict[str, Any] = {
        "benchmark": "watchers",
        "writer": "model" if options.tape is None else "tape",
        "sockets": count,
        "tokens": measured.tokens,
        "whole": whole,
    }
    rows = []
    for name, values in times.items():
        p50, p95 = (round(percentile(values, percent), 1) for percent in (50, 95))
        result[name] = {"n": len(values), "p50": p50, "p95": p95, "max": round(max(values), 1)}
        rows.append([name, *map(str, result[name].values())])
    result["cpu percent"] = round(100 * measured.cpu / measured.seconds)
    result["KB a socket"] = round(1024 * measured.megabytes / count)
    print(table(["ms", "n", "p50", "p95", "max"], rows))
    print(f"{whole} of {count} sockets have every token of {measured.tokens}, in {measured.seconds:.1f} s")
    print(f"web program: {result['cpu percent']}% of a processor, {result['KB a socket']} KB for each socket")
    print(f"lag p95 {result['lag']['p95']} ms, must be at most {MUST:.0f} ms")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
