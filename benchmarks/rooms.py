"""How long a keystroke takes to the other browser, while a whole team types and answers stream.

    python -m benchmarks.rooms [--people 20] [--seconds 20] [--runs 8]

Starts an instance of its own (the real start command, default model). Two of the people are real Chromium
pages, the others write through sockets, each five letters a second at random places of one text. Reported,
in milliseconds:

* keystroke: from the input event in one page to the first animation frame of the other page whose box has it;
* socket: from sending an edit to its arrival at one of the sockets, which is the server's part;
* cpu: what the web program computed, as a share of one processor, and its memory.

Model, server, browsers and the crowd share this machine's cores, which no team's laptops have to.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from pycrdt import Doc, Text
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.memory import pss
from benchmarks.report import table
from tests.browser.conftest import FLAGS, chromium, sign_in
from tests.system.browser import Browser
from tests.system.instance import Instance, long_spec, running, start_run
from tests.system.page import Seen

PAUSE = 0.2  # seconds between two letters of one person
# A page writes down when its box first shows each of the other's marks, which are letters of no other use.
WATCH = """(first) => {
  const box = document.getElementById("scope")
  const shown = (window.shown = {})
  const look = () => {
    for (const letter of box.value) {
      const code = letter.codePointAt(0)
      if (code >= first) shown[code] ??= performance.timeOrigin + performance.now()
    }
    requestAnimationFrame(look)
  }
  look()
  window.typed = {}
  box.addEventListener("input", ({ data }) => {
    if (data) window.typed[data.codePointAt(0)] = performance.timeOrigin + performance.now()
  })
}"""
MARKS = 0x4E00
HEARD = ("joined", "edits")


def main() -> None:
    parser = argparse.ArgumentParser(description="Keystroke to the other browser.")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--runs", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as instance:
        instance.wait_warm(300)
        report(measure(instance, options), options)


def measure(instance: Instance, options: argparse.Namespace) -> dict[str, Any]:
    browser = instance.sign_in()
    with sync_playwright() as playwright:
        # Two browsers: of one, the page behind draws a frame a second.
        chromes = [playwright.chromium.launch(executable_path=chromium(), args=FLAGS) for _ in range(2)]
        first = chromes[0].new_page()
        sign_in(first, instance)
        first.get_by_role("button", name="New experiment").first.click()
        first.wait_for_url("**/experiments/*-*/")
        second = chromes[1].new_page(storage_state=first.context.storage_state())
        second.goto(first.url)
        for page in (first, second):
            page.wait_for_timeout(1000)
            page.evaluate(WATCH, MARKS)
        experiment = first.url.rstrip("/").rsplit("/", 1)[-1]
        (web,) = instance.children("uvicorn")
        with (
            crowd(browser, experiment, options.people - 2) as lags,
            streaming(browser, experiment, options.runs),
        ):
            time.sleep(3)
            lags.clear()
            before = computed(web)
            begun = time.monotonic()
            keystrokes = type_in(first, second, options.seconds)
            share = (computed(web) - before) / (time.monotonic() - begun)
            found = {"keystroke": keystrokes, "socket": list(lags)}
        for chrome in chromes:
            chrome.close()
    return found | {"web cpu": share, "web MB": pss(web)}


def computed(process: int) -> float:
    """Seconds of processor time so far, in user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def type_in(first: Page, second: Page, seconds: float) -> list[float]:
    """Types a letter into one page after the other; returns how long each took to the other page."""
    until = time.monotonic() + seconds
    mark = MARKS
    for page in (first, second):
        page.locator("#scope").focus()
    while time.monotonic() < until:
        for page in (first, second):
            page.keyboard.insert_text(chr(mark))
            mark += 1
            page.wait_for_timeout(PAUSE * 1000 / 2)
    second.wait_for_timeout(2000)
    typed = [page.evaluate("window.typed") for page in (first, second)]
    shown = [page.evaluate("window.shown") for page in (first, second)]
    lags = [
        shown[1 - writer][code] - moment
        for writer in (0, 1)
        for code, moment in typed[writer].items()
        if code in shown[1 - writer]
    ]
    assert len(lags) == mark - MARKS, f"{mark - MARKS} letters were typed, and {len(lags)} came"
    return lags


