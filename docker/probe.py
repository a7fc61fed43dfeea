"""Health checks of containers. Loads neither Django nor torch, so it is cheap to run every few seconds.

``probe.py web``: the web program answers. ``probe.py worker``: the worker of this host has lately
told the database that it serves. Exit code 0 means healthy; otherwise one sentence says why not.
"""

import os
import socket
import sqlite3
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

# Newest first: a lost worker's row stays until the keeper drops it.
QUERY = "SELECT state, detail, seen_at FROM playground_workerlease WHERE name LIKE {} ORDER BY seen_at DESC"
SERVING = ("warm", "draining")


def web() -> str:
    """Why the web program is not healthy, or nothing."""
    port = os.environ.get("PORT") or "8000"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=4) as answer:
            return "" if answer.status == 200 else f"The page answers with {answer.status}."
    except OSError as error:
        return f"The page does not answer ({error})."


def worker() -> str:
    """Why the worker of this host is not healthy, or nothing. Models that nobody asked for are no fault."""
    rows = leases(os.environ["DATABASE_URL"], f"{socket.gethostname()}:%")
    if not rows:
        return "No worker of this host has told the database that it is there."
    lease = timedelta(seconds=float(os.environ.get("FEWSHOT_LEASE") or 20))
    if (silence := datetime.now(UTC) - rows[0][2]) > lease:
        return f"The worker has been silent for {silence.total_seconds():.0f} s."
    told = [(state, detail) for state, detail, seen_at in rows if datetime.now(UTC) - seen_at <= lease]
    if any(state in SERVING for state, _ in told):
        return ""
    return next((f"The worker is {state} ({detail})." for state, detail in told if state != "absent"), "")


def leases(url: str, name: str) -> list[tuple[str, str, datetime]]:
    rows = from_sqlite(url, name) if url.startswith("sqlite:") else from_postgresql(url, name)
    return [(state, detail, moment(seen_at)) for state, detail, seen_at in rows]


def moment(stored: datetime | str) -> datetime:
    """SQLite stores text without a zone, in UTC."""
    return datetime.fromisoformat(stored).replace(tzinfo=UTC) if isinstance(stored, str) else stored


def from_sqlite(url: str, name: str) -> list[Any]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=4)
    try:
        return connection.execute(QUERY.format("?"), [name]).fetchall()
    finally:
        connection.close()


def from_postgresql(url: str, name: str) -> list[Any]:
    import psycopg  # here: not needed for SQLite

    with psycopg.connect(url, connect_timeout=4) as connection:
        return connection.execute(QUERY.format("%s"), [name]).fetchall()


def main() -> int:
    probes = {"web": web, "worker": worker}
    if len(sys.argv) != 2 or sys.argv[1] not in probes:
        sys.stderr.write("Say what to look at: probe.py web, or probe.py worker.\n")
        return 2
    if reason := probes[sys.argv[1]]():
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
