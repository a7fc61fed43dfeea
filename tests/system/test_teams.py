"""Teams with the real programs: rights end on open sockets, and the last owner stays whoever is faster."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed

from tests.system.instance import long_spec, start_run
from tests.system.teams import Shared

ROUNDS = 8


def test_a_removed_member_gets_no_further_token(shared: Shared) -> None:
    run = start_run(shared.alice, shared.experiment, long_spec(400))
    bob = shared.id_of(shared.bob)
    with shared.bob.socket(f"?experiment={shared.experiment}") as page, shared.alice.socket() as own:
        seen, whole = page.watch(run), own.watch(run)
        page.until(lambda: seen.tokens > 3)
        assert shared.post(shared.alice, f"members/{bob}/remove").status == 200
        until = time.monotonic() + 2
        while (frame := page.receive(timeout=until - time.monotonic()))["op"] != "error":
            pass
        assert (frame["run"], frame["code"]) == (run, "access_lost")
        before = seen.tokens
        with pytest.raises(ConnectionClosed) as closed:
            page.until(lambda: seen.tokens > before, seconds=5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
        assert seen.tokens == before
        own.until(lambda: whole.tokens > before)  # for Alice it goes on
        own.send("cancel", run=run)
        own.until_end(run)
    assert shared.bob.get(f"/runs/{run}/").status == 404


def test_two_owners_who_demote_each_other_leave_one(shared: Shared) -> None:
    people = (shared.alice, shared.bob)
    ids = [shared.id_of(browser) for browser in people]

    def demote(who: int) -> int:
        return shared.post(people[who], f"members/{ids[1 - who]}", role="viewer").status

    for _ in range(ROUNDS):
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(demote, (0, 1))) == [200, 403]
        statuses = [browser.get(f"/teams/{shared.team}/activity").status for browser in people]
        assert sorted(statuses) == [200, 403]
        first = statuses.index(200)
        shared.post(people[first], f"members/{ids[1 - first]}", role="owner")


def test_two_owners_who_leave_at_once_leave_one(shared: Shared) -> None:
    with ThreadPoolExecutor(2) as pool:
        left = list(pool.map(lambda browser: shared.post(browser, "leave").url, (shared.alice, shared.bob)))
    assert sorted(url.endswith("/experiments/") for url in left) == [False, True]
    statuses = [browser.get(f"/teams/{shared.team}/").status for browser in (shared.alice, shared.bob)]
    assert sorted(statuses) == [200, 404]
