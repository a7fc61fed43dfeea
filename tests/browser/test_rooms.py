"""Several pages in the room of one experiment: what one writes stands in the boxes of all."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_versions import open_new, write
from tests.system.instance import Instance


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
