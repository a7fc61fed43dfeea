"""Watching a run: every page shows the same text, whatever becomes of its socket."""

import time

from tests.system.browser import Browser
from tests.system.instance import long_spec, run_of, spec, start_run, watch_to_end
from tests.system.page import Page


def test_the_streamed_text_is_the_stored_text(browser: Browser, experiment: str) -> None:
    run = start_run(browser, experiment, spec())
    seen = watch_to_end(browser, run)
    stored = run_of(browser, run)
    assert seen.end is not None
    assert (seen.end["status"], stored["status"]) == ("succeeded", "succeeded")
    assert seen.text == stored["text"] != ""
    assert seen.tokens == len(stored["tokens"]) == stored["usage"]["completion_tokens"]


def test_a_second_browser_sees_the_same_tokens(browser: Browser, experiment: str) -> None:
    run = start_run(browser, experiment, long_spec(60))
    with browser.socket() as one, browser.socket() as two:
        first, second = one.watch(run), two.watch(run)
        one.until_end(run)
        two.until_end(run)
    assert (first.text, first.tokens, first.end) == (second.text, second.tokens, second.end)


def test_a_reload_in_mid_stream_shows_the_identical_text(browser: Browser, experiment: str) -> None:
    run = start_run(browser, experiment, long_spec(100))
    with browser.socket() as page:
        before = page.watch(run)
        page.until(lambda: before.tokens > 10)
        with browser.socket() as again:
            reloaded = again.watch(run)
            again.until(lambda: reloaded.resets == 1)
            assert reloaded.text.startswith(before.text) or before.text.startswith(reloaded.text)
            again.until_end(run)
    assert reloaded.text == run_of(browser, run)["text"]


def test_a_page_cut_for_five_seconds_resumes_without_gap_or_repeat(browser: Browser, experiment: str) -> None:
    run = start_run(browser, experiment, long_spec(250))
    with browser.socket() as page:
        seen = page.watch(run)
        page.until(lambda: seen.tokens > 10)
    time.sleep(5.0)
    with browser.socket() as back:
        resume(back, run, page)
        back.until_end(run)
    assert seen.resets == 1, "only the first watch, which had no cursor, is answered with the whole text"
    assert seen.text == run_of(browser, run)["text"]


def resume(page: Page, run: str, old: Page) -> None:
    """Goes on with what the old page showed, as the browser's script does."""
    page.runs[run] = old.runs[run]
    page.watch(run, after=old.runs[run].last_id)


def test_a_finished_run_is_shown_whole(browser: Browser, experiment: str) -> None:
    run = start_run(browser, experiment, spec())
    watch_to_end(browser, run)
    seen = watch_to_end(browser, run)
    assert (seen.resets, seen.text) == (1, run_of(browser, run)["text"])


def test_a_cursor_above_the_tape_gets_the_whole_text(browser: Browser, experiment: str) -> None:
    run = start_run(browser, experiment, spec())
    watch_to_end(browser, run)
    with browser.socket() as page:
        seen = page.watch(run, after="1-999999")
        page.until_end(run)
    assert seen.text == run_of(browser, run)["text"]


def test_the_history_lists_the_run(browser: Browser, experiment: str) -> None:
    run = start_run(browser, experiment, spec())
    watch_to_end(browser, run)
    history = browser.get(f"/experiments/{experiment}/history", Accept="text/html").body.decode()
    assert run in history
