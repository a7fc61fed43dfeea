"""Sending a run: once under one key, and whatever is wrong is refused in one sentence with nothing stored."""

import http.client
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.system.browser import Answer, Browser
from tests.system.instance import Instance, long_spec, spec, watch_to_end

MIB = 1024 * 1024
TABLES = ("run", "version", "experiment")


def send(browser: Browser, experiment: str, body: bytes, key: str = "") -> Answer:
    headers = {"Content_Type": "application/json", "Idempotency_Key": key or str(uuid.uuid4())}
    return browser.send("POST", f"/experiments/{experiment}/runs", body, headers)


def send_spec(browser: Browser, experiment: str, wanted: dict[str, Any], key: str = "") -> Answer:
    return send(browser, experiment, json.dumps({"spec": wanted}).encode(), key)


def counts(instance: Instance) -> list[int]:
    return [instance.rows(f"SELECT count(*) FROM playground_{table}")[0][0] for table in TABLES]


@pytest.fixture
def nothing_stored(instance: Instance) -> Any:
    """No row may come to be while the test runs."""
    before = counts(instance)
    yield
    assert counts(instance) == before


def assert_refused(answer: Answer, status: int, code: str) -> str:
    """One typed error with a sentence; returns the sentence."""
    assert answer.status == status, answer.body[:300]
    error = answer.json()["error"]
    assert error["code"] == code, error
    message: str = error["message"]
    assert message.endswith((".", "?"))
    assert len(message) < 400
    return message


def test_one_key_sent_fifty_times_at_once_makes_one_run(
    instance: Instance, browser: Browser, experiment: str
) -> None:
    before, key = counts(instance)[0], str(uuid.uuid4())
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: send_spec(browser, experiment, spec(), key), range(50)))
    assert sorted(answer.status for answer in answers) == [200] * 49 + [201]
    (run,) = {answer.json()["run"]["id"] for answer in answers}
    assert counts(instance)[0] == before + 1
    watch_to_end(browser, run)
    assert send_spec(browser, experiment, spec(), key).json()["run"]["id"] == run


def test_one_key_with_another_request_is_a_conflict(browser: Browser, experiment: str) -> None:
    key = str(uuid.uuid4())
    assert send_spec(browser, experiment, spec(), key).status == 201
    assert_refused(send_spec(browser, experiment, long_spec(), key), 409, "idempotency_conflict")


@pytest.mark.usefixtures("nothing_stored")
def test_a_run_needs_a_key(browser: Browser, experiment: str) -> None:
    answer = browser.post(f"/experiments/{experiment}/runs", {"spec": spec()})
    assert_refused(answer, 400, "idempotency_key")


@pytest.mark.usefixtures("nothing_stored")
def test_a_prompt_too_long_is_refused_with_counts_and_a_cure(browser: Browser, experiment: str) -> None:
    answer = send_spec(browser, experiment, spec(input={"review": "loud " * 3000}))
    message = assert_refused(answer, 422, "prompt_too_long")
    told = answer.json()["counts"]
    for count in (told["prompt"], told["reserved"], told["over"], told["window"]):
        assert f"{count:,}" in message
    assert told["over"] == told["prompt"] + told["reserved"] - told["window"] > 0
    assert "Reserve less, or drop the last example" in message


@pytest.mark.usefixtures("nothing_stored")
def test_an_unknown_model_is_refused_with_the_names_there_are(browser: Browser, experiment: str) -> None:
    answer = send_spec(browser, experiment, spec(model="no-such-model"))
    assert "smollm2-135m-instruct" in assert_refused(answer, 422, "unknown_model")


WRONG_SETTINGS: list[dict[str, Any]] = [
    *({"max_new_tokens": value} for value in (0, -1, 4097, 2.5, "many", None)),
    *({"temperature": value} for value in (0, -1, 5.01, "hot")),
    *({"top_k": value} for value in (-1, 1001, 1.5)),
    *({"top_p": value} for value in (0, -0.1, 1.01)),
    *({"stop": value} for value in ([""], ["x"] * 9, ["x" * 65], "x", [1])),
    *({"seed": value} for value in (-1, 2**32, "s")),
    {"mode": "beam"},
    {"no_such_setting": 1},
]


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("wrong", WRONG_SETTINGS, ids=str)
def test_settings_out_of_range_are_refused_by_name(
    browser: Browser, experiment: str, wrong: dict[str, Any]
) -> None:
    answer = send_spec(browser, experiment, spec(settings=wrong))
    assert_refused(answer, 422, "invalid")
    assert answer.json()["error"]["field"].startswith(f"spec.settings.{next(iter(wrong))}")


