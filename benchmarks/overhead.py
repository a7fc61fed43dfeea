"""What our stack costs on top of the engine, measured through the whole product on loopback.

    python -m benchmarks.overhead [--probes 40]

Starts an instance of its own (the real start command, default model), keeps eight runs streaming,
and starts short runs beside them. Reported:

* accept to delta: from the row's ``queued_at`` to the first ``delta`` at the socket, minus the
  engine's own time from submit to first token, as the worker measured it;
* post to delta: the same from the moment the client sends the POST;
* emit to frame: from the moment the run's thread took the oldest token of a flush to its frame;
* memory of worker and web: proportional set size after the load.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed

from benchmarks.memory import pss
from tests.system.browser import Browser
from tests.system.instance import Instance, first_experiment, long_spec, running, spec, start_run, wait_until
from tests.system.page import Page

STREAMS = 8
Sample = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description="Overhead of the stack over the engine.")
    parser.add_argument("--probes", type=int, default=40)
    probes = parser.parse_args().probes
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as instance:
        instance.wait_warm()
        report(measure(instance, probes), memory(instance))


def measure(instance: Instance, probes: int) -> dict[str, list[float]]:
    """Milliseconds of every sample, by what was measured."""
    browser = instance.sign_in()
    experiment = first_experiment(browser)
    samples: dict[str, list[float]] = {"accept to delta": [], "post to delta": [], "emit to frame": []}
    with browser.socket() as crowd, browser.socket() as page:
        # A reader of its own: frames must not wait in the client while it posts.
        reader = threading.Thread(target=read, args=(crowd, samples["emit to frame"]), daemon=True)
        reader.start()
        keep_streaming(browser, experiment, crowd)
        for _ in range(probes):
            probe(browser, experiment, page, samples)
            keep_streaming(browser, experiment, crowd)
    return samples


def read(crowd: Page, lags: list[float]) -> None:
    """Takes every frame of the streaming runs as it comes, until the socket closes."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            frame = crowd.receive(timeout=120)
            if frame["op"] == "delta":
                lags.append(time.time() * 1000 - frame["at"])


def keep_streaming(browser: Browser, experiment: str, crowd: Page) -> None:
    """Tops the number of streaming runs up to STREAMS."""
    streaming = [seen for seen in list(crowd.runs.values()) if not seen.end]
    fresh = [start_run(browser, experiment, long_spec(400)) for _ in range(STREAMS - len(streaming))]
    seen = [crowd.watch(run) for run in fresh]
    wait_until(lambda: all(run.tokens for run in seen), 60, "streaming runs")


def probe(browser: Browser, experiment: str, page: Page, samples: dict[str, list[float]]) -> None:
    sent = time.time()
    run = start_run(browser, experiment, spec(settings={"max_new_tokens": 4}))
    seen = page.watch(run)
    first_delta = None
    while seen.end is None:
        frame = page.receive()
        if frame.get("run") == run and seen.tokens:
            first_delta = first_delta or time.time()
    row = browser.get(f"/runs/{run}/").json()["run"]
    engine = row["timing"]["engine_first_token_ms"]
    queued = datetime.fromisoformat(row["queued_at"]).timestamp()
    assert first_delta is not None
    samples["accept to delta"].append((first_delta - queued) * 1000 - engine)
    samples["post to delta"].append((first_delta - sent) * 1000 - engine)


def memory(instance: Instance) -> dict[str, float]:
    """Proportional set size in MB of the worker (with its supervisor) and of web."""
    worker = [*instance.children("celery"), *instance.children("manage.py worker")]
    return {"worker": sum(map(pss, worker)), "web": sum(map(pss, instance.children("uvicorn")))}


def report(samples: dict[str, list[float]], used: dict[str, float]) -> None:
    result: dict[str, Any] = {}
    print(f"{'ms, ' + str(STREAMS) + ' runs streaming':28} {'n':>5} {'p50':>7} {'p95':>7} {'max':>7}")
    for name, values in samples.items():
        cuts = statistics.quantiles(values, n=20)
        result[name] = {"n": len(values), "p50": round(cuts[9], 1), "p95": round(cuts[18], 1)}
        print(f"{name:28} {len(values):5} {cuts[9]:7.1f} {cuts[18]:7.1f} {max(values):7.1f}")
    for name, megabytes in used.items():
        result[f"{name} MB"] = round(megabytes)
        print(f"memory of {name:18} {megabytes:5.0f} MB")
    print(json.dumps({"benchmark": "overhead", **result}))


if __name__ == "__main__":
    main()
