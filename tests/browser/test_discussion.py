"""Two people talk about one prompt: its words, an example and an answer; each sees the other at once."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, shots
from tests.browser.test_teams import new_team
from tests.system.instance import Instance

WORDS = "Say whether the review is good or bad."


def invited(open_page: OpenPage, owner: Page, name: str) -> Page:
    """Somebody new, a viewer of the owner's newest team."""
    new_team(owner, f"The lab of {name}")
    owner.get_by_role("combobox", name="Role", exact=True).select_option("viewer")
    owner.get_by_role("button", name="Make a link").click()
    expect(owner.locator("#invite-link")).to_be_visible()
    link = owner.get_by_label("The link").input_value()
    page = open_page(signed_in=False, bypass_csp=True)
    page.goto(link)
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Password").fill("a long enough word")
    page.get_by_role("button", name="Make an account and join").click()
    expect(page.get_by_text("Welcome to")).to_be_visible()
    return page


def begun(page: Page) -> str:
    """An experiment of the newest team with a starter's examples; its address."""
    page.get_by_role("link", name="Experiments", exact=True).click()
    page.get_by_role("button", name="Use this: Review sentiment").click()
    expect(page.locator("#counts")).to_contain_text("of 2,048 tokens")
    page.locator("#instruction").fill(WORDS)
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")
    return page.url


def select(box: Locator, words: str) -> None:
    box.focus()
    box.evaluate(
        """(box, words) => {
          const at = box.value.indexOf(words)
          box.setSelectionRange(at, at + words.length)
        }""",
        words,
    )


def comment_on(page: Page, box: Locator, words: str, text: str) -> None:
    select(box, words)
    page.locator("#comment-here").click()
    expect(page.locator("#comment-about-words")).to_contain_text(words)
    page.keyboard.type(text)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".thread").first).to_contain_text(text)


def test_two_people_talk_about_a_prompt(open_page: OpenPage, instance: Instance) -> None:
    ada = open_page(bypass_csp=True)
    ben = invited(open_page, ada, "Ben")
    url = begun(ada)
    ben.goto(url)
    expect(ben.locator("#save-words")).to_have_text("view only")

    # A viewer selects words and calls the owner, who sees it without doing anything.
    select(ben.locator("#instruction"), "good or bad")
    ben.locator("#comment-here").click()
    ben.keyboard.type("What about mixed ones, @ad")
    expect(ben.get_by_role("option", name="Ada")).to_be_visible()
    ben.keyboard.press("Enter")
    ben.keyboard.type("?")
    ben.keyboard.press("Control+Enter")
    expect(ben.locator(".thread")).to_contain_text("good or bad")
    expect(ada.locator(".act [data-discussion-badge]")).to_have_text("@1")
    bubble = ada.get_by_role("button", name="1 comment on these words")
    expect(bubble).to_be_visible()
    expect(ada.locator(".text-layer .said")).to_have_text("good or bad")

    # She answers, reacts and moves the words; the thread follows them.
    bubble.click()
    thread = ada.locator(".thread")
    expect(thread.get_by_role("button", name=re.compile("Instruction"))).to_be_focused()
    expect(ada.locator(".act [data-discussion-badge]")).to_have_text("1", timeout=10_000)
    thread.get_by_label("Reply").fill("Good point.")
    thread.get_by_role("button", name="Reply").click()
    thread.get_by_role("button", name="React").first.click()
    ada.keyboard.press("Enter")
    theirs = ben.locator(".thread")
    expect(theirs).to_contain_text("Good point.")
    expect(theirs.get_by_role("button", name="Yes, 1: Ada")).to_be_visible()
    ada.locator("#instruction").fill(f"Please. {WORDS}")
    expect(ben.locator("#instruction")).to_have_value(f"Please. {WORDS}")
    expect(ben.locator(".text-layer .said")).to_have_text("good or bad")
    theirs.get_by_role("button", name=re.compile("Instruction")).click()
    chosen = "(box) => box.value.slice(box.selectionStart, box.selectionEnd)"
    assert ben.locator("#instruction").evaluate(chosen) == "good or bad"
    ada.locator("#instruction").fill("Say what you think.")
    expect(theirs.locator("[data-note]")).to_have_text("The words have changed since.")

    # Resolved, it goes; its author opens it again.
    thread.get_by_role("button", name="Resolve", exact=True).click()
    expect(thread).to_have_count(0)
    expect(theirs).to_have_count(0)
    ben.get_by_text("Resolved", exact=True).click()
    expect(theirs).to_contain_text("Good point.")
    theirs.get_by_role("button", name=re.compile("Open it again")).click()
    expect(ada.locator(".thread")).to_have_count(1)


def test_answers_and_examples_have_comments(open_page: OpenPage, instance: Instance) -> None:
    ada = open_page(bypass_csp=True)
    ben = invited(open_page, ada, "Bea")
    url = begun(ada)
    ada.keyboard.press("Control+Enter")
    expect(ada.locator(".answer-card")).to_have_attribute("data-status", "succeeded", timeout=60_000)
    ben.goto(url)

    ben.locator(".answer-card [data-discuss]").click()
    ben.keyboard.type("Too short for a label.")
    ben.keyboard.press("Control+Enter")
    expect(ada.locator(".answer-card [data-discuss]")).to_have_text("1 comment")
    ada.get_by_role("button", name="Comment on example 2").click()
    ada.keyboard.type("Is this one neutral?")
    ada.keyboard.press("Control+Enter")
    expect(ben.get_by_role("button", name="1 comment on example 2")).to_be_visible()
    comment_on(ada, ada.locator("#inputs textarea"), "screen", "And this?")
    expect(ben.locator(".thread")).to_have_count(3)

    # Edited, deleted, undone.
    mine = ada.locator(".thread").filter(has_text="And this?")
    mine.get_by_role("button", name="Edit this comment").click()
    ada.keyboard.type(" And that?")
    ada.keyboard.press("Control+Enter")
    expect(ben.locator(".threads")).to_contain_text("And this? And that?")
    mine.get_by_role("button", name="Delete this comment").click()
    expect(ben.locator(".thread")).to_have_count(2)
    ada.get_by_role("button", name="Undo").click()
    expect(ben.locator(".thread")).to_have_count(3)

    found = looks(ada, "discussion")
    ada.get_by_role("tab", name="Activity").click()
    expect(ada.locator("#activity")).to_contain_text("asked for an answer")
    found += looks(ada, "activity")
    ada.keyboard.press("Escape")
    expect(ada.locator("#discussion")).to_be_hidden()
    ada.reload()
    ada.set_viewport_size({"width": 360, "height": 740})
    ada.locator(".acts-more").click()
    ada.locator("#acts-menu [data-act=discussion]").click()
    expect(ada.locator(".thread")).to_have_count(3)
    assert ada.evaluate("document.documentElement.scrollWidth") <= 360
    found += looks(ada, "discussion-phone")
    ada.locator("[data-go]", has_text="Input").click()
    expect(ada.locator("#discussion")).to_be_hidden()
    expect(ada.locator("#inputs textarea")).to_be_focused()
    assert found == []


def looks(page: Page, name: str) -> list[str]:
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.screenshot(path=shots() / f"{name}-{scheme}.png")
        violations = (
            Axe().run(page, options={"rules": {"target-size": {"enabled": True}}}).response["violations"]
        )
        found += [
            f"{name}: {one['id']} {node['target']} {node['any']}"
            for one in violations
            for node in one["nodes"]
        ]
    return found
