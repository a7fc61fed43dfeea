"""The panel of the next token and the scoring of a text, in a real browser on the real model."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, shots


def open_starter(page: Page) -> None:
    page.locator("main a", has_text="Review sentiment").first.click()
    expect(page.locator("#next-found")).to_be_visible(timeout=30_000)


def shares(page: Page) -> list[str]:
    return page.locator("#next-rows .next-share").all_text_contents()


def test_bars_follow_the_sliders_and_the_place(open_page: OpenPage) -> None:
    page = open_page()
    open_starter(page)
    expect(page.locator("#next-rows .greedy")).to_contain_text("negative")
    expect(page.locator("#next-note")).to_contain_text("ignored")
    page.get_by_text("Sample", exact=True).click()
    expect(page.locator(".next-step:visible")).to_have_count(4)
    temperature = page.locator('[data-knob="temperature"] .slider')
    temperature.fill("0.3")
    expect(page.locator(".next-step").nth(1)).to_contain_text("Temperature 0.3")
    cold = shares(page)
    temperature.fill("2")
    expect(page.locator(".next-step").nth(1)).to_contain_text("Temperature 2")
    assert float(shares(page)[0]) < float(cold[0])
    page.locator("#top_k").fill("2")
    expect(page.locator("#next-rows .cut")).to_have_count(6)
    expect(page.locator("#next-rest")).to_have_text("No other token is left.")
    page.locator(".next-step").first.click()
    expect(page.locator("#next-rows .cut")).to_have_count(0)
    page.locator(".next-step:visible").last.click()

    page.evaluate("document.addEventListener('begin-with', (e) => (window.begun = e.detail))")
    page.locator("#next-rows button").first.click()
    detail = page.evaluate("window.begun")
    assert (detail["run"], detail["at"]) == (None, 0)
    assert detail["text"].strip() in ("negative", "positive")
    page.screenshot(path=shots() / "next-token.png")


def test_a_token_of_an_answer_and_the_way_back(open_page: OpenPage) -> None:
    page = open_page()
    open_starter(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".answer-card")).to_have_attribute("data-status", "succeeded", timeout=60_000)
    run = page.locator("#history [data-run]").first.get_attribute("data-run")
    choose = "(detail) => document.dispatchEvent(new CustomEvent('token-chosen', { detail }))"
    page.evaluate(choose, {"run": run, "at": 0})
    expect(page.locator("#next-place")).to_have_text("Token 1 of the answer")
    expect(page.locator("#next-rows .taken")).to_contain_text(re.compile("negative|positive"))
    page.locator("#next-back").click()
    expect(page.locator("#next-place")).to_have_text("How an answer would begin")
    expect(page.locator("#next-rows .taken")).to_have_count(0)


def test_a_text_is_scored_on_the_page(open_page: OpenPage) -> None:
    page = open_page()
    open_starter(page)
    page.locator("#score summary").click()
    page.locator("#score-text").fill("negative")
    expect(page.locator("#score-note")).to_contain_text("begin with a space")
    page.locator("#score-text").fill(" negative, and so is the case")
    page.locator("#score-button").click()
    expect(page.locator("#scored")).to_have_text(" negative, and so is the case", timeout=30_000)
    expect(page.locator("#score-facts")).to_contain_text(
        re.compile(r"7 tokens · log p [−-][\d.]+ · perplexity")
    )
    page.locator("#score").scroll_into_view_if_needed()
    page.screenshot(path=shots() / "score.png")
    page.locator("#instruction").fill("Something else.")
    expect(page.locator("#score-note")).to_contain_text("has changed")
