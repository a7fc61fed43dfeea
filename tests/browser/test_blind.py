"""Blind votes on the real model: by keys, with skip and undo, then the columns and the results are told."""

import json
import re
import uuid

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_every_page import look
from tests.system.instance import Instance, first_experiment, spec

REVIEWS = ["The strap broke on the first day.", "I would buy it again.", "It came late, but it works well."]


def answered(instance: Instance) -> str:
    """The address of a comparison of two columns that answer differently, with all its answers."""
    owner = instance.sign_in()
    columns = [{"spec": spec(settings={"max_new_tokens": length})} for length in (3, 6)]
    body = {"columns": columns, "rows": [{"review": text} for text in REVIEWS]}
    made = owner.post(f"/experiments/{first_experiment(owner)}/comparisons", body).json()["comparison"]
    started = owner.post(f"{made['url']}runs", {}, Idempotency_Key=str(uuid.uuid4()))
    assert len(started.json()["cells"]) == 6
    instance.wait_quiet(90)
    address: str = made["url"]
    return address


def press(page: Page, key: str, place: str) -> None:
    page.keyboard.press(key)
    expect(page.locator("#blind-place")).to_contain_text(place)


def test_votes_are_given_blind_and_then_told(open_page: OpenPage, instance: Instance) -> None:
    url = answered(instance)
    page = open_page(bypass_csp=True)
    page.goto(f"{instance.base}{url}blind")
    expect(page.locator("#blind-place")).to_have_text("Pair 1 of 3")
    sent = json.loads(page.locator("#page-data").inner_text(timeout=5000) or "{}")
    assert set(sent["ballots"]["pairs"][0]) == {"key", "input", "answers", "choice"}
    found = look(page, "blind")
    press(page, "s", "Pair 1 of 3")
    press(page, "1", "Pair 2 of 3")
    press(page, "u", "Pair 1 of 3")
    press(page, "ArrowRight", "Pair 2 of 3")
    page.reload()
    press(page, "4", "Pair 3 of 3")
    page.get_by_role("button", name="Skip").click()
    expect(page.locator("#blind-place")).to_have_text("Pair 3 of 3, skipped before")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name="Tie").click()
    expect(page.get_by_role("heading", name="Your votes are in")).to_be_focused()
    expect(page.locator("#blind-told li")).to_have_count(3)
    expect(page.locator("#blind-told")).to_contain_text("your choice")
    expect(page.locator("#results-verdicts")).to_contain_text(re.compile("B was preferred|No row is decided"))
    expect(page.locator("#results-notes")).to_contain_text("3 votes, 3 of them blind.")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.set_viewport_size({"width": 1280, "height": 900})
    found += look(page, "blind-told")
    assert found == []
