"""valkey dies in mid-stream, with and without what it held: no text is lost, and work goes on."""

import time

import pytest

from tests.system.browser import Browser
from tests.system.instance import Instance, long_spec, run_of, start_run, wait_until, watch_to_end

BACK = 15  # seconds until a new run is taken again


@pytest.mark.parametrize("keeps_its_file", [True, False])
def test_a_broker_killed_in_mid_stream_costs_no_text(
    instance: Instance, browser: Browser, experiment: str, keeps_its_file: bool
) -> None:
    run = start_run(browser, experiment, long_spec(150))
    with browser.socket() as page:
        seen = page.watch(run)
        page.until(lambda: seen.tokens > 10)
        if not keeps_its_file:
            empty(instance)
        instance.kill_broker()
        page.until_end(run)
    stored = run_of(browser, run)
    assert (stored["status"], stored["attempt"]) == ("succeeded", 1)
    assert seen.text == stored["text"] != ""
    assert_taken_again(browser, experiment)


def empty(instance: Instance) -> None:
    with instance.broker() as broker:
        broker.flushall()


def assert_taken_again(browser: Browser, experiment: str) -> None:
    began = time.monotonic()
    run = start_run(browser, experiment, long_spec(5))
    seen = watch_to_end(browser, run, BACK)
    assert seen.end is not None
    assert seen.end["status"] == "succeeded"
    print(f"a new run ended {time.monotonic() - began:.1f} s after it was sent")


def test_a_tape_lost_in_mid_stream_begins_again_with_everything(
    instance: Instance, browser: Browser, experiment: str
) -> None:
    run = start_run(browser, experiment, long_spec(100))
    with browser.socket() as page:
        seen = page.watch(run)
        page.until(lambda: seen.tokens > 10)
        empty(instance)
        page.until(lambda: seen.resets > 1, 10)
        late = watch_to_end(browser, run)
        page.until_end(run)
    assert seen.text == late.text == run_of(browser, run)["text"]


def test_a_tape_that_lost_its_middle_is_healed_from_the_row(
    instance: Instance, browser: Browser, experiment: str
) -> None:
    run = start_run(browser, experiment, long_spec(60))
    with browser.socket() as page:
        seen = page.watch(run)
        page.until(lambda: seen.tokens > 30)
    with instance.broker() as broker:
        entries = broker.xrange(f"run:{run}", min="1-3", max="1-20")
        assert broker.xdel(f"run:{run}", *(entry[0] for entry in entries)) > 3
    late = watch_to_end(browser, run)
    assert late.text == run_of(browser, run)["text"]


def test_a_run_sent_while_the_broker_is_down_is_taken_when_it_is_back(
    instance: Instance, browser: Browser, experiment: str
) -> None:
    instance.kill_broker()
    run = start_run(browser, experiment, long_spec(5))
    assert watch_to_end(browser, run, 20).text == run_of(browser, run)["text"] != ""
    wait_until(lambda: instance.health().status == 200, 5, "health 200")
