"""The context bar, the exact prompt, settings and presets, as one person meets them."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, shots
from tests.browser.test_first_light import new_experiment, wait_done

HIDDEN = "Ends\u200b here, \u202eשלום\u202c and e\u0301. "


def add_examples(page: Page, *texts: str) -> None:
    for text in texts:
        page.locator("#add-example").click()
        cells = page.locator("#grid-rows .grid-row").last.locator("textarea")
        cells.first.fill(text)
        cells.last.fill("fine")


def test_a_prompt_that_does_not_fit_is_cured_by_two_presses(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, text="Good", tokens=64)
    add_examples(page, "It broke. " * 20, "It held. " * 20)
    expect(page.locator("#counts .room")).to_contain_text("more examples like these")
    page.locator("#inputs textarea").fill("word " * 1985)
    fault = page.locator("#context-fault")
    expect(fault).to_contain_text("too many for the window of 2,048")
    page.screenshot(path=shots() / "context-over.png", full_page=True)
    page.get_by_role("button", name="Drop the last example").click()
    expect(
        page.get_by_role("button", name=re.compile(r"Drop the last example \(\d+ tokens\)"))
    ).to_be_visible()
    expect(page.locator("#shots")).to_contain_text("one-shot")
    page.get_by_role("button", name="Drop the last example").click()
    page.get_by_role("button", name=re.compile(r"Reserve \d+ for the answer")).click()
    expect(fault).to_be_hidden()
    expect(page.locator("#save-state")).to_contain_text("saved")


def test_the_bar_is_walked_with_the_keyboard(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, text="Good")
    page.locator("#instruction").fill("Say fine or bad. ")
    add_examples(page, "It held.")
    expect(page.locator("#counts")).to_contain_text("1 example")
    page.get_by_role("button", name=re.compile("^Instruction:")).focus()
    expect(page.locator("#context-label")).to_contain_text("Instruction: ")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#context-label")).to_contain_text("Example 1: ")
    page.keyboard.press("Enter")
    expect(page.locator("#grid-rows textarea").first).to_be_focused()
    expect(page.locator("#warnings")).to_contain_text("The instruction ends with white space")
    page.locator("#warnings").get_by_role("button", name="Remove it").click()
    expect(page.locator("#instruction")).to_have_value("Say fine or bad.")
    expect(page.locator("#warnings")).to_be_empty()


def test_the_exact_prompt_hides_nothing(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, text=HIDDEN, tokens=4)
    page.locator("#exact-toggle").click()
    box = page.locator("#exact-text")
    expect(box).to_contain_text(HIDDEN)
    expect(page.locator("#exact .special").first).to_have_text("<|im_start|>")
    expect(page.locator("#exact .trailing")).to_have_text(" ")
    text = box.text_content()
    page.get_by_label("hidden characters").check()
    marks = box.locator("[data-mark]").evaluate_all("all => all.map((one) => one.dataset.mark)")
    assert {"ZWSP", "RLO", "PDF", "·", "⏎"} <= set(marks)
    page.get_by_label("token borders").check()
    assert box.text_content() == text, "marks are drawn, the text is the true one"
    box.locator("[data-index='3']").hover()
    expect(page.locator("#exact-token")).to_contain_text(re.compile(r"token 4 of \d+ · id \d+ · "))
    box.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#exact-token")).to_contain_text("token 5 of")
    page.screenshot(path=shots() / "exact-prompt.png")
    page.keyboard.press("Control+Enter")
    wait_done(page)
    page.locator("#inputs textarea").fill("Something else")
    page.get_by_role("button", name="Its prompt").click()
    expect(page.locator("#exact-note")).to_contain_text("Of the run below")
    assert box.text_content() == text
    page.get_by_role("button", name="Show the prompt above instead").click()
    expect(box).to_contain_text("Something else")


def test_presets_are_applied_saved_renamed_and_brought_back(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, text="Good", tokens=6)
    preset, state = page.locator("#preset"), page.locator("#preset-state")
    expect(preset).to_have_value("Greedy")
    expect(page.locator("#temperature")).to_be_disabled()
    expect(page.locator("[data-reason]").first).to_be_visible()
    preset.select_option("Balanced")
    expect(page.locator("#temperature")).to_have_value("0.7")
    expect(page.locator("#max_new_tokens")).to_have_value("6")
    page.locator("#temperature").fill("9")
    expect(page.locator("#temperature-fault")).to_have_text("From 0.05 to 5; 0.7 still counts.")
    page.locator("#temperature").fill("0.4")
    expect(state).to_have_text("changed")
    page.locator("#more-settings summary").click()
    page.locator("#repetition_penalty").fill("1.3")
    page.get_by_role("button", name="Save as…").click()
    page.get_by_label("Name of the new preset").fill("balanced")
    page.keyboard.press("Enter")
    expect(page.locator("#preset-fault")).to_contain_text("comes with Fewshot; choose another name")
    page.get_by_label("Name of the new preset").fill("Sober")
    page.keyboard.press("Enter")
    expect(preset).to_have_value("Sober")
    expect(state).to_be_empty()
    page.get_by_role("button", name="Rename…").click()
    page.get_by_label("New name").fill("Calm")
    page.keyboard.press("Enter")
    expect(preset).to_have_value("Calm")
    page.screenshot(path=shots() / "settings.png")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(preset).to_have_value("")
    page.get_by_role("button", name="Undo").click()
    expect(preset).to_have_value("Calm")
    page.keyboard.press("Control+Enter")
    wait_done(page)
    words = page.locator(".run-settings [data-words]")
    expect(words).to_contain_text(
        re.compile(r"repetition penalty 1.3 · temperature 0.4 .* seed \d+ \(drawn\)")
    )
    page.get_by_role("button", name="Keep this seed").click()
    seed = page.locator("#seed").input_value()
    expect(words).to_contain_text(f"seed {seed} (drawn)")
    expect(page.locator("#save-state")).to_have_text(re.compile("saved"))
    page.reload()
    expect(preset).to_have_value("")  # the kept seed is a setting of its own
    expect(page.locator("#history .line-facts").first).to_contain_text(f"seed {seed}")
    preset.select_option("Calm")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#preset-gone")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_fit_to_be_seen_on_a_phone(open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    new_experiment(page, text=HIDDEN)
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#instruction").fill("Say fine or bad.")
    page.locator("#exact-toggle").click()
    page.get_by_label("token borders").check()
    page.get_by_label("hidden characters").check()
    expect(page.locator("#exact-text [data-mark='ZWSP']")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=shots() / f"exact-phone-{scheme}.png", full_page=True)
