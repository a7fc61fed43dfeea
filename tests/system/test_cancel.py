"""Stopping a run, in every phase and from many places at once: one end, and nobody else is hurt."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.system.browser import Answer, Browser
from tests.system.instance import Instance, long_spec, run_of, spec, start_run, watch_to_end


def stop(browser: Browser, run: str) -> Answer:
    return browser.post(f"/runs/{run}/cancel")


def assert_stopped(browser: Browser, run: str) -> dict[str, Any]:
    stored = run_of(browser, run)
    assert (stored["status"], stored["finish_reason"]) == ("cancelled", "cancelled")
    assert stored["error"] == {"code": "cancelled", "message": "Stopped."}
    return stored


def test_a_run_stopped_in_mid_stream_keeps_its_text_and_leaves_others_alone(
    browser: Browser, experiment: str
) -> None:
    run, other = (start_run(browser, experiment, long_spec(150)) for _ in range(2))
    with browser.socket() as page:
        seen, neighbour = page.watch(run), page.watch(other)
        page.until(lambda: seen.tokens > 10)
        began = time.monotonic()
        assert stop(browser, run).status == 202
        page.until_end(run, 10)
        print(f"cancel to stop: {(time.monotonic() - began) * 1000:.0f} ms")
        page.until_end(other)
    stored = assert_stopped(browser, run)
    assert seen.text == stored["text"] != ""
    assert stored["usage"]["completion_tokens"] == len(stored["tokens"]) < 150
    assert (neighbour.tokens, run_of(browser, other)["status"]) == (150, "succeeded")


def test_a_waiting_run_stops_at_once(instance: Instance, browser: Browser, experiment: str) -> None:
    runs = [start_run(browser, experiment, long_spec(150)) for _ in range(18)]  # an engine takes sixteen
    waiting = stop(browser, runs[-1])
    assert (waiting.status, waiting.json()["run"]["status"]) == (200, "cancelled")
    for run in runs[:-1]:
        stop(browser, run)
    instance.wait_quiet(20)
    for run in runs:
        assert_stopped(browser, run)
    assert run_of(browser, runs[-1])["text"] == ""


def test_a_run_stopped_while_its_prompt_is_read_stops(browser: Browser, experiment: str) -> None:
    words = {"input": "storm " * 1500}
    run = start_run(browser, experiment, long_spec(300, input=words))
    assert stop(browser, run).status in (200, 202)
    seen = watch_to_end(browser, run, 20)
    assert seen.tokens < 20
    assert_stopped(browser, run)


def test_stopping_an_ended_run_changes_nothing(browser: Browser, experiment: str) -> None:
    run = start_run(browser, experiment, spec())
    watch_to_end(browser, run)
    before = run_of(browser, run)
    answer = stop(browser, run)
    assert (answer.status, answer.json()["run"]["status"]) == (200, "succeeded")
    assert run_of(browser, run) == before


def test_two_pages_that_stop_one_run_see_the_same_end(browser: Browser, experiment: str) -> None:
    run = start_run(browser, experiment, long_spec(150))
    with browser.socket() as one, browser.socket() as two:
        first, second = one.watch(run), two.watch(run)
        one.until(lambda: first.tokens > 5)
        for page in (one, two, two, one):
            page.send("cancel", run=run)
        one.until_end(run, 10)
        two.until_end(run, 10)
    assert (first.text, first.end) == (second.text, second.end)
    assert first.text == assert_stopped(browser, run)["text"]


def test_twenty_stops_at_once_race_the_end_without_a_wrong_state(browser: Browser, experiment: str) -> None:
    runs = [start_run(browser, experiment, long_spec(tokens)) for tokens in range(2, 22)]
    with ThreadPoolExecutor(20) as pool:
        statuses = {answer.status for answer in pool.map(lambda run: stop(browser, run), runs)}
    assert statuses <= {200, 202}
    for run in runs:
        seen = watch_to_end(browser, run, 20)
        stored = run_of(browser, run)
        assert seen.end is not None
        assert (seen.text, seen.end["status"]) == (stored["text"], stored["status"])
        assert stored["status"] in ("cancelled", "succeeded")
