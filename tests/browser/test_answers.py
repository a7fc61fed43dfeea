"""Answers side by side, and the history: what a person does with several runs."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, shots
from tests.browser.test_first_light import STORY, new_experiment, open_starter, press_run
from tests.system.instance import Instance

# Copies of the newest run, one a day, at 11:30 UTC: half past midnight of the next day in Auckland.
SIXTY_DAYS = """
import copy, uuid
from datetime import UTC, datetime, timedelta
from playground.models import Run
from playground.models.ids import new_id
run = Run.objects.latest("queued_at")
for day in range(60):
    made = copy.copy(run)
    made.pk, made.idempotency_key = new_id(), str(uuid.uuid4())
    made.queued_at = datetime(2025, 3, 10, 11, 30, tzinfo=UTC) - timedelta(days=day)
    made.save(force_insert=True)
"""

ENDED = re.compile("succeeded|cancelled|failed")


def cards(page: Page) -> Locator:
    return page.locator(".answer-card")


def wait_all_ended(page: Page, count: int) -> None:
    expect(cards(page)).to_have_count(count)
    live = page.locator(".answer-card:is([data-status=queued], [data-status=running])")
    expect(live).to_have_count(0, timeout=90_000)


def texts(page: Page) -> list[str]:
    return page.locator(".answer-card answer-text").all_text_contents()


def wait_for_text(page: Page, count: int) -> None:
    """Until ``count`` answers have some words."""
    begun = cards(page).filter(has=page.locator("answer-text > .t:nth-child(4)"))
    expect(begun.nth(count - 1)).to_be_attached(timeout=60_000)


def test_eight_samples_stream_beside_each_other_and_survive_a_reload(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, text=STORY, tokens=160)
    expect(page.locator("#samples")).to_be_disabled()
    expect(page.locator("#samples-note")).to_have_text("greedy repeats itself")
    page.get_by_text("Sample", exact=True).click()
    page.locator("#samples").select_option("8")
    page.keyboard.press("Control+Enter")
    expect(cards(page)).to_have_count(8)
    wait_for_text(page, 8)
    page.screenshot(path=shots() / "eight-streams.png")
    seeds = {re.search(r"seed (\d+)", text)[1] for text in page.locator(".answer-about").all_text_contents()}  # type: ignore[index]
    assert len(seeds) == 8

    first = cards(page).first
    first.get_by_role("button", name="Stop this answer").click()
    expect(first).to_have_attribute("data-status", "cancelled")
    expect(first.locator(".answer-note")).to_contain_text("kept")
    expect(cards(page).last).to_have_attribute("data-status", "running")

    page.reload()
    expect(cards(page)).to_have_count(8)
    expect(page.locator("#run")).to_have_attribute("data-live", "true")
    page.keyboard.press("Escape")
    wait_all_ended(page, 8)
    kept = texts(page)
    assert all(kept)
    page.reload()
    expect(cards(page)).to_have_count(8)
    expect(page.locator(".answer-card answer-text")).to_have_text(kept)


def test_a_ladder_and_its_regenerated_answers(open_page: OpenPage) -> None:
    page = open_page()
    open_starter(page)
    page.locator("#ladder").click()
    wait_all_ended(page, 3)
    expect(page.locator(".answer-title")).to_have_text(["zero-shot", "one-shot", "5-shot"])
    last = cards(page).last
    text, run = last.locator("answer-text").text_content(), last.get_attribute("data-run")
    last.get_by_role("button", name="Regenerate").click()
    expect(last.locator(".answer-pager")).to_contain_text("2 of 2")
    expect(last).to_have_attribute("data-status", ENDED)
    assert last.get_attribute("data-run") != run
    last.get_by_role("button", name="Older answer").click()
    expect(last).to_have_attribute("data-run", run or "")
    expect(last.locator("answer-text")).to_have_text(text or "")
    page.reload()
    expect(cards(page).last.locator(".answer-pager")).to_contain_text("1 of 2")
    cards(page).first.get_by_role("button", name="Close this card").click()
    expect(cards(page)).to_have_count(2)


def test_the_history_finds_compares_and_restores(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, text="I bought a second one.", tokens=8)
    instruction = page.locator("#instruction")
    before = "Decide whether the review is positive. Answer with one word."
    instruction.fill(before)
    press_run(page)
    wait_all_ended(page, 1)
    instruction.fill("Say whether the shopper is happy. Answer with one word.")
    press_run(page)
    expect(cards(page).locator(".answer-pager")).to_contain_text("2 of 2")
    wait_all_ended(page, 1)

    lines = page.locator("#history .line")
    page.get_by_placeholder("Find in prompts and answers").fill("shopper is HAPPY")
    expect(lines).to_have_count(1)
    page.get_by_placeholder("Find in prompts and answers").fill("")
    page.get_by_label("Outcome").select_option("failed")
    expect(page.locator("#history-empty")).to_contain_text("No run fits")
    page.get_by_label("Outcome").select_option("")
    expect(lines.nth(1)).to_be_visible()

    for line in (lines.nth(0), lines.nth(1)):
        line.get_by_role("checkbox").check()
    page.get_by_role("button", name="Show what differs").click()
    dialog = page.get_by_role("dialog", name="What differs")
    expect(dialog.locator("#difference-prompt ins").first).to_contain_text("Say")
    expect(dialog.locator("#difference-prompt del").first).to_contain_text("Decide")
    expect(dialog.locator("#difference-settings-same")).to_be_visible()
    page.screenshot(path=shots() / "difference.png")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    instruction.fill("A draft that was never run.")
    lines.nth(1).get_by_role("button", name="Restore").click()
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")
    expect(instruction).to_have_value(before)
    page.reload()
    page.locator("#restored").get_by_role("button", name="Undo").click()
    expect(instruction).to_have_value("A draft that was never run.")
    page.locator("#restored").get_by_role("button", name="Redo").click()
    expect(instruction).to_have_value(before)
    expect(page.locator("#save-state")).to_contain_text("saved")

    lines.nth(1).locator("[data-open]").click()
    expect(lines.nth(1)).to_have_attribute("aria-current", "true")


def test_history_days_are_the_readers(open_page: OpenPage, instance: Instance) -> None:
    page = open_page(timezone_id="Pacific/Auckland")
    open_starter(page)
    press_run(page)
    wait_all_ended(page, 1)
    instance.manage("shell", "-c", SIXTY_DAYS)
    page.reload()
    expect(page.locator("#history .line")).to_have_count(50)
    shown = page.locator("#history .line time").last.text_content()
    assert shown in ("12:30 AM", "00:30", "24:30"), shown
    page.get_by_role("button", name="Show older").click()
    expect(page.get_by_role("button", name="Show older")).to_be_hidden()
    assert page.locator("#history .line").count() > 50
    headings = page.locator("#history h3").all_text_contents()
    assert len(headings) == len(set(headings)) >= 50
    assert "Saturday, February 15, 2025" in headings
