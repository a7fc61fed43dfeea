"""PromptSpec: which examples are placed, and what old specs mean."""

import pytest
from pydantic import ValidationError

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
