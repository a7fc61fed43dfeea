"""Server time of pages and lists in a team with much work, on SQLite and on PostgreSQL.

    python -m benchmarks.lists [--rows 10000] [--calls 40] [--database sqlite|postgresql]

Fills a database of its own with so many experiments and as many runs of one of them, 200 comparisons
and one of 12 columns x 100 rows with an answer in each cell, and calls the views through Django's test
client: routing, session, rights, queries, templates; no network and no browser. Every median must be
below 100 ms. ``cpu`` is what this process computed for a call, on average: with SQLite that is all there
is, and
it stays the same while other programs want the processors, too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.report import table

MUST = 100.0  # ms
DATABASES = ("sqlite", "postgresql")
FIGURES = ("p50", "p95", "cpu")
COMPARISONS = 200
COLUMNS, ROWS = 12, 100
ANSWER = "The keeper of the light wrote down the weather, fed the dog and wound the clock. " * 8


def main() -> None:
    parser = argparse.ArgumentParser(description="Server time of lists with many rows.")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--database", choices=DATABASES)
    options = parser.parse_args()
    if options.database:
        with environment(options.database):
            print(json.dumps(measured(options.rows, options.calls)))
        return
    found = {database: in_process(database, options.rows, options.calls) for database in DATABASES}
    report(found, options.rows)


def in_process(database: str, rows: int, calls: int) -> dict[str, dict[str, float]]:
    """Django reads its settings once for each process."""
    command = [sys.executable, "-m", "benchmarks.lists", "--database", database]
    command += ["--rows", str(rows), "--calls", str(calls)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    whole: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return whole


@contextmanager
def environment(database: str) -> Iterator[None]:
    """Django on a fresh database, with a data folder that is thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="fewshot-lists-"))
    installed = Path(os.environ.get("FEWSHOT_DATA") or "var").absolute() / "models"
    (folder / "models").symlink_to(installed)
    os.environ["FEWSHOT_DATA"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "playground.settings"
    if database == "postgresql":
        from tests.postgresql import ensure_running

        os.environ["DATABASE_URL"] = ensure_running()
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    settings.STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    settings.ALLOWED_HOSTS.append("testserver")
    call_command("migrate", verbosity=0)
    try:
        yield
    finally:
        from django.db import connection

        connection.close()
        if database == "postgresql":
            connection.close_pool()  # type: ignore[attr-defined]
        shutil.rmtree(folder, ignore_errors=True)


def measured(rows: int, calls: int) -> dict[str, dict[str, float]]:
    from django.db import connection
    from django.test import Client

    owner, chosen = fill(rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client()
    client.force_login(owner)
    found = {}
    for name, send in requests(client, owner, chosen, rows).items():
        for _ in range(3):
            milliseconds(send)
        computed = time.process_time()
        samples = [milliseconds(send) for _ in range(calls)]
        computed = (time.process_time() - computed) * 1000 / calls
        ordered = sorted(samples)
        found[name] = {
            "p50": statistics.median(ordered),
            "p95": ordered[int(len(ordered) * 0.95)],
            "cpu": computed,
        }
    return found


def milliseconds(send: Callable[[], Any]) -> float:
    began = time.perf_counter()
    answer = send()
    assert answer.status_code == 200, (answer.request, answer.status_code)
    assert answer.content
    return (time.perf_counter() - began) * 1000


def requests(client: Any, owner: Any, chosen: dict[str, Any], rows: int) -> dict[str, Callable[[], Any]]:
    pages = {name: partial(client.get, url) for name, url in addresses(chosen, rows).items()}
    return {**pages, "a blind vote": vote(client, owner, chosen["comparison"])}


def vote(client: Any, owner: Any, comparison: Any) -> Callable[[], Any]:
    from django.urls import reverse

    from playground.actions.blind import Booth

    address = reverse("comparison-blind", args=[comparison.pk])
    body = json.dumps({"key": Booth(comparison, owner).pairs[0].key, "choice": "tie"})
    return partial(client.put, address, body, content_type="application/json")


def addresses(chosen: dict[str, Any], rows: int) -> dict[str, str]:
    from django.urls import reverse

    experiment, team, comparison = chosen["experiment"], chosen["team"], chosen["comparison"]
    history = reverse("experiment-history", args=[experiment.pk])
    last = max(1, min(150, rows // 50))
    return {
        "list, page 1": "/experiments/",
        f"list, page {last}": f"/experiments/?page={last}",
        "list of a team": f"/experiments/?team={team.pk}",
        "list of a tag": "/experiments/?tag=TAG+3",
        "list of starred ones": "/experiments/?starred=1",
        "find by title": "/experiments/search?q=99",
        "experiment": reverse("experiment", args=[experiment.pk]),
        "history, first page": history,
        "history, last page": f"{history}?before={chosen['oldest'].pk}",
        "history, words of one run": f"{history}?q=number+{rows // 2}+of",
        "history, words of none": f"{history}?q=nowhere",
        "comparisons": reverse("comparisons", args=[experiment.pk]),
        "comparison": reverse("comparison", args=[comparison.pk]),
        "comparison, 12 x 100 cells": reverse("comparison-cells", args=[comparison.pk]),
        "results": reverse("comparison-results", args=[comparison.pk]),
        "blind page, 1,100 pairs": reverse("comparison-blind", args=[comparison.pk]),
        "versions": reverse("versions", args=[experiment.pk]),
        "export page": reverse("experiment-export", args=[experiment.pk]),
        "team": reverse("team", args=[team.pk]),
        "storage": reverse("team-storage", args=[team.pk]),
        "recently deleted": reverse("team-deleted", args=[team.pk]),
    }


def fill(rows: int) -> tuple[Any, dict[str, Any]]:
    """The owner, and what the addresses speak of."""
    from django.utils import timezone

    from playground.actions.teams import ensure_owner
    from playground.models import Comparison, Experiment, Run, SearchEntry, Team, Version

    owner = ensure_owner()
    team = Team.objects.get(personal_of=owner)
    spec = Experiment.objects.get(team=team).draft
    made = [
        Experiment(team=team, title=f"Experiment {number}", draft=spec, created_by=owner)
        for number in range(rows)
    ]
    Experiment.objects.bulk_create(made, batch_size=500)
    mark(owner, team, made)
    experiment = made[0]
    versions = [
        Version(experiment=experiment, number=number, spec=spec, content_hash=str(number), author=owner)
        for number in range(1, 201)
    ]
    Version.objects.bulk_create(versions, batch_size=500)
    comparisons = [
        Comparison(experiment=experiment, title=f"Comparison {number}", board=board(spec), created_by=owner)
        for number in range(COMPARISONS)
    ]
    Comparison.objects.bulk_create(comparisons, batch_size=50)
    now = timezone.now()
    run = maker(owner, experiment, spec)
    runs = [run(number, versions[number % 200], now - timedelta(seconds=number)) for number in range(rows)]
    cells = [
        run(
            number,
            versions[0],
            now,
            comparison=comparisons[0],
            column=f"c{number % COLUMNS}",
            row=f"r{number // COLUMNS}",
        )
        for number in range(COLUMNS * ROWS)
    ]
    Run.objects.bulk_create(runs + cells, batch_size=500)
    SearchEntry.of_new_runs(runs + cells)
    chosen = {"team": team, "experiment": experiment, "comparison": comparisons[0], "oldest": runs[-51]}
    return owner, chosen


def mark(owner: Any, team: Any, experiments: list[Any]) -> None:
    """Two of 20 tags for each experiment, and a star for every fourth."""
    from playground.models import Experiment, Tag

    tags = [Tag.objects.create(team=team, name=f"tag {number}") for number in range(20)]
    through: Any = Experiment.tags.through
    pairs = [
        through(experiment=one, tag=tags[number % 20 - step])
        for number, one in enumerate(experiments)
        for step in (0, 7)
    ]
    through.objects.bulk_create(pairs, batch_size=500)
    owner.starred_experiments.add(*experiments[::4])


def board(spec: dict[str, Any]) -> dict[str, Any]:
    columns = [{"key": f"c{number}", "title": "", "spec": spec, "inputs": {}} for number in range(COLUMNS)]
    lines = [{"key": f"r{number}", "values": spec["input"]} for number in range(ROWS)]
    return {
        "schema": 1,
        "columns": columns,
        "rows": lines,
        "links": ["input"],
        "samples": 1,
        "baseline": None,
    }


def maker(owner: Any, experiment: Any, spec: dict[str, Any]) -> Callable[..., Any]:
    from playground.models import Run
    from playground.specs import PromptSpec, Settings

    top = [[number, " word", -0.5] for number in range(5)]
    asked = PromptSpec.model_validate(spec).asks_hash()
    tokens = [{"t": " word", "id": 1, "lp": -0.5, "rank": 1, "top": top}] * 64

    def make(number: int, version: Any, queued_at: Any, **cell: Any) -> Any:
        return Run(
            team=experiment.team,
            experiment=experiment,
            version=version,
            user=owner,
            model="smollm2-135m-instruct",
            status="succeeded",
            idempotency_key=str(uuid.uuid4()),
            deadline=queued_at,
            queued_at=queued_at,
            started_at=queued_at,
            finished_at=queued_at,
            settings=Settings().effective(),
            spec=spec,
            asks_hash=asked,
            prompt_text=f"Write about number {number} of many. {ANSWER}",
            prompt_ids=list(range(200)),
            prompt_tokens=200,
            max_new_tokens=64,
            text=f"Answer {number}. {ANSWER}",
            tokens=tokens,
            completion_tokens=64,
            receipt={"dtype": "float32", "device": "cpu"},
            **cell,
        )

    return make


def report(found: dict[str, dict[str, dict[str, float]]], rows: int) -> None:
    names = list(found["sqlite"])
    figures = [
        [
            name,
            *(f"{found[database][name][column]:.1f}" for database in DATABASES for column in FIGURES),
        ]
        for name in names
    ]
    head = [
        f"ms with {rows:,} rows",
        *(f"{database} {column}" for database in DATABASES for column in FIGURES),
    ]
    print(table(head, figures))
    slow = [
        f"{name} on {database}"
        for name in names
        for database in DATABASES
        if found[database][name]["p50"] >= MUST
    ]
    print(f"Slower than {MUST:.0f} ms: {', '.join(slow) or 'none'}.\n")
    print(json.dumps({"benchmark": "lists", "rows": rows, "ms": found}))


if __name__ == "__main__":
    main()
