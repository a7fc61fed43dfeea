"""The runs of a request as a program has them: no token twice, none of another answer, every fault told."""

import uuid
from typing import Any

import pytest

from playground.api import tokens
from playground.api.following import Choice
from playground.consumers.reels import Reel
from playground.errors import Refusal
from playground.events import Entry, EntryId
from playground.models import Run

MODEL = "smollm2-135m-instruct"


def record(token: int, text: str) -> dict[str, Any]:
    return {"t": text, "id": token, "lp": -0.5, "rank": 1, "top": [[token, text, -0.5]]}


def choice() -> tuple[Choice, Reel]:
    run = Run(model=MODEL)
    reel = Reel(run.pk)
    return Choice(0, run, reel), reel


def play(reel: Reel, attempt: int, seq: int, kind: str, **fields: Any) -> None:
    reel.apply(Entry(EntryId(attempt, seq), {"type": kind, "at": 0, **fields}))


def delta(reel: Reel, attempt: int, seq: int, *records: dict[str, Any]) -> None:
    play(reel, attempt, seq, "delta", tokens=list(records), text="".join(each["t"] for each in records))


def ids(records: list[dict[str, Any]]) -> list[int]:
    return [each["id"] for each in records]


def test_every_token_is_taken_once() -> None:
    mine, reel = choice()
    assert mine.take() == []
    play(reel, 1, 1, "start")
    delta(reel, 1, 2, record(5, "a"), record(6, "b"))
    assert ids(mine.take()) == [5, 6]
    assert mine.take() == []
    delta(reel, 1, 3, record(7, "c"))
    assert ids(mine.take()) == [7]


def test_another_worker_that_writes_the_same_is_gone_on_with() -> None:
    mine, reel = choice()
    play(reel, 1, 1, "start")
    delta(reel, 1, 2, record(5, "a"), record(6, "b"))
    mine.take()
    play(reel, 2, 1, "start")
    assert mine.take() == []
    delta(reel, 2, 2, record(5, "a"))
    assert mine.take() == []
    delta(reel, 2, 3, record(6, "b"), record(7, "c"))
    assert ids(mine.take()) == [7]


def test_another_worker_that_writes_something_else_is_a_fault() -> None:
    mine, reel = choice()
    play(reel, 1, 1, "start")
    delta(reel, 1, 2, record(5, "a"), record(6, "b"))
    mine.take()
    play(reel, 2, 1, "start")
    delta(reel, 2, 2, record(5, "a"))
    mine.take()
    delta(reel, 2, 3, record(9, "x"))
    with pytest.raises(Refusal) as caught:
        mine.take()
    assert (caught.value.code, caught.value.status) == ("worker_lost", 503)


@pytest.mark.parametrize(
    ("code", "status"), [("cancelled", 400), ("engine_busy", 503), ("numeric_fault", 500), ("deadline", 504)]
)
def test_a_run_that_did_not_end_well_is_a_fault(code: str, status: int) -> None:
    mine, reel = choice()
    assert mine.ending is None
    play(reel, 1, 1, "start")
    play(reel, 1, 2, "end", status="failed", error={"code": code, "message": "So."})
    with pytest.raises(Refusal) as caught:
        assert mine.ending
    assert (caught.value.code, caught.value.status, caught.value.message) == (code, status, "So.")


# Log-probabilities


def test_a_likely_token_stands_beside_the_one_that_came() -> None:
    came = {"t": " x", "id": 260, "lp": -5.0, "rank": 9, "top": [[253, " a", -0.1], [281, " a", -4.0]]}
    told = tokens.of_completion(MODEL, [came], 3)
    own = told["tokens"][0]
    assert told["top_logprobs"] == [{" a": -0.1, own: -5.0}]
    assert (told["token_logprobs"], told["text_offset"]) == ([-5.0], [3])


def test_the_first_token_of_a_prompt_has_no_probability() -> None:
    run = Run(id=uuid.uuid4(), model=MODEL, prompt_ids=[504, 3575, 282])
    records = list(tokens.of_prompt(run, [record(3575, ""), record(282, "")]))
    told = tokens.of_completion(MODEL, records, 0)
    assert told["tokens"] == ["The", " capital", " of"]
    assert told["token_logprobs"][0] is told["top_logprobs"][0] is None
    assert told["text_offset"] == [0, 3, 11]


def test_a_part_of_a_character_is_told_by_its_bytes() -> None:
    assert tokens._bytes("<0xE2><0x82>é") == b"\xe2\x82\xc3\xa9"
    assert tokens._bytes("plain <0x") == b"plain <0x"
