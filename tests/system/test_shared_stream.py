"""One stream for all: what one starts, all in the room hear of, may watch, and may stop if they may run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.system.browser import Browser
from tests.system.instance import Instance, long_spec, run_of, start_run
from tests.system.page import Page
from tests.system.teams import Shared, team_of_two


@contextmanager
def in_room(browser: Browser, experiment: str) -> Iterator[Page]:
    with browser.socket(f"?experiment={experiment}") as page:
        page.send("join")
        frame_of(page, "joined")
        yield page


def frame_of(page: Page, op: str) -> dict[str, Any]:
    while (frame := page.receive(timeout=60))["op"] != op:
        pass
    return frame


def test_the_room_hears_of_a_run_its_tokens_and_its_end(shared: Shared) -> None:
    with in_room(shared.bob, shared.experiment) as page:
        run = start_run(shared.alice, shared.experiment, long_spec(60))
        row = frame_of(page, "note")["row"]
        assert (row["id"], row["status"], row["shots"]) == (run, "queued", 0)
        assert row["user_name"].startswith("alice")
        seen, ended = page.watch(run), row
        while not seen.end or ended["status"] == "queued":  # the end and the news of it come on two ways
            frame = page.receive(timeout=60)
            ended = frame["row"] if frame["op"] == "note" else ended
    stored = run_of(shared.alice, run)
    assert seen.text == stored["text"]
    assert (ended["id"], ended["status"]) == (run, "succeeded")
    assert stored["text"].startswith(ended["preview"])


def test_an_editor_stops_a_colleagues_run_and_no_other(shared: Shared) -> None:
    with in_room(shared.bob, shared.experiment) as page:
        runs = [start_run(shared.alice, shared.experiment, long_spec(300)) for _ in range(2)]
        seen = [page.watch(run) for run in runs]
        page.until(lambda: all(one.tokens > 3 for one in seen))
        page.send("cancel", run=runs[0])
        assert page.until_end(runs[0]).end["status"] == "cancelled"  # type: ignore[index]
        assert seen[1].end is None
        page.send("cancel", run=runs[1])
        page.until_end(runs[1])


def test_a_viewer_watches_and_cannot_stop(instance: Instance) -> None:
    team = team_of_two(instance, role="viewer")
    with in_room(team.bob, team.experiment) as page:
        run = start_run(team.alice, team.experiment, long_spec(24))
        seen = page.watch(run)
        page.until(lambda: seen.tokens > 3)
        page.send("cancel", run=run)
        assert frame_of(page, "error")["code"] == "forbidden"
        assert page.until_end(run).end["status"] == "succeeded"  # type: ignore[index]
