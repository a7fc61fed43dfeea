"""A comparison on the real model: made, run, stopped, edited, judged, and found again exactly as it was."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, shots
from tests.browser.test_every_page import look, open_first
from tests.system.instance import Instance

STORY = "Write one short sentence about the sea."
# Some cell has text while others are still to come.
STREAMS = """() => document.querySelector("#run-all").dataset.live === "true"
  && [...document.querySelectorAll(".board-cell answer-text")].some((text) => text.textContent.trim())"""


def cells(page: Page) -> Locator:
    return page.locator(".board-cell")


def wait_idle(page: Page) -> None:
    expect(page.locator("#run-all")).to_have_attribute("data-live", "false", timeout=120_000)


def what_is_shown(page: Page) -> list[list[str]]:
    """Texts, figures, votes and marks of all cells."""
    parts = ("answer-text", ".cell-facts", '[aria-pressed="true"]', ".rate", ".column-difference", "textarea")
    page.wait_for_function("document.querySelectorAll('.board-cell').length === 20")
    return [
        page.locator(f"#board {part}").evaluate_all("all => all.map((one) => one.value ?? one.textContent)")
        for part in parts
    ]


def test_four_columns_and_five_inputs(open_page: OpenPage, instance: Instance) -> None:
    page = open_page(bypass_csp=True)
    open_first(page, instance.base)
    page.get_by_role("button", name="Compare", exact=True).first.click()
    page.get_by_role("dialog", name="Compare").get_by_role("button", name="Ladder").click()
    page.wait_for_url("**/comparisons/**")
    expect(page.locator(".column-title")).to_have_count(3)
    assert page.locator(".column-title").evaluate_all("all => all.map((one) => one.value)") == [
        "zero-shot",
        "one-shot",
        "5-shot",
    ]
    found = look(page, "comparison-empty")
    add_a_column_and_an_input(page)

    page.keyboard.press("Control+Enter")
    page.wait_for_function(STREAMS, timeout=60_000)
    page.screenshot(path=shots() / "comparison-streams.png")
    page.keyboard.press("Escape")
    wait_idle(page)
    stopped = page.locator('.board-cell[data-status="cancelled"]')
    expect(stopped.first).to_be_attached()
    again = stopped.first.locator(".cell-text")
    again.evaluate("box => box.closest('.board-cell').classList.add('again')")
    again.press("r")
    expect(page.locator(".again")).to_have_attribute("data-status", "succeeded", timeout=120_000)
    page.get_by_role("button", name="Run all").click()
    expect(page.locator('.board-cell[data-status="succeeded"]')).to_have_count(20, timeout=120_000)
    wait_idle(page)

    judge(page)
    found += look(page, "comparison")
    before = what_is_shown(page)
    page.reload()
    expect(page.locator('.votes [aria-pressed="true"]')).to_have_count(2)
    assert what_is_shown(page) == before
    expect(page.locator(".cell-diff ins").first).to_be_visible()

    page.locator(".board-cell").nth(3).locator(".cell-text").press("Enter")
    dialog = page.locator("#cell-dialog")
    expect(dialog.locator(".answer-card")).to_have_attribute("data-status", "succeeded")
    expect(dialog.get_by_text("Receipt")).to_be_visible()
    found += look(page, "comparison-answer")
    page.keyboard.press("Escape")
    edit_in_all_columns(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#column-tabs").get_by_role("button", name="D").click()
    expect(cells(page).nth(3)).to_be_visible()
    expect(cells(page).nth(2)).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found += look(page, "comparison-phone")
    assert found == []


def add_a_column_and_an_input(page: Page) -> None:
    page.get_by_role("button", name="Column", exact=True).click()
    editor = page.get_by_role("dialog", name="Column D")
    editor.get_by_role("textbox", name="Instruction").fill(STORY)
    editor.get_by_text("Chat", exact=True).click()  # a talk is answered in other words than a list of reviews
    editor.get_by_label("Number of shots").fill("0")
    editor.get_by_text("Sample", exact=True).click()
    expect(editor.locator("#counts")).to_contain_text("tokens")
    editor.get_by_role("button", name="Done").click()
    expect(page.locator(".column-difference").last).to_contain_text("samples at temperature")
    while page.locator("#board-rows > tr").count() < 5:
        page.get_by_role("button", name="Add an input").click()
        page.keyboard.type("I bought a second one.")
    expect(cells(page)).to_have_count(20)
    page.locator('[data-act="baseline"]:visible').nth(1).click()
    expect(page.locator(".board-column[data-baseline] [data-letter]")).to_have_text("C")


def judge(page: Page) -> None:
    page.get_by_label("differences").check()
    last = cells(page).nth(3)
    expect(last.locator(".cell-diff del").first).to_be_visible()
    expect(last.locator(".cell-diff ins").first).to_be_visible()
    last.get_by_role("button", name="worse").click()
    cells(page).nth(7).locator(".cell-text").press("b")
    expect(page.locator('.votes [aria-pressed="true"]')).to_have_text(["worse", "better"])
    last.get_by_role("button", name="rate").click()
    sheet = page.locator("#rating")
    with page.expect_response(re.compile("/rating$")):
        page.keyboard.press("2")
    with page.expect_response(re.compile("/rating$")):
        sheet.get_by_label("Comment").fill("No answer to the question.")
        sheet.get_by_role("button", name="Done").click()
    expect(last.locator('[data-act="rate"]')).to_have_text("2/5, note")
    expect(page.locator("#results-verdicts")).to_contain_text("Not enough evidence: D")


def edit_in_all_columns(page: Page) -> None:
    """A linked instruction changes everywhere; what was answered before says so."""
    page.get_by_label("prompt", exact=True).check()
    expect(page.locator("#board-undo-words")).to_contain_text("has the prompt of C")
    expect(cells(page).nth(3)).to_have_attribute("data-stale", "")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".board-cell[data-stale]")).to_have_count(0)
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")
