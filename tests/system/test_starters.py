"""The starters do their work on the default model, greedily, as docs/starters.md shows."""

from playground.starters import STARTERS
from tests.system.browser import Browser
from tests.system.instance import run_of, start_run, watch_to_end

MODEL = "smollm2-135m-instruct"
# What a correct answer to each test input holds, in the order of the inputs.
RIGHT = {
    "sentiment": ["negative", "positive", "negative", "positive"],
    "translation": ["the hotel", "book is interesting", "restaurant is open", "family is big"],
    "question": ["Rosa Klein", "", "Peru"],  # the model gets the second one wrong
    "entities": [
        "person: Peter Novak; company: Silver Line; place: Prague",
        "person: Ana Costa; company: Marazul; place: Lisbon",
        "person: Tom Baker; company: Greenfield Motors; place: Detroit",
    ],
    "spelling": ["umbrella", "Their friend lives across", "library", "beautiful"],
}


def test_starters_answer_their_test_inputs(browser: Browser, experiment: str) -> None:
    asked = []
    for key, wanted in RIGHT.items():
        spec = STARTERS[key].spec(MODEL)
        for values, right in zip(STARTERS[key].inputs, wanted, strict=True):
            with_input = spec.model_copy(update={"input": values}).as_json()
            asked.append((start_run(browser, experiment, with_input), values, right))
    watch_to_end(browser, asked[-1][0])
    wrong = []
    for run, values, right in asked:
        watch_to_end(browser, run)
        text = run_of(browser, run)["text"]
        if right not in text:
            wrong.append(f"{values}: {text!r} lacks {right!r}")
    assert wrong == []
