"""From an experiment to a program: published, its code copied, run with the official client, its use told."""

import os
import re
import subprocess
import sys

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_every_page import look, open_first
from tests.system.instance import Instance


def opened(open_page: OpenPage, instance: Instance) -> Page:
    page = open_page(bypass_csp=True, permissions=["clipboard-read", "clipboard-write"])
    open_first(page, instance.base)
    return page


def run_python(code: str, key: str) -> str:
    environment = {**os.environ, "FEWSHOT_API_KEY": key}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


def copied(page: Page, language: str) -> str:
    """What the button copies of a language in the open dialog."""
    dialog = page.locator("#code")
    dialog.get_by_role("tab", name=language).click()
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_text("Copied")).to_be_visible()
    text: str = page.evaluate("navigator.clipboard.readText()")
    assert text == dialog.locator("#code-text").text_content()
    return text


def test_publish_copy_the_code_run_it_and_see_the_usage(open_page: OpenPage, instance: Instance) -> None:
    key = instance.manage("apikey", "create", "--name", "published").stdout.splitlines()[-1]
    page = opened(open_page, instance)
    page.get_by_role("button", name="More acts").click()
    page.get_by_role("button", name="Publish…").click()
    dialog = page.locator("#publish")
    expect(dialog.get_by_label("Name")).to_have_value("review-sentiment")
    dialog.get_by_role("button", name="Publish", exact=True).click()
    expect(dialog.get_by_label("The address")).to_have_value("prompt:adas-team/review-sentiment")
    assert look(page, "publish") == []
    dialog.get_by_role("button", name="Use in code").click()
    assert look(page, "published-code") == []
    assert run_python(copied(page, "Python"), key).strip()
    page.keyboard.press("Escape")
    dialog.get_by_role("link", name=re.compile("All published prompts")).click()
    usage = page.locator(".published-usage")
    expect(usage).to_contain_text(re.compile(r"Calls\s*1"))
    expect(page.locator(".published-now")).to_contain_text("Review sentiment, v1")
    page.get_by_text("History", exact=True).click()
    assert look(page, "published-prompts") == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert look(page, "published-prompts-phone") == []


def test_a_newer_version_switches_and_back(open_page: OpenPage, instance: Instance) -> None:
    page = opened(open_page, instance)
    page.get_by_label("Instruction", exact=True).fill("Say whether the review is positive or negative.")
    page.get_by_role("button", name="More acts").click()
    page.get_by_role("button", name="Publish…").click()
    dialog = page.locator("#publish")
    dialog.get_by_label("Name").fill("switched")
    dialog.get_by_role("button", name="Publish", exact=True).click()
    expect(dialog.get_by_label("The address")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("Instruction", exact=True).fill("Positive or negative?")
    page.get_by_role("button", name="Versions").first.click()
    page.get_by_label("Label of the version").fill("Shorter")
    page.get_by_role("button", name="Save version").click()
    line = page.locator(".version", has_text="Shorter")
    line.get_by_role("button", name=re.compile("Publish version")).click()
    dialog.get_by_label("Name").fill("switched")
    dialog.get_by_role("button", name="Switch").click()
    expect(dialog.locator("#publish-made-words")).to_contain_text("is published")
    page.keyboard.press("Escape")
    expect(line).to_contain_text("published as switched")
    assert look(page, "published-versions") == []
    page.keyboard.press("Escape")
    page.locator(".team-button").click()
    page.get_by_role("link", name="Published prompts").click()
    section = page.locator(".published", has=page.get_by_role("heading", name="switched"))
    expect(section.locator(".published-now")).to_contain_text("Shorter")
    section.get_by_text("History", exact=True).click()
    section.get_by_role("button", name=re.compile("Switch to")).click()
    expect(page.get_by_text(re.compile("switched runs v"))).to_be_visible()
    expect(section.locator(".published-now")).not_to_contain_text("Shorter")
    section.get_by_role("button", name="Unpublish switched").click()
    expect(section.get_by_text("not published")).to_be_visible()
    assert look(page, "published-ended") == []


def test_an_answer_shows_its_code(open_page: OpenPage, instance: Instance) -> None:
    key = instance.manage("apikey", "create", "--name", "answers").stdout.splitlines()[-1]
    page = opened(open_page, instance)
    page.locator("#run").click()
    card = page.locator(".answer-card").first
    expect(card.locator("[data-facts]")).to_contain_text("tokens", timeout=60_000)
    card.get_by_role("button", name="Code").click()
    code = copied(page, "Python")
    assert run_python(code, key) == card.locator("answer-text").inner_text()
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert look(page, "answer-code") == []
