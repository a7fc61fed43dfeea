"""Presence with real programs: a machine that falls silent, and what the server lets a page say of itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.system.browser import Browser
from tests.system.instance import Instance, first_experiment
from tests.system.page import Page

SILENT = 20.0  # seconds after which nobody sees a machine that says nothing
SITS = """
import json, sys, time
from websockets.sync.client import connect
url, origin, cookie = sys.argv[1:]
page = connect(url, origin=origin, additional_headers={"Cookie": cookie})
page.send(json.dumps({"op": "join"}))
page.send(json.dumps({"op": "cursor", "at": {"text": "scope"}}))
print("sits", flush=True)
while True:
    page.recv()
"""


@contextmanager
def machine(browser: Browser, experiment: str) -> Iterator[subprocess.Popen[str]]:
    """Somebody in a process of their own, which can be stopped as a machine that is unplugged."""
    url = f"{browser.base.replace('http', 'ws')}/ws/?experiment={experiment}"
    command = [sys.executable, "-c", SITS, url, browser.base, browser.cookie_header()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "sits\n"
            yield process
        finally:
            process.kill()


def until(page: Page, op: str, seconds: float) -> dict[str, Any]:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            frame = page.receive(timeout=1)
        except TimeoutError:
            page.send("ping")
            continue
        if frame["op"] == op:
            return frame
    raise AssertionError(f"no {op} within {seconds} s")


def test_a_machine_that_falls_silent_leaves_the_room(instance: Instance) -> None:
    ada = instance.sign_in()
    experiment = first_experiment(ada)
    with ada.socket(f"?experiment={experiment}") as page:
        page.send("join")
        until(page, "joined", 10)
        with machine(ada, experiment) as process:
            came = until(page, "presence", 10)
            (member,) = came["members"]
            os.kill(process.pid, signal.SIGSTOP)
            began = time.monotonic()
            gone = until(page, "presence", SILENT)
            assert gone["gone"] == [member["seat"]]
            assert time.monotonic() - began < SILENT


def test_the_server_says_who_somebody_is_and_since_when_they_are_away(instance: Instance) -> None:
    ada = instance.sign_in()
    experiment = first_experiment(ada)
    query = f"?experiment={experiment}"
    with ada.socket(query) as one, ada.socket(query) as other:
        for page in (one, other):
            page.send("join")
            until(page, "joined", 10)
        one.send("cursor", may_edit=False)
        assert until(one, "error", 10)["code"] == "bad_frame"
        stamped = []
        for _ in range(2):
            one.send("cursor", away=True, at={"text": "title"})
            (member,) = until(other, "presence", 10)["members"]
            stamped.append(member["since"])
            time.sleep(1.2)
        assert member["may_edit"] is True
        assert stamped[0] == stamped[1]
        one.send("cursor")
        (member,) = until(other, "presence", 10)["members"]
        assert "since" not in member
