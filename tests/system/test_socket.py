"""The page's socket against other sites, rubbish and floods: typed errors, and it lives."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.system.browser import Browser
from tests.system.instance import Instance, long_spec, start_run
from tests.system.page import Page

QUICK = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FRAMES: list[dict[str, Any]] = [
    {"op": "watch", "run": str(uuid.uuid4()), "after": "1-42"},
    {"op": "watch", "run": str(uuid.uuid4()), "after": None},
    {"op": "unwatch", "run": str(uuid.uuid4())},
    {"op": "cancel", "run": str(uuid.uuid4())},
    {"op": "ack", "run": str(uuid.uuid4()), "id": "1-1"},
    {"op": "ping"},
]
KNOWN_CODES = {"bad_frame", "not_found"}


def refusal_of(browser: Browser, **options: Any) -> int:
    """The HTTP status of a socket that is not let in."""
    with pytest.raises(InvalidStatus) as caught:
        browser.socket(**options)
    return caught.value.response.status_code


ORIGINS: dict[str, Callable[[int], str | None]] = {
    "another site": lambda port: "https://evil.example",
    "another port": lambda port: f"http://localhost:{port + 1}",
    "no port": lambda port: "http://localhost",
    "another scheme": lambda port: f"https://localhost:{port}",
    "a longer name": lambda port: f"http://localhost:{port}.evil.example",
    "null": lambda port: "null",
    "none": lambda port: None,
}


@pytest.mark.parametrize("origin", ORIGINS.values(), ids=ORIGINS)
def test_a_socket_from_elsewhere_is_refused(
    instance: Instance, browser: Browser, origin: Callable[[int], str | None]
) -> None:
    assert refusal_of(browser, origin=origin(instance.port)) == 403


def test_a_foreign_host_name_is_refused(browser: Browser) -> None:
    assert browser.get("/experiments/", Host="evil.example").status == 400


def test_cookies_of_other_programs_do_no_harm(browser: Browser) -> None:
    cookies = f"a/b=1; {{c}}=[2]; =; ;;; {browser.cookie_header()}; last@one=3"
    with browser.socket(additional_headers={"Cookie": cookies}) as page:
        page.send("ping")
        assert page.receive()["op"] == "pong"


def closed_with(page: Page, seconds: float = 10) -> int:
    """The code that the server closes this socket with."""
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            page.receive(timeout=seconds)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0
    raise AssertionError(f"not closed within {seconds} s")


class Prober:
    """Sends frames on a socket that is renewed before bad ones become too many."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.page = browser.socket()
        self.sent = 0

    def replies(self, frame: str | bytes) -> list[dict[str, Any]]:
        """What comes back for ``frame``, up to the pong of a ping behind it."""
        self.sent += 1
        if self.sent % 15 == 0:
            self.page.close()
            self.page = self.browser.socket()
        self.page.connection.send(frame)
        self.page.send("ping")
        found = []
        while (reply := self.page.receive())["op"] != "pong":
            found.append(reply)
        return found


@pytest.fixture
def prober(browser: Browser) -> Iterator[Prober]:
    prober = Prober(browser)
    yield prober
    prober.page.close()


def is_frame(value: Any) -> bool:
    return isinstance(value, dict) and value.get("op") in {frame["op"] for frame in FRAMES}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
rubbish = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).filter(lambda text: '"op"' not in text),
    json_values.filter(lambda value: not is_frame(value)).map(json.dumps),
    st.integers(1, 60_000).map(lambda depth: "[" * depth),
)


@QUICK
@given(frame=rubbish)
def test_rubbish_gets_one_typed_error_and_the_socket_lives(prober: Prober, frame: str | bytes) -> None:
    (reply,) = prober.replies(frame)
    assert (reply["op"], reply["code"]) == ("error", "bad_frame")
    assert reply["message"]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A valid frame with one member changed, dropped or added; never a ping, whose pong marks the end."""
    frame = dict(draw(st.sampled_from(FRAMES[:-1])))
    name = draw(st.sampled_from([*frame, "extra"]))
    values = json_values | st.sampled_from(["", "0-0", "1-", "-1", "99999999999999999999-1", "1-1-1", "١-١"])
    if draw(st.booleans()):
        frame.pop(name, None)
    else:
        frame[name] = draw(values.filter(lambda value: value != "ping"))
    return frame


@QUICK
@given(frame=mutated())
def test_a_changed_frame_gets_at_most_typed_errors_and_the_socket_lives(
    prober: Prober, frame: dict[str, Any]
) -> None:
    for reply in prober.replies(json.dumps(frame)):
        assert (reply["op"], reply["code"] in KNOWN_CODES) == ("error", True), reply


def test_frames_in_the_wrong_order_do_no_harm(browser: Browser, experiment: str) -> None:
    run = start_run(browser, experiment, long_spec(30))
    with browser.socket() as page:
        page.send("ack", run=run, id="9-9")
        page.send("unwatch", run=run)
        for _ in range(5):
            page.send("watch", run=run, after=None)
            page.send("unwatch", run=run)
        page.watch(run)
        assert page.until_end(run).tokens == 30


def test_too_many_bad_frames_close_the_socket(browser: Browser) -> None:
    with browser.socket() as page:
        for _ in range(25):
            page.connection.send("rubbish")
        assert closed_with(page) == 4400
    assert [error["code"] for error in page.errors] == ["bad_frame"] * 21


def test_a_flood_closes_the_socket(browser: Browser) -> None:
    with browser.socket() as page:
        try:
            for _ in range(2000):
                page.send("ping")
        except ConnectionClosed:
            pass
        assert closed_with(page) == 4429
    assert page.errors[-1]["code"] == "too_fast"


def test_a_frame_above_the_limit_closes_the_socket(browser: Browser) -> None:
    with browser.socket() as page:
        page.send("watch", run="x" * 300_000)
        assert closed_with(page) == 1009


def test_a_text_frame_that_is_no_text_closes_the_socket(browser: Browser) -> None:
    with browser.socket() as page:
        page.connection.send(b"\xff\xfe", text=True)
        assert closed_with(page) == 1007


def test_nobody_is_told_to_sign_in(instance: Instance) -> None:
    with Browser(instance.base).socket() as page:
        assert closed_with(page) == 4401
    assert page.errors[-1]["code"] == "signed_out"


def test_signing_out_closes_open_sockets(instance: Instance) -> None:
    leaving = instance.sign_in()
    with leaving.socket() as busy, leaving.socket() as idle:
        busy.send("ping")
        assert busy.receive()["op"] == "pong"
        leaving.form("/accounts/logout/")
        busy.send("watch", run=str(uuid.uuid4()), after=None)
        assert closed_with(busy) == 4401
        assert closed_with(idle) == 4401
