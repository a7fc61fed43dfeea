"""Tokens one can look at and touch: inspect, shade, branch, go back, repeat and compare."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, shots
from tests.browser.test_first_light import answer, new_experiment, wait_done

# What the page tells its other parts, kept for the test.
LISTEN = """
window.chosen = [];
document.addEventListener("token-chosen", (event) => window.chosen.push(event.detail.at));
"""


def is_apart(one: Locator, other: Locator) -> bool:
    a, b = one.bounding_box(), other.bounding_box()
    assert a
    assert b
    return a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]


def run_to_the_end(page: Page) -> None:
    page.keyboard.press("Control+Enter")
    expect(page.locator(".answer-card answer-text .t").first).to_be_visible(timeout=60_000)
    wait_done(page)


def ended_card(page: Page, index: int) -> Locator:
    """The card at ``index``, beside those that were there, once its run has ended."""
    expect(page.locator(".answer-card")).to_have_count(index + 1)
    card = page.locator(".answer-card").nth(index)
    expect(card).not_to_have_attribute("data-status", re.compile("queued|running"), timeout=60_000)
    return card


def test_tokens_are_inspected_branched_and_repeated(open_page: OpenPage) -> None:
    page = open_page(bypass_csp=True)
    new_experiment(page, tokens=24)
    page.evaluate(LISTEN)
    run_to_the_end(page)
    tokens, panel = page.locator(".answer-card answer-text .t"), page.locator("[data-token-panel]")
    expect(page.locator("[data-figure-words]")).to_contain_text("perplexity")

    tokens.nth(3).hover()
    expect(panel).to_contain_text("token 4")
    page.mouse.move(2, 2)
    expect(panel).to_be_hidden()
    tokens.nth(5).click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(panel).to_contain_text("token 7")
    expect(panel).to_contain_text(re.compile(r"p \d\.\d{3} · rank \d+ · [\d.]+ bits"))
    assert page.evaluate("window.chosen") == [5, 6, 7, 6]
    assert is_apart(panel, tokens.nth(6))
    page.keyboard.press("p")
    expect(page.locator("[data-shade]").first).to_have_attribute("aria-pressed", "true")
    page.screenshot(path=shots() / "tokens.png")
    assert [item["id"] for item in Axe().run(page).response["violations"]] == []
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()

    whole = answer(page)
    begins = "".join(tokens.all_text_contents()[:6])
    tokens.nth(6).click()
    page.keyboard.press("ArrowDown")
    chosen = page.evaluate("document.activeElement.dataset.text")
    page.keyboard.press("Enter")
    branch = ended_card(page, 1)
    expect(branch.locator(".origin")).to_contain_text("Branched at token 7")
    assert (branch.locator("answer-text").text_content() or "").startswith(begins + chosen)
    expect(branch.locator("answer-text .t.given")).to_have_count(7)
    expect(branch.locator(".facts")).to_contain_text("after 7 given")

    branch.get_by_role("button", name="Back to the answer it left").click()
    first = page.locator(".answer-card").first
    expect(first.locator("[data-token-box]")).to_be_focused()
    expect(first.locator("answer-text")).to_have_text(whole)
    first.locator(".receipt-fold summary").click()
    expect(first.locator(".receipt-fold")).to_contain_text(re.compile("do not depend|changes with the batch"))
    first.get_by_role("button", name="Repeat and compare").click()
    repeat = ended_card(page, 2)
    expect(repeat.locator(".verdict")).to_contain_text(re.compile("Identical|Differs at token"))
    page.screenshot(path=shots() / "verdict.png")
