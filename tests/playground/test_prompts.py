"""Prompts: what every example costs, fields in the instruction, and the words of warning."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from playground.actions import prompts
from playground.errors import Refusal
from tests.conftest import spec

REVIEWS = ["I loved it.", "", "Cold soup, and an hour too late."]


def examples(*texts: str, on: bool = True, output: str = "positive") -> list[dict[str, Any]]:
    return [
        {"id": str(number), "values": {"input": text}, "output": output if text else "", "on": on}
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize("layout", ["chat", "plain"])
def test_rows_that_are_off_are_counted_as_if_they_were_placed(alice: User, layout: str) -> None:
    client = Client()
    client.force_login(alice)
    off = spec(examples=examples(*REVIEWS, on=False), shots=1, layout=layout)
    body = json.dumps({"spec": off.as_json()})
    answer = client.post(reverse("prompt-examples"), body, content_type="application/json")
    on = spec(examples=examples(*REVIEWS), layout=layout)
    assert answer.json()["examples"] == prompts.counted(on).counts()["examples"]
    assert prompts.counted(off).counts()["examples"] == []


def test_an_empty_example_keeps_its_place_in_the_counts() -> None:
    first, empty, last = prompts.counted(spec(examples=examples(*REVIEWS))).counts()["examples"]
    assert (empty, first > 0, last > first) == (0, True, True)


def test_strangers_get_no_counts() -> None:
    answer = Client().post(reverse("prompt-examples"), "{}", content_type="application/json")
    assert answer.status_code == 401


def test_a_value_that_is_named_often_cannot_outgrow_the_limit() -> None:
    with pytest.raises(Refusal, match="characters"):
        prompts.render(spec(instruction="{{input}}" * 20_000, input={"input": "x" * 200_000}))


def warned(**changes: Any) -> str:
    return " ".join(hint.text for hint in prompts.warnings(spec(**changes)))


def test_missing_and_unused_fields_are_named() -> None:
    two = {"fields": ["text", "language"], "input": {"text": "hello"}}
    rows = [{"id": "a", "values": {"text": "x", "language": "French"}, "output": "y"}]
    assert warned(**two) == "Not used so far, without a value in input and examples: language."
    assert warned(**two, examples=rows) == "The input has no value for language."
    used = warned(**two, instruction="To {{ language }}")
    assert used == "The instruction uses {{language}}, which has no value."
    assert warned(**two | {"input": {"text": "hello", "language": "French"}}, examples=rows) == ""


def test_examples_that_lack_something_are_named_by_their_place() -> None:
    rows = [{"id": str(number), "values": {"input": "x"}, "output": ""} for number in range(7)]
    assert warned(examples=rows[:1]) == "Example 1 has no output."
    assert warned(examples=rows) == "Examples 1, 2, 3 and 4 more have no output."
    assert warned(examples=rows, shots=2) == "Examples 1 and 2 have no output."
    assert warned(examples=[rows[0] | {"values": {}, "output": "y"}, rows[1] | {"output": "y"}]) == (
        "Example 1 has no input."
    )
