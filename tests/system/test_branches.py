"""Branches and repeats on the real model: the same beginning goes the same way."""

import re
import uuid
from typing import Any

import pytest

from tests.system.browser import Browser
from tests.system.instance import long_spec, run_of, start_run, watch_to_end

TOKENS = 24
SAMPLED = {
    "mode": "sample",
    "temperature": 1.2,
    "top_k": 0,
    "top_p": 1.0,
    "seed": 5,
    "max_new_tokens": TOKENS,
}


def make(browser: Browser, experiment: str, body: dict[str, Any]) -> str:
    answer = browser.post(f"/experiments/{experiment}/runs", body, Idempotency_Key=str(uuid.uuid4()))
    assert answer.status == 201, answer.body
    run: str = answer.json()["run"]["id"]
    return run


def finished(browser: Browser, run: str) -> dict[str, Any]:
    watch_to_end(browser, run)
    return run_of(browser, run)


@pytest.mark.parametrize(
    "settings", [{"mode": "greedy", "max_new_tokens": TOKENS}, SAMPLED], ids=["greedy", "sampled"]
)
def test_a_branch_with_its_own_token_is_the_same_answer(
    browser: Browser, experiment: str, settings: dict[str, Any]
) -> None:
    """The model computes in bfloat16, where rounding may turn a draw: up to there all must be equal, and
    there the model must think the same of the same tokens."""
    whole = finished(browser, start_run(browser, experiment, long_spec() | {"settings": settings}))
    at = 9
    begin = {"run": whole["id"], "at": at, "id": whole["tokens"][at]["id"]}
    run = make(browser, experiment, {"begin": begin})
    seen = watch_to_end(browser, run)
    branch = run_of(browser, run)
    assert seen.text == branch["text"]
    assert [token.get("given", False) for token in branch["tokens"]] == [
        *[True] * (at + 1),
        *[False] * (TOKENS - at - 1),
    ]
    assert branch["usage"]["given_tokens"] == at + 1
    assert branch["usage"]["completion_tokens"] == TOKENS - at - 1
    assert branch["usage"]["prompt_tokens"] == whole["usage"]["prompt_tokens"]
    assert abs(branch["tokens"][at]["lp"] - whole["tokens"][at]["lp"]) < 0.05
    differs = first_difference(whole, branch)
    for at in range(TOKENS if differs is None else differs + 1):
        assert largest_gap(whole["tokens"][at], branch["tokens"][at]) < 0.5
    if settings["mode"] == "greedy":
        assert differs in (None, *near_ties(whole))


def test_a_repeat_is_identical_or_names_the_token(browser: Browser, experiment: str) -> None:
    first = finished(browser, start_run(browser, experiment, long_spec() | {"settings": SAMPLED}))
    again = finished(browser, make(browser, experiment, {"again_of": first["id"]}))
    receipt = browser.get(f"/runs/{again['id']}/receipt").body.decode()
    at = first_difference(first, again)
    if at is None:
        assert f"All {TOKENS} tokens are those of the run it repeats" in receipt
    else:
        assert f"Differs at token {at + 1}" in receipt
        assert re.search(r"<td>0\.\d{4}</td>", receipt)
    assert "prompt tokens reused" in receipt


def first_difference(one: dict[str, Any], other: dict[str, Any]) -> int | None:
    pairs = enumerate(zip(one["tokens"], other["tokens"], strict=True))
    return next((at for at, (a, b) in pairs if a["id"] != b["id"]), None)


def largest_gap(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Between the log-probabilities that two runs gave to the same tokens."""
    there = {id_: logprob for id_, _, logprob in other["top"]}
    gaps: list[float] = [abs(logprob - there[id_]) for id_, _, logprob in one["top"] if id_ in there]
    return max(gaps)


def near_ties(run: dict[str, Any]) -> list[int]:
    """Places where the two most likely tokens are so close that rounding may exchange them."""
    return [at for at, token in enumerate(run["tokens"]) if token["top"][0][2] - token["top"][1][2] < 0.1]