@contextmanager
def crowd(browser: Browser, experiment: str, count: int) -> Iterator[list[float]]:
    """So many people who type into the instruction; yields how many ms their edits took to others."""
    lags: list[float] = []
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(type_all(browser, experiment, count, lags, stop)))
    thread.start()
    yield lags
    stop.set()
    thread.join()


async def type_all(
    browser: Browser, experiment: str, count: int, lags: list[float], stop: threading.Event
) -> None:
    sent: dict[str, float] = {}
    crowd = [Typist(random.Random(place), place == 0, sent, lags, stop) for place in range(count)]
    await asyncio.gather(*(typist.sit(browser, experiment) for typist in crowd))


@dataclass
class Typist:
    """One of the crowd. ``sent`` says when each edit went, whoever sent it.

    They put letters between those that were there and their own, without reading what others write: the
    crowd's own computing would be measured with the server's. One of them ``listens`` for how long it took.
    """

    draw: random.Random
    listens: bool
    sent: dict[str, float]
    lags: list[float]
    stop: threading.Event
    document: Doc[Any] = field(default_factory=Doc)
    room: str = ""

    async def sit(self, browser: Browser, experiment: str) -> None:
        url = f"{browser.base.replace('http', 'ws')}/ws/?experiment={experiment}"
        headers = {"Cookie": browser.cookie_header(), "Origin": browser.base}
        async with connect(url, additional_headers=headers, max_size=None) as line:
            await line.send(json.dumps({"op": "join"}))
            reading = asyncio.create_task(self.read(line))
            await self.write(line)
            reading.cancel()

    async def write(self, line: ClientConnection) -> None:
        await asyncio.sleep(1 + self.draw.random())
        text: Text = self.document.get("instruction", type=Text)
        number = 0
        while not self.stop.is_set():
            await asyncio.sleep(PAUSE * 2 * self.draw.random())
            before = self.document.get_state()
            text.insert(self.draw.randrange(len(text) + 1), self.draw.choice("abcdefgh "))
            update = base64.b64encode(self.document.get_update(before)).decode()
            number += 1
            self.sent[update] = time.monotonic()
            await line.send(json.dumps({"op": "edit", "room": self.room, "n": number, "update": update}))

    async def read(self, line: ClientConnection) -> None:
        async for message in line:
            if self.room and not self.listens:
                continue
            frame = json.loads(message)
            self.room = frame.get("room", self.room)
            for update in frame.get("updates") or [frame["update"]] if frame["op"] in HEARD else []:
                if frame["op"] == "joined":
                    self.document.apply_update(base64.b64decode(update))
                elif update in self.sent:
                    self.lags.append((time.monotonic() - self.sent[update]) * 1000)


@contextmanager
def streaming(browser: Browser, experiment: str, count: int) -> Iterator[None]:
    """Keeps so many runs going, each watched by a socket."""
    stop = threading.Event()

    def keep(place: int) -> None:
        while not stop.is_set():
            run = start_run(browser, experiment, long_spec(400, f"ship number {place}"))
            with browser.socket() as page:
                seen = page.watch(run)
                page.until(partial(is_over, stop, seen), 300)
                page.send("cancel", run=run)

    threads = [threading.Thread(target=keep, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


def is_over(stop: threading.Event, seen: Seen) -> bool:
    return stop.is_set() or seen.end is not None


def report(found: dict[str, Any], options: argparse.Namespace) -> None:
    rows = []
    line: dict[str, Any] = {"benchmark": "rooms", "people": options.people, "runs": options.runs}
    for name in ("keystroke", "socket"):
        lags = sorted(found[name])
        p50, p95 = statistics.median(lags), lags[int(len(lags) * 0.95)]
        line[name] = {"n": len(lags), "p50": round(p50, 1), "p95": round(p95, 1)}
        asked = "p50 50, p95 150" if name == "keystroke" else ""
        rows.append([f"{name}, ms", asked, f"{p50:.1f}", f"{p95:.1f}", str(len(lags))])
    line |= {"web cpu": round(found["web cpu"], 2), "web MB": round(found["web MB"])}
    print(
        table([f"{options.people} people, {options.runs} runs streaming", "asked", "p50", "p95", "n"], rows)
    )
    print(f"web program: {found['web cpu']:.0%} of a processor, {found['web MB']:.0f} MB\n")
    print(json.dumps(line))


if __name__ == "__main__":
    main()
