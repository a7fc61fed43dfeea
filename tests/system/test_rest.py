"""``/api/`` over real connections: events that are taken up where they broke off, and end with their key."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.system.instance import Instance, long_spec
from tests.system.test_api_faults import new_key

LONG = 240  # tokens; some seconds of writing


class Told(NamedTuple):
    id: str
    event: str
    data: dict[str, Any]


def program_of(instance: Instance, key: str) -> httpx2.Client:
    return httpx2.Client(
        base_url=f"{instance.base}/api/", headers={"Authorization": f"Bearer {key}"}, timeout=60
    )


@pytest.fixture
def program(instance: Instance) -> Iterator[httpx2.Client]:
    with program_of(instance, new_key(instance, "--scopes", "read", "run", "write")) as program:
        yield program


@pytest.fixture
def run(program: httpx2.Client) -> Iterator[str]:
    """One that is being written."""
    experiment = program.post("experiments", json={"title": "Streams"}).json()["id"]
    made = program.post(f"experiments/{experiment}/runs", json={"spec": long_spec(LONG)})
    assert made.status_code == 201, made.text
    yield made.json()["id"]
    program.post(f"runs/{made.json()['id']}/cancel")


def events_of(program: httpx2.Client, run: str, after: str = "") -> Iterator[Told]:
    headers = {"Last-Event-ID": after} if after else {}
    with program.stream("GET", f"runs/{run}/events", headers=headers) as answer:
        assert answer.status_code == 200
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                yield Told(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
                fields = {}


def text_of(told: list[Told]) -> str:
    return "".join(one.data["text"] for one in told if one.event == "delta")


def test_a_broken_stream_is_taken_up_without_gap_or_repeat(program: httpx2.Client, run: str) -> None:
    before: list[Told] = []
    for told in (stream := events_of(program, run)):
        if told.event == "reset":
            before = []
        before.append(told)
        if len([one for one in before if one.event == "delta"]) == 5:
            break
    stream.close()  # type: ignore[attr-defined]  # hangs up, which stops nothing
    rest = list(events_of(program, run, before[-1].id))
    assert {one.event for one in rest} == {"delta", "end"}
    start = next((one.data["snapshot"]["text"] for one in before if one.event == "reset"), "")
    whole = program.get(f"runs/{run}").json()
    assert whole["status"] == "succeeded"
    assert start + text_of(before) + text_of(rest) == whole["text"]
    again = list(events_of(program, run, rest[-1].id))
    assert [one.event for one in again] == ["end"]


def test_a_revoked_key_ends_the_stream_and_not_the_run(
    instance: Instance, program: httpx2.Client, run: str
) -> None:
    key = new_key(instance, "--scopes", "read")
    listed = instance.manage("apikey", "list").stdout.splitlines()
    (row,) = [line for line in listed if key[:11] in line]
    with program_of(instance, key) as reader:
        stream = events_of(reader, run)
        next(stream)
        instance.manage("apikey", "revoke", row.split()[0])
        last = list(stream)[-1]
        assert last.event == "error"
        assert "revoked" in last.data["message"]
        assert reader.get(f"runs/{run}").status_code == 401
    assert program.get(f"runs/{run}").json()["status"] in ("running", "succeeded")
