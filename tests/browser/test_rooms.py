"""Several pages in the room of one experiment: what one writes stands in the boxes of all."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_versions import open_new, write
from tests.system.browser import Browser
from tests.system.instance import Instance

STATE = """() => ({
  texts: [...document.querySelectorAll("[data-shared]")].map((box) => `${box.dataset.shared}: ${box.value}`),
  on: [...document.querySelectorAll("#grid-rows [data-on]")].map((box) => box.checked),
  knobs: [...document.querySelectorAll("[data-knob] input")].map((box) => `${box.id}: ${box.value}`),
  names: [...document.querySelectorAll("#grid-head .column-name")].map((box) => box.value),
})"""


def type_at(page: Page, box: str, place: int, text: str) -> None:
    """Types as people do, key by key, from ``place`` on."""
    page.locator(box).focus()
    page.locator(box).evaluate("(box, place) => box.setSelectionRange(place, place)", place)
    page.keyboard.type(text, delay=20)


def saved(*pages: Page) -> None:
    for page in pages:
        expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")


def test_two_pages_write_into_one_text(open_page: OpenPage, instance: Instance) -> None:
    one, two = open_page(), open_page()
    url = open_new(one, instance)
    write(one, "#instruction", "Say whether the review is good.")
    two.goto(url)
    expect(two.locator("#instruction")).to_have_value("Say whether the review is good.")

    two.locator("#instruction").focus()
    two.locator("#instruction").evaluate("(box) => box.setSelectionRange(30, 30)")
    type_at(one, "#instruction", 0, "Please. ")
    two.keyboard.type(" or bad")  # where the cursor was, not where it stood in numbers
    for page in (one, two):
        expect(page.locator("#instruction")).to_have_value("Please. Say whether the review is good or bad.")

    # Undo is one's own.
    one.locator("#instruction").press("Control+z")
    for page in (one, two):
        expect(page.locator("#instruction")).to_have_value("Say whether the review is good or bad.")

    # A minute without a line comes back as if it had been there.
    one.context.set_offline(True)
    type_at(one, "#instruction", 0, "Read. ")
    expect(one.locator("#save-state")).to_have_attribute("data-state", "offline")
    write(two, "#scope", "Reviews of a shop")
    type_at(two, "#instruction", 37, ", briefly")
    one.context.set_offline(False)
    for page in (one, two):
        expect(page.locator("#instruction")).to_have_value(
            "Read. Say whether the review is good or bad, briefly."
        )
        expect(page.locator("#scope")).to_have_value("Reviews of a shop")
    saved(one, two)
    one.reload()
    expect(one.locator("#instruction")).to_have_value("Read. Say whether the review is good or bad, briefly.")


@pytest.fixture(scope="module")
def colleagues(instance: Instance) -> dict[str, Browser]:
    """Two more editors of the owner's team."""
    return {name: instance.add_user(name, "editor") for name in ("Dee", "Eli")}


@pytest.fixture
def open_as(open_page: OpenPage, instance: Instance, colleagues: dict[str, Browser]) -> Callable[..., Page]:
    def open_(name: str, url: str) -> Page:
        page = open_page(signed_in=False)
        cookies = [(one.name, one.value or "") for one in colleagues[name].jar]
        page.context.add_cookies(
            [{"name": key, "value": value, "url": instance.base} for key, value in cookies]
        )
        page.goto(url)
        return page

    return open_


def state_of(page: Page) -> Any:
    return page.evaluate(STATE)


def alike(*pages: Page) -> Any:
    """What all pages show, once they show the same."""
    for _ in range(100):
        first, *others = (state_of(page) for page in pages)
        if others == [first] * len(others):
            return first
        pages[0].wait_for_timeout(100)
    assert others == [first] * len(others)
    return first


def test_three_people_edit_run_and_lose_their_lines(
    open_page: OpenPage, open_as: Callable[..., Page], instance: Instance
) -> None:
    ada = open_page()
    url = open_new(ada, instance)
    write(ada, "#instruction", "Say whether it is good.")
    dee, eli = open_as("Dee", url), open_as("Eli", url)
    for page in (dee, eli):
        expect(page.locator("#instruction")).to_have_value("Say whether it is good.")

    # Everybody writes: one text, a grid, settings.
    dee.locator("#add-example").click()
    dee.keyboard.type("the first row")
    type_at(ada, "#instruction", 0, "Please. ")
    eli.locator("#add-example").click()
    eli.keyboard.type("the second row")
    ada.locator("#max_new_tokens").fill("12")
    type_at(dee, "#inputs textarea", 0, "A fine day")
    eli.locator("#scope").fill("Reviews")
    before = alike(ada, dee, eli)
    assert "instruction: Please. Say whether it is good." in before["texts"]
    assert "scope: Reviews" in before["texts"]
    assert len(before["on"]) == 2

    # One runs, two lose their lines; all go on.
    ada.keyboard.press("Control+Enter")
    dee.context.set_offline(True)
    eli.context.set_offline(True)
    type_at(dee, "#instruction", 8, "Briefly. ")
    eli.locator("#grid-rows [data-handle]").nth(1).press("ArrowUp")
    eli.locator("#grid-rows textarea").nth(1).fill("from a train")
    type_at(ada, "#instruction", 31, " or bad")
    dee.context.set_offline(False)
    eli.context.set_offline(False)
    after = alike(ada, dee, eli)
    assert "instruction: Please. Briefly. Say whether it is good. or bad" in after["texts"]
    assert "cell: from a train" in after["texts"]
    expect(ada.locator(".answer-card").first).to_have_attribute("data-status", "succeeded", timeout=120_000)

    # Reloading while others write loses nothing, either.
    dee.locator("#title").fill("Weather")
    dee.reload()
    saved(ada, dee, eli)
    assert state_of(open_as("Eli", url)) == alike(ada, dee, eli)
    assert "title: Weather" in state_of(ada)["texts"]


def test_an_example_deleted_under_the_hands_can_be_put_back(open_page: OpenPage, instance: Instance) -> None:
    one, two = open_page(), open_page()
    two.goto(open_new(one, instance))
    one.locator("#add-example").click()
    one.keyboard.type("written here")
    expect(two.locator("#grid-rows textarea").first).to_have_value("written here")
    two.locator("#grid-rows [data-delete]").click()
    expect(one.locator("#grid-note")).to_have_text("Somebody deleted the example you were writing in.")
    one.locator("#undo").click()
    for page in (one, two):
        expect(page.locator("#grid-rows textarea").first).to_have_value("written here")
