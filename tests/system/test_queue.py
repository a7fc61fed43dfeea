"""Many runs: fair order between users, and a batch in which everybody gets their own text."""

from contextlib import suppress

import pytest

from tests.system.browser import Browser
from tests.system.instance import Instance, first_experiment, long_spec, run_of, start_run
from tests.system.page import Page

TOPICS = ["a baker", "a pilot", "a queen", "a miner", "a nurse", "a thief", "a clown", "a judge"]
FLOOD = 26  # ten more than one engine takes at once


def test_one_users_flood_does_not_keep_another_user_waiting(
    instance: Instance, browser: Browser, stranger: Browser, experiment: str
) -> None:
    flood = {start_run(browser, experiment, long_spec(40)) for _ in range(FLOOD)}
    single = start_run(stranger, first_experiment(stranger), long_spec(10))
    behind = instance.rows("SELECT id FROM playground_run WHERE status = 'queued'")
    assert len(flood & {str_of(row[0]) for row in behind}) >= 4, "the flood was served too fast to tell"
    instance.wait_quiet()
    started = dict(instance.rows("SELECT id, started_at FROM playground_run"))
    mine = started.pop(single.replace("-", ""))
    assert all(mine < started[row[0]] for row in behind if row[0] in started)


def str_of(compact: str) -> str:
    """The id as the web shows it; SQLite stores it without dashes."""
    return "-".join([compact[:8], compact[8:12], compact[12:16], compact[16:20], compact[20:]])


@pytest.fixture(scope="module")
def eight(browser: Browser, experiment: str) -> list[str]:
    """Eight runs that streamed together."""
    return [start_run(browser, experiment, long_spec(200, topic)) for topic in TOPICS]


def test_eight_runs_together_each_get_their_own_text(browser: Browser, eight: list[str]) -> None:
    with browser.socket() as page:
        seen = [page.watch(run) for run in eight]
        page.until(lambda: all(one.end for one in seen), 90)
    assert [one.text for one in seen] == [run_of(browser, run)["text"] for run in eight]
    assert len({one.text for one in seen}) == 8


def test_a_page_that_confirms_nothing_is_sent_one_window_and_no_more(
    instance: Instance, browser: Browser, experiment: str, eight: list[str]
) -> None:
    query = "SELECT id FROM playground_run WHERE experiment_id = ? ORDER BY completion_tokens DESC LIMIT 40"
    runs = {str_of(row[0]) for row in instance.rows(query, experiment.replace("-", ""))}
    with browser.socket() as page:
        sent: dict[str, str] = {}
        for run in runs:
            page.send("watch", run=run, after=None)
        take_what_comes(page, sent)
        assert 0 < len(sent) < len(runs), "what 40 runs hold is more than one window"
        while set(sent) != runs:
            known = len(sent)
            for run, last in sent.items():
                page.send("ack", run=run, id=last)
            take_what_comes(page, sent)
            assert len(sent) > known, "a window that was confirmed lets more through"


def take_what_comes(page: Page, sent: dict[str, str]) -> None:
    """Notes the newest frame of every run until the server has said nothing for a second."""
    with suppress(TimeoutError):
        while True:
            frame = page.receive(timeout=1.0)
            sent[frame["run"]] = frame["id"]
