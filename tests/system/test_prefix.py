"""Prompts that share a beginning, through the real programs."""

import json
from typing import Any

from tests.system.browser import Browser
from tests.system.instance import Instance, run_of, spec, start_run, wait_until, watch_to_end

EXAMPLES = [
    {
        "id": f"e{n}",
        "values": {"review": f"The film number {n} was a joy from its first minute to the last."},
        "output": "good",
        "on": True,
    }
    for n in range(8)
]


def shots(text: str) -> dict[str, Any]:
    return spec(examples=EXAMPLES, input={"review": text}, settings={"max_new_tokens": 2})


def usage(browser: Browser, experiment: str, text: str) -> int:
    run = start_run(browser, experiment, shots(text))
    watch_to_end(browser, run)
    row = run_of(browser, run)
    cached: int = row["usage"]["cached_tokens"]
    return cached


def test_second_run_with_the_same_examples_reuses_them(
    instance: Instance, browser: Browser, experiment: str
) -> None:
    usage(browser, experiment, "The soup was cold.")
    assert usage(browser, experiment, "I would go there again.") >= 96


def test_prompt_is_computed_while_it_is_written(
    instance: Instance, browser: Browser, experiment: str
) -> None:
    wanted = shots("Nobody has asked this before: were the chairs comfortable?")
    wanted["instruction"] = "This sentence makes the whole prompt a new one for the cache."
    headers = {"Content_Type": "application/json"}

    def cached() -> bool:
        assert (
            browser.send("POST", "/prompts/render", json.dumps({"spec": wanted}).encode(), headers).status
            == 200
        )
        run = start_run(browser, experiment, wanted)
        watch_to_end(browser, run)
        first: int = run_of(browser, run)["usage"]["cached_tokens"]
        wanted["instruction"] += " And again."  # the next try begins with other text
        return first >= 96

    # The preview's message and the run's race; that one of a few previews wins is enough.
    wait_until(cached, 60, "a prefetched prompt")
