"""Rooms with real programs: people without browsers write into one document, over lines that are cut."""

import base64
import json
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pycrdt import Doc, Text
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.ports import free_port
from tests.system.browser import Browser
from tests.system.instance import ROOT, Instance, descendants, is_running, running, spec, wait_until
from tests.system.page import Page

PEOPLE = 8
SECONDS = 6.0  # of typing


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Person:
    """A page without a screen: it does what static/js/models/room.js promises."""

    def __init__(self, browser: Browser, experiment: str) -> None:
        self.browser = browser
        self.experiment = experiment
        self.document: Doc[Any] = Doc()
        self.room: str | None = None
        self.number = self.kept = self.draft_version = 0
        self.page: Page | None = None

    def connect(self) -> None:
        self.page = self.browser.socket(f"?experiment={self.experiment}")
        known = {"room": self.room, "vector": coded(self.document.get_state())} if self.room else {}
        self.page.send("join", **known)
        frame = self.until("joined")
        self.room = frame["room"]
        self.document.apply_update(base64.b64decode(frame["update"]))
        if self.number != self.kept:
            self.send(self.document.get_update(base64.b64decode(frame["vector"])))

    def write(self, name: str, at: int, text: str) -> None:
        before = self.document.get_state()
        box: Text = self.document.get(name, type=Text)
        box.insert(min(at, len(box)), text)
        self.send(self.document.get_update(before))

    def send(self, update: bytes) -> None:
        self.number += 1
        if self.page:
            try:
                self.page.send("edit", room=self.room, n=self.number, update=coded(update))
            except ConnectionClosed:
                self.cut()

    def hear(self, timeout: float) -> dict[str, Any] | None:
        assert self.page is not None
        try:
            frame: dict[str, Any] = self.page.receive(timeout)
        except TimeoutError:
            return None
        if frame["op"] == "edits":
            for update in frame["updates"]:
                self.document.apply_update(base64.b64decode(update))
        if frame["op"] == "saved":
            self.kept = max(self.kept, frame["n"])
            self.draft_version = frame["draft_version"]
        return frame

    def until(self, op: str, seconds: float = 20.0) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            frame = self.hear(1.0)
            if frame and frame["op"] == op:
                return frame
        raise AssertionError(f"no {op} within {seconds} s")

    def settle(self) -> None:
        end = time.monotonic() + 30
        while self.number != self.kept and time.monotonic() < end:
            self.hear(1.0)
        assert self.number == self.kept
        while self.hear(0.5):
            pass

    def cut(self) -> None:
        if self.page:
            self.page.close()
            self.page = None

    @property
    def text(self) -> str:
        return str(self.document.get("instruction", type=Text))


@pytest.fixture
def room(browser: Browser) -> str:
    return new_experiment(browser)


def new_experiment(browser: Browser) -> str:
    page = browser.get("/experiments/", Accept="text/html").body.decode()
    team = re.search(r'name="team" value="([^"]+)"', page)
    assert team
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    made = browser.send("POST", "/experiments/new", urlencode({"team": team[1]}).encode(), headers)
    return made.url.rstrip("/").rsplit("/", 1)[-1]


@contextmanager
def people(browser: Browser, experiment: str, count: int) -> Iterator[list[Person]]:
    everybody = [Person(browser, experiment) for _ in range(count)]
    for person in everybody:
        person.connect()
    yield everybody
    for person in everybody:
        person.cut()


def type_for_a_while(person: Person, place: int) -> str:
    """Letters of their own at random places, over a line that is cut now and then; returns them."""
    draw = random.Random(place)
    letters = ""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        letter = chr(0x4E00 + 1000 * place + len(letters))
        # Places are bytes of UTF-8 here, of which each letter has three.
        person.write("instruction", 3 * draw.randrange(len(person.text) + 1), letter)
        letters += letter
        if person.page is None:
            time.sleep(0.1)
            if draw.random() < 0.2:
                reach(person)
        elif draw.random() < 0.03:
            person.cut()
        else:
            try:
                person.hear(0.05)
            except ConnectionClosed:
                person.cut()
    return letters


