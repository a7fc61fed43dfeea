"""Versions in a real browser: one version from label to restore."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.system.instance import Instance


def open_new(page: Page, instance: Instance) -> str:
    """A blank experiment; its address."""
    page.get_by_role("button", name="New experiment").first.click()
    page.wait_for_url("**/experiments/*-*/")
    expect(page.locator("#model")).not_to_have_value("")
    return page.url


def write(page: Page, box: str, text: str) -> None:
    page.locator(box).fill(text)
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")


def test_a_version_from_label_to_restore(open_page: OpenPage, instance: Instance) -> None:
    page = open_page()
    url = open_new(page, instance)
    write(page, "#instruction", "First words.")
    tag_and_star(page)
    page.goto(url)
    page.locator(".act[data-act=versions]").click()
    page.get_by_label("Label of the version").fill("The first")
    page.get_by_role("button", name="Save version").click()
    expect(page.locator(".version.saved")).to_contain_text("The first")
    page.keyboard.press("Escape")
    write(page, "#instruction", "Second words.")
    page.locator(".act[data-act=versions]").click()
    page.get_by_role("button", name="Compare version 1 with the draft").click()
    expect(page.locator("#version-difference-texts del")).to_have_text("First")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Restore version 1 into the editor").click()
    expect(page.locator("#instruction")).to_have_value("First words.")
    page.locator("#restored-undo").click()
    expect(page.locator("#instruction")).to_have_value("Second words.")
    page.locator(".acts-more").click()
    page.locator("#acts-menu [data-act=fork]").click()
    page.locator("#fork-form").get_by_role("button", name="Fork").click()
    page.wait_for_url(lambda found: found != url)
    expect(page.locator(".origin")).to_contain_text("Untitled, v2")
    expect(page.locator("#instruction")).to_have_value("Second words.")


def tag_and_star(page: Page) -> None:
    """Tags by the keyboard, a star, and the list that they narrow."""
    box = page.get_by_label("Add a tag; Enter or a comma ends it")
    box.press_sequentially("Draft,spectral")
    box.press("Enter")
    expect(page.locator("#tag-list li")).to_have_text(["Draft", "spectral"])
    page.get_by_role("button", name="Remove the tag Draft").press("Enter")
    expect(page.get_by_role("button", name="Remove the tag spectral")).to_be_focused()
    with page.expect_response("**/star"):
        page.get_by_role("button", name="Star “Untitled”").click()
    expect(page.locator("#rail .rail-age").first).to_have_text("Starred")
    expect(page.locator("#rail ul").first.get_by_role("link", name="Untitled")).to_be_visible()
    page.reload()
    expect(page.locator("#tag-list li")).to_have_text(["spectral"])
    expect(page.get_by_role("button", name="Star “Untitled”")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="spectral").click()
    expect(page.locator("#experiment-list > li")).to_have_count(1)
    page.locator("#only-starred").click()
    expect(page.locator("#experiment-list > li")).to_have_count(1)
    with page.expect_response("**/star"):
        page.locator("#experiment-list .star").click()
    page.reload()
    expect(page.locator("#experiment-list")).to_be_hidden()
