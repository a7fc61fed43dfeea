"""A comparison on the real model: its cells end and read right, single runs overtake it, and it stops."""

import uuid
from typing import Any

import pytest

from playground.actions import imports
from tests.system.browser import Browser
from tests.system.instance import Instance, long_spec, run_of, spec, start_run, watch_to_end

REVIEWS = ["The strap broke on the first day.", "I would buy it again.", "It came late, but it works well."]


def make(browser: Browser, experiment: str, columns: list[dict[str, Any]], rows: list[dict[str, str]]) -> str:
    body = {"columns": [{"spec": column} for column in columns], "rows": rows}
    answer = browser.post(f"/experiments/{experiment}/comparisons", body)
    assert answer.status == 201, answer.body
    url: str = answer.json()["comparison"]["url"]
    return url


def press(browser: Browser, url: str, **body: Any) -> list[dict[str, Any]]:
    answer = browser.post(f"{url}runs", body, Idempotency_Key=str(uuid.uuid4()))
    assert answer.status == 201, answer.body
    assert answer.json()["refused"] == []
    cells: list[dict[str, Any]] = answer.json()["cells"]
    return cells


def test_three_ways_on_three_inputs_end_and_read_right(
    instance: Instance, browser: Browser, experiment: str
) -> None:
    short = {"max_new_tokens": 6}
    columns = [
        spec(settings=short),
        spec(settings=short, examples=[]),
        spec(settings=short | {"mode": "sample", "temperature": 1.0, "seed": 7}),
    ]
    url = make(browser, experiment, columns, [{"review": text} for text in REVIEWS])
    started = press(browser, url)
    assert len(started) == 9
    seen = watch_to_end(browser, started[0]["run"]["id"], 90)
    instance.wait_quiet(90)
    cells = browser.get(f"{url}cells").json()["cells"]
    assert {cell["id"] for cell in cells} == {cell["run"]["id"] for cell in started}
    for cell in cells:
        whole = run_of(browser, cell["id"])
        assert (cell["status"], cell["text"], cell["stale"]) == ("succeeded", whole["text"], False)
        figures, written = cell["figures"], whole["tokens"]
        assert figures["completion_tokens"] == whole["usage"]["completion_tokens"] >= len(written) > 0
        assert figures["logprob_mean"] == pytest.approx(figures["logprob_sum"] / len(written))
        assert figures["logprob_sum"] == pytest.approx(sum(token["lp"] for token in written))
        assert 0 < figures["first_token_ms"] <= figures["latency_ms"]
        assert whole["spec"]["input"]["review"] in whole["prompt_text"]
    first = next(cell for cell in cells if cell["id"] == started[0]["run"]["id"])
    assert seen.text == first["text"]
    results = browser.get(f"{url}results").json()
    assert [column["figures"]["answers"] for column in results["columns"]] == [3, 3, 3]
    (file,) = imports.read(browser.get(f"{url}export/comparison.json").body)
    assert {str(run.ref) for run in file.runs} == {cell["id"] for cell in cells}, (
        "what is exported can be read"
    )


def test_a_single_run_overtakes_a_comparison_which_then_stops(
    instance: Instance, browser: Browser, experiment: str
) -> None:
    rows = [{"input": f"Write a long story about {number} dogs and a storm."} for number in range(20)]
    url = make(browser, experiment, [long_spec(400)], rows)
    ids = {cell["run"]["id"] for cell in press(browser, url)}
    assert len(ids) == 40
    watch_to_end(browser, start_run(browser, experiment, spec()), 60)
    live = [cell["status"] for cell in browser.get(f"{url}cells").json()["cells"]]
    assert live.count("queued") >= 10, "the single run came after the comparison"
    asked = browser.post(f"{url}cancel", {}).json()["asked"]
    assert asked >= 20
    instance.wait_quiet(30)
    ended = [cell["status"] for cell in browser.get(f"{url}cells").json()["cells"]]
    assert ended.count("cancelled") >= asked - 16, "those that ended meanwhile keep their state"
    assert set(ended) <= {"cancelled", "succeeded"}
    assert browser.post(f"{url}cancel", {}).json() == {"asked": 0}