def reach(person: Person, seconds: float = 30.0) -> None:
    """Connects as soon as somebody answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            return person.connect()
        except (OSError, WebSocketException):
            person.cut()
            if time.monotonic() > end:
                raise
            time.sleep(0.3)


def settled(everybody: list[Person]) -> str:
    """The one text that all have, once everything is kept."""
    for person in everybody:
        if person.page is None:
            reach(person)
    for person in everybody * 2:
        person.settle()
    (text,) = {person.text for person in everybody}
    return text


def draft_of(browser: Browser, experiment: str) -> dict[str, Any]:
    """What the page of somebody new begins with."""
    page = browser.get(f"/experiments/{experiment}/").body.decode()
    data = re.search(r'<script id="page-data" type="application/json">(.*?)</script>', page, re.S)
    assert data
    found: dict[str, Any] = json.loads(data[1])
    return found


def test_people_whose_lines_are_cut_end_with_one_text(
    browser: Browser, instance: Instance, room: str
) -> None:
    with people(browser, room, PEOPLE) as everybody:
        with ThreadPoolExecutor(PEOPLE) as threads:
            letters = "".join(threads.map(type_for_a_while, everybody, range(PEOPLE)))
        text = settled(everybody)
        with people(browser, room, 1) as (newcomer,):
            assert newcomer.text == text
    assert sorted(text) == sorted(letters), "every letter is there, once"
    assert draft_of(browser, room)["spec"]["instruction"] == text


def test_killing_every_program_loses_no_letter_that_a_page_holds(tmp_path: Path) -> None:
    with running(tmp_path / "killed") as killed:
        browser = killed.sign_in()
        experiment = new_experiment(browser)
        with people(browser, experiment, 3) as everybody:
            with ThreadPoolExecutor(3) as threads:
                written = threads.map(type_for_a_while, everybody, range(3))
                time.sleep(SECONDS / 2)
                kill_all(killed)
                killed.start()
                letters = "".join(written)
            text = settled(everybody)
        assert sorted(text) == sorted(letters)
        assert draft_of(browser, experiment)["spec"]["instruction"] == text


def test_people_at_two_web_programs_are_in_one_room(browser: Browser, instance: Instance, room: str) -> None:
    with another_web(instance) as base, people(browser, room, 1) as (here,):
        elsewhere = Browser(base)
        elsewhere.jar = browser.jar
        with people(elsewhere, room, 1) as (there,):
            for one, other in ((here, there), (there, here)):
                assert one.page is not None
                one.page.send("cursor", at={"text": "scope"})
                (member,) = other.until("presence")["members"]
                assert member["at"]["text"] == "scope"
            with ThreadPoolExecutor(2) as threads:
                letters = "".join(threads.map(type_for_a_while, (here, there), range(2)))
            text = settled([here, there])
    assert sorted(text) == sorted(letters), "every letter is there, once"
    assert draft_of(browser, room)["spec"]["instruction"] == text


@contextmanager
def another_web(instance: Instance) -> Iterator[str]:
    """The address of one more web program, at the same database and broker."""
    (web,) = instance.children("uvicorn")
    command, port = read_null(web, "cmdline"), str(free_port())
    command[command.index("--port") + 1] = port
    base = f"http://localhost:{port}"
    environment = dict(line.split("=", 1) for line in read_null(web, "environ")) | {"SITE_URLS": base}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(base), 30, "the second web program")
        yield base
    finally:
        process.terminate()
        process.wait(10)


def read_null(process: int, what: str) -> list[str]:
    return Path(f"/proc/{process}/{what}").read_text().rstrip("\0").split("\0")


def answers(base: str) -> bool:
    try:
        return Browser(base).get("/healthz").status == 200
    except OSError:
        return False


def kill_all(instance: Instance) -> None:
    assert instance.process is not None
    programs = [instance.process.pid, *descendants(instance.process.pid)]
    for program in programs:
        os.kill(program, signal.SIGKILL)
    instance.process.wait()
    wait_until(lambda: not any(map(is_running, programs)), 10, "the end of every program")


def test_a_draft_that_a_program_saves_comes_into_the_room(browser: Browser, room: str) -> None:
    with people(browser, room, 1) as (person,):
        person.write("instruction", 0, "Say it.")
        person.settle()
        version = person.draft_version
        draft = {"draft_version": version, "title": "T", "spec": spec(instruction="Please say it.")}
        assert browser.put(f"/experiments/{room}/draft", draft).status == 200
        wait_until(lambda: person.hear(1.0) and person.text == "Please say it.", 10, "the saved draft")
        assert browser.put(f"/experiments/{room}/draft", draft).status == 409, "an old number saves nothing"


def test_nobody_speaks_for_another(browser: Browser, stranger: Browser, room: str) -> None:
    with people(browser, room, 2) as (one, two):
        assert one.page is not None
        one.page.send("cursor", at={"text": "title"}, user={"id": 1, "name": "Eve"})
        assert one.until("error")["code"] == "bad_frame"
        one.page.send("cursor", at={"text": "title"})
        (member,) = two.until("presence")["members"]
        assert member["at"]["text"] == "title"
        assert member["user"]["name"] == "Ada"
        one.page.send("edit", room=one.room, n=1, update="no base64!")
        assert one.until("error")["code"] == "bad_frame"
        one.page.send("edit", room=one.room, n=1, update=coded(b"no edit"))
        assert one.until("error")["code"] == "bad_frame"
    with pytest.raises(ConnectionClosed):
        Person(stranger, room).connect()


def test_who_leaves_and_who_crashes_is_gone(browser: Browser, room: str) -> None:
    with people(browser, room, 3) as (stays, leaves, crashes):
        for person in (leaves, crashes):
            assert person.page is not None
            person.page.send("cursor")
        seats = {member["seat"] for member in heard(stays, "members", 2)}
        leaves.cut()
        crashes.page.connection.socket.close()  # type: ignore[union-attr]
        assert set(heard(stays, "gone", 2)) == seats


def heard(person: Person, what: str, count: int) -> list[Any]:
    """The first of so many members or seats that presence frames bring, within 20 s."""
    found: list[Any] = []
    end = time.monotonic() + 20
    while len(found) < count and time.monotonic() < end:
        frame = person.hear(1.0)
        if frame and frame["op"] == "presence":
            found += frame[what]
    return found
