"""PromptSpec: which examples are placed, and what old specs mean."""

from typing import Any

import pytest
from pydantic import ValidationError

from playground.boards import Board
from playground.specs import PromptSpec
from tests.conftest import spec

EXAMPLES = [{"id": name, "output": name, "on": name != "b"} for name in "abcd"]


def placed(**changes: object) -> str:
    return "".join(example.id for example in spec(examples=EXAMPLES, **changes).placed)


@pytest.mark.parametrize(("shots", "expected"), [(None, "acd"), (0, ""), (1, "a"), (2, "ac"), (9, "acd")])
def test_shots_limit_the_examples_that_are_on(shots: int | None, expected: str) -> None:
    assert placed(shots=shots) == expected


def test_a_spec_from_before_shots_means_all_and_keeps_its_hash() -> None:
    old = spec(examples=EXAMPLES)
    assert placed() == "acd"
    assert "shots" not in old.as_json()
    assert spec(examples=EXAMPLES, shots=None).content_hash() == old.content_hash()
    assert spec(examples=EXAMPLES, shots=3).content_hash() != old.content_hash()
    assert PromptSpec.model_validate(spec(shots=0).as_json()).shots == 0


@pytest.mark.parametrize("shots", [-1, 1001, 1.5, "two"])
def test_shots_is_a_number_of_examples(shots: object) -> None:
    with pytest.raises(ValidationError):
        spec(shots=shots)


@pytest.mark.parametrize(
    "changes",
    [
        {"instruction": "Other."},
        {"examples": [*EXAMPLES, {"id": "e", "output": "e"}]},
        {"shots": 1},
        {"input": {"input": "other"}},
        {"layout": "chat"},
        {"model": "other"},
        {"settings": {"max_new_tokens": 9}},
    ],
)
def test_the_hash_of_what_is_asked_tells_what_acts(changes: dict[str, Any]) -> None:
    same = {"examples": EXAMPLES, "layout": "plain"}
    assert spec(**(same | changes)).asks_hash() != spec(**same).asks_hash()


@pytest.mark.parametrize(
    "changes",
    [
        {"examples": [*EXAMPLES, {"id": "e", "output": "e", "on": False}]},
        {"shots": 3},
        {"settings": {"temperature": 0.3, "seed": 7}},
    ],
)
def test_what_the_model_never_sees_is_not_in_it(changes: dict[str, Any]) -> None:
    assert spec(**({"examples": EXAMPLES} | changes)).asks_hash() == spec(examples=EXAMPLES).asks_hash()


def test_a_board_makes_the_hash_of_a_cell_as_its_spec_does() -> None:
    settings = {"mode": "sample", "seed": 4}
    columns = [
        {"key": "a", "spec": spec(settings=settings).as_json()},
        {"key": "b", "spec": spec(instruction="x").as_json(), "inputs": {"r": {"input": "mine"}}},
    ]
    rows = [{"key": key, "values": {"input": key, "no field": "x"}} for key in "rs"]
    for links in ([], ["input"]):
        board = Board.model_validate({"columns": columns, "rows": rows, "links": links})
        cells = [
            (column, row, sample) for column in board.columns for row in board.rows for sample in range(2)
        ]
        made = [board.asks_hash(*cell) for cell in cells]
        assert made == [board.spec_of(*cell).asks_hash() for cell in cells]
        assert len(set(made)) == 6, "seeds differ, greedy samples do not"
