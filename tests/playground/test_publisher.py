"""Lines on their way to a real tape: in order, once, fenced, and rebuilt when the tape is lost."""

import time
import uuid
from collections.abc import Iterator

import pytest
import redis

from playground import events
from playground.events import EntryId, Written
from playground.models import Run
from playground.publisher import Publisher
from tests.system.instance import wait_until

pytestmark = [pytest.mark.usefixtures("valkey"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.stop()


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with events.connect() as client:
        yield client


def tape(client: redis.Redis, run: Run) -> list[events.Entry]:
    return events.next_entries(client, run.pk, EntryId(0, 0), wait=0.05)


def record(text: str) -> dict[str, object]:
    return {"t": text, "id": 1, "lp": -0.1, "rank": 1, "top": []}


def written(client: redis.Redis, run: Run, kind: str) -> None:
    wait_until(
        lambda: any(entry.event["type"] == kind for entry in tape(client, run)), 3, f"{kind} on the tape"
    )


def text_of(entries: list[events.Entry]) -> str:
    return "".join(entry.event.get("text", "") for entry in entries)


def test_tokens_arrive_in_order_and_once(publisher: Publisher, client: redis.Redis, run: Run) -> None:
    line = publisher.open(run)
    line.start(3, 0)
    for number in range(50):
        line.token(record(f"{number} "))
        time.sleep(0.002)
    line.end({"status": "succeeded"})
    written(client, run, "end")
    entries = tape(client, run)
    assert text_of(entries) == "".join(f"{number} " for number in range(50))
    assert [entry.id for entry in entries] == [EntryId(1, seq) for seq in range(1, len(entries) + 1)]
    assert 2 < len(entries) < 30, "tokens of one flush share an entry"
    assert client.ttl(events.tape_key(run.pk)) > 0


def test_an_older_attempt_is_fenced(publisher: Publisher, client: redis.Redis, run: Run) -> None:
    line = publisher.open(run)
    line.start(3, 0)
    written(client, run, "start")
    client.xadd(events.tape_key(run.pk), {"e": '{"type":"start"}'}, id="2-1")
    line.token(record("late"))
    wait_until(line.fenced.is_set, 3, "the fence")
    assert "late" not in text_of(tape(client, run))


def test_a_lost_tape_begins_again_with_everything(
    publisher: Publisher, client: redis.Redis, run: Run
) -> None:
    run.claim(uuid.uuid4())
    line = publisher.open(run)
    line.start(3, 0)
    line.token(record("a"))
    written(client, run, "delta")
    client.delete(events.tape_key(run.pk))
    line.token(record("b"))
    line.end({"status": "succeeded"})
    written(client, run, "end")
    entries = tape(client, run)
    assert entries[0].event["type"] == "snapshot"
    assert text_of(entries) == "ab"


def test_a_lost_tape_of_a_lost_lease_stays_lost(publisher: Publisher, client: redis.Redis, run: Run) -> None:
    run.claim(uuid.uuid4())
    line = publisher.open(run)
    line.start(3, 0)
    written(client, run, "start")
    run.hand_back()
    client.delete(events.tape_key(run.pk))
    line.token(record("late"))
    wait_until(line.fenced.is_set, 3, "the fence")
    assert not client.exists(events.tape_key(run.pk))


def test_a_cancel_request_reaches_the_line(publisher: Publisher, run: Run) -> None:
    line = publisher.open(run)
    line.start(3, 0)
    events.ask_to_cancel(run.pk)
    wait_until(line.cancel_asked.is_set, 2, "the request")


def test_a_delta_never_begins_a_tape(client: redis.Redis) -> None:
    append = events.Append(uuid.uuid4(), EntryId(1, 1), {"type": "delta", "tokens": []}, 64)
    assert events.append_all(client, [append], []) == ([Written.NO_TAPE], set())


def test_an_id_that_is_not_above_the_top_is_refused(client: redis.Redis) -> None:
    append = events.Append(uuid.uuid4(), EntryId(1, 1), {"type": "start"}, 64)
    results = [events.append_all(client, [append], [])[0][0] for _ in range(2)]
    assert results == [Written.YES, Written.REFUSED]