WRONG_SPECS: dict[str, dict[str, Any]] = {
    "NUL in a name": {"output_name": "a\x00b"},
    "NUL in a text": {"instruction": "a\x00b"},
    "too many examples": {"examples": [{"id": str(number)} for number in range(1001)]},
    "example ids twice": {"examples": [{"id": "a"}, {"id": "a"}]},
    "no fields": {"fields": []},
    "a mebibyte of emoji": {"input": {"review": "🙂" * (MIB // 4)}},
    "number for text": {"instruction": 5},
    "unknown layout": {"layout": "poem"},
}


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("wrong", WRONG_SPECS.values(), ids=WRONG_SPECS)
def test_a_wrong_spec_is_refused(browser: Browser, experiment: str, wrong: dict[str, Any]) -> None:
    answer = send_spec(browser, experiment, spec(**wrong))
    assert_refused(answer, 422, "invalid")
    assert answer.json()["error"]["field"].startswith("spec")


@pytest.mark.usefixtures("nothing_stored")
def test_emoji_below_the_text_limit_are_counted_and_refused(browser: Browser, experiment: str) -> None:
    answer = send_spec(browser, experiment, spec(input={"review": "🙂" * 190_000}))
    assert_refused(answer, 422, "prompt_too_long")


@pytest.mark.usefixtures("nothing_stored")
def test_a_prompt_of_nothing_is_refused(browser: Browser, experiment: str) -> None:
    answer = send_spec(browser, experiment, spec(instruction=" ", examples=[], input={"review": "\n"}))
    assert_refused(answer, 422, "empty_prompt")


WRONG_BODIES = {
    "nothing": b"",
    "not JSON": b"spec",
    "cut JSON": b'{"spec": {',
    "not Unicode": b'{"spec": "\xff\xfe"}',
    "lone surrogate": b'{"spec": {"instruction": "\\ud800", "model": "m"}}',
    "deep": b"[" * 100_000,
    "deep object": b'{"spec":' * 100_000,
    "not a number": b'{"spec": {"settings": {"temperature": NaN1}}}',
}


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_a_body_that_is_not_json_is_refused(browser: Browser, experiment: str, body: bytes) -> None:
    assert_refused(send(browser, experiment, body), 400, "bad_json")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'{"spec": null}', b'{"spec": {}, "more": 1}'])
def test_json_of_another_shape_is_refused(browser: Browser, experiment: str, body: bytes) -> None:
    assert_refused(send(browser, experiment, body), 422, "invalid")


@pytest.mark.usefixtures("nothing_stored")
def test_a_body_of_ten_mebibytes_is_refused(browser: Browser, experiment: str) -> None:
    assert_refused(post_raw(browser, experiment, [b" " * MIB] * 10, chunked=False), 413, "too_large")


@pytest.mark.usefixtures("nothing_stored")
def test_a_body_that_hides_its_length_is_refused(browser: Browser, experiment: str) -> None:
    assert_refused(post_raw(browser, experiment, [b" " * MIB] * 10, chunked=True), 413, "too_large")


def post_raw(browser: Browser, experiment: str, parts: list[bytes], chunked: bool) -> Answer:
    """A POST whose answer is read even when the server stops reading before the end."""
    connection = http.client.HTTPConnection(browser.base.removeprefix("http://"), timeout=20)
    connection.putrequest("POST", f"/experiments/{experiment}/runs")
    headers = {"Cookie": browser.cookie_header(), "Origin": browser.base}
    headers["X-CSRFToken"] = browser.cookie("csrf")
    length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(sum(map(len, parts)))}
    for name, value in (headers | length | {"Content-Type": "application/json"}).items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        for part in parts:
            connection.send(f"{len(part):x}\r\n".encode() + part + b"\r\n" if chunked else part)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the answer came before the end of the body
    answer = connection.getresponse()
    return Answer(answer.status, answer.read(), answer.headers, "")


def test_odd_but_whole_text_comes_back_unchanged(browser: Browser, experiment: str) -> None:
    odd = "‮right to left‬ zero​width 👩‍👩‍👧 <script>alert(1)</script> {{field}} <|im_end|>"
    answer = send_spec(browser, experiment, spec(input={"review": odd}))
    assert answer.status == 201
    stored = browser.get(f"/runs/{answer.json()['run']['id']}/").json()["run"]
    assert stored["spec"]["input"] == {"review": odd}
    assert odd in stored["prompt_text"]


@pytest.mark.usefixtures("nothing_stored")
def test_what_belongs_to_others_is_not_there(browser: Browser, stranger: Browser, experiment: str) -> None:
    assert_refused(send_spec(stranger, experiment, spec()), 404, "not_found")
    assert_refused(send_spec(browser, str(uuid.uuid4()), spec()), 404, "not_found")
    assert_refused(stranger.get(f"/experiments/{experiment}/"), 404, "not_found")
    assert_refused(stranger.get(f"/experiments/{experiment}/history"), 404, "not_found")
    draft = {"draft_version": 1, "title": "Mine", "spec": spec()}
    assert_refused(stranger.put(f"/experiments/{experiment}/draft", draft), 404, "not_found")


def test_the_run_of_another_team_is_not_there(browser: Browser, stranger: Browser, experiment: str) -> None:
    run = send_spec(browser, experiment, spec()).json()["run"]["id"]
    assert_refused(stranger.get(f"/runs/{run}/"), 404, "not_found")
    assert_refused(stranger.post(f"/runs/{run}/cancel"), 404, "not_found")
    with stranger.socket() as page:
        for op in ("watch", "cancel"):
            page.send(op, run=run)
            assert page.receive()["code"] == "not_found"
    assert watch_to_end(browser, run).end is not None


def test_a_stranger_without_an_account_gets_nothing(instance: Instance, experiment: str) -> None:
    nobody = Browser(instance.base)
    nobody.get("/accounts/login/", Accept="text/html")  # sets the CSRF cookie
    assert_refused(send_spec(nobody, experiment, spec()), 401, "signed_out")
    assert nobody.get(f"/experiments/{experiment}/", Accept="text/html").url.split("?")[0].endswith("/login/")
