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
import json
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.system.instance import (
    Browser,
    Instance,
    Page,
    first_experiment,
    long_spec,
    running,
    spec,
    start_run,
)

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
    with browser.socket() as page:
        keep_streaming(browser, experiment, page)
        for _ in range(probes):
            probe(browser, experiment, page, samples)
            keep_streaming(browser, experiment, page)
    return samples


def keep_streaming(browser: Browser, experiment: str, page: Page) -> None:
    """Tops the number of streaming runs up to STREAMS."""
    for run in [run for run, seen in page.runs.items() if seen.end]:
        page.send("unwatch", run=run)
        del page.runs[run]
    for _ in range(STREAMS - len(page.runs)):
        page.watch(start_run(browser, experiment, long_spec(400)))
    page.until(lambda: all(seen.tokens or seen.end for seen in page.runs.values()))


def probe(browser: Browser, experiment: str, page: Page, samples: dict[str, list[float]]) -> None:
    sent = time.time()
    run = start_run(browser, experiment, spec(settings={"max_new_tokens": 4}))
    seen = page.watch(run)
    first_delta = None
    while seen.end is None:
        frame = page.receive()
        now = time.time()
        if frame["op"] == "delta":
            samples["emit to frame"].append(now * 1000 - frame["at"])
        if frame.get("run") == run and (seen.tokens or frame["op"] == "delta"):
            first_delta = first_delta or now
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


def pss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


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
