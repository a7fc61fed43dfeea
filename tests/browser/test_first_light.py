"""The newcomer's first minutes, and what a page must survive."""

import json
import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, shots, sign_in
from tests.system.instance import Instance

STORY = "Write a long story about a lighthouse keeper, his dog and a storm. Use many words."
NASTY = (
    "<script>window.pwned=1</script><img src=x onerror=\"window.pwned=1\">{{7*7}}</textarea><b>{% now 'Y' %}"
)

# An answer full of markup, as a model could write it; the page then shows it from the row.
FORGE = """
from playground import events
from playground.models import Run
run = Run.objects.latest("queued_at")
Run.objects.filter(pk=run.pk).update(text={text}, tokens=[dict(t={text})])
events.connect().delete(events.tape_key(run.pk))
"""


def open_starter(page: Page) -> None:
    page.locator("main a", has_text="Review sentiment").first.click()
    expect(page.locator("#counts")).to_contain_text("of 2,048 tokens")


def new_experiment(page: Page, text: str = STORY, tokens: int = 220) -> None:
    """A chat experiment that keeps the model writing for a while."""
    if not page.url.endswith("/experiments/"):
        page.goto(re.sub(r"/experiments/.*", "/experiments/", page.url))
    page.get_by_role("button", name="New experiment").first.click()
    write_prompt(page, text, tokens)


def write_prompt(page: Page, text: str, tokens: int) -> None:
    page.locator("#inputs textarea").fill(text)
    page.locator("#max_new_tokens").fill(str(tokens))
    expect(page.locator("#save-state")).to_contain_text("saved")


def answer(page: Page) -> str:
    return page.locator(".answer-card answer-text").text_content() or ""


def wait_for_words(page: Page, words: int) -> None:
    for _ in range(400):
        if len(answer(page).split()) >= words:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"fewer than {words} words came: {answer(page)!r}")


def press_run(page: Page) -> None:
    """Presses Run; the answer that was there before must not be taken for the new one."""
    with page.expect_response(lambda answer: answer.url.endswith("/runs") and answer.ok) as posted:
        page.keyboard.press("Control+Enter")
    expect(page.locator(f".answer-card[data-run='{posted.value.json()['run']['id']}']")).to_be_visible()


def wait_done(page: Page) -> None:
    card = page.locator(".answer-card")
    expect(card).to_have_count(1)
    expect(card).not_to_have_attribute("data-status", re.compile("queued|running"), timeout=60_000)


def test_a_newcomer_runs_the_starter(open_page: OpenPage, instance: Instance) -> None:
    page = open_page(signed_in=False)
    sign_in(page, instance)
    open_starter(page)
    expect(page.locator("#shots")).to_have_text("few-shot")
    press_run(page)
    wait_done(page)
    expect(page.locator(".answer-card answer-text")).to_have_text(re.compile("positive|negative"))
    expect(page.locator(".answer-card .facts")).to_contain_text("tok/s")
    expect(page.locator("#history .line").first).to_contain_text(answer(page).strip())
    page.screenshot(path=shots() / "experiment-light.png")


def test_tokens_stream_and_escape_stops(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page)
    page.keyboard.press("Control+Enter")
    lengths = []
    for _ in range(12):
        page.wait_for_timeout(250)
        lengths.append(len(answer(page)))
    assert len(set(lengths)) > 3, f"the text did not grow step by step: {lengths}"
    assert lengths == sorted(lengths)
    page.screenshot(path=shots() / "streaming.png")
    page.keyboard.press("Escape")
    wait_done(page)
    expect(page.locator(".answer-card")).to_have_attribute("data-status", "cancelled")
    expect(page.locator(".answer-fault")).to_be_hidden()
    kept = answer(page)
    assert kept
    page.reload()
    expect(page.locator(".answer-card answer-text")).to_have_text(kept)


def test_reload_and_second_browser_see_the_same_text(open_page: OpenPage) -> None:
    first, second = open_page(), open_page()
    new_experiment(first, tokens=120)
    first.get_by_role("button", name="Run", exact=False).first.click()
    wait_for_words(first, 8)
    before = answer(first)
    second.goto(first.url)
    first.reload()
    for page in (first, second):
        wait_done(page)
    assert answer(first).startswith(before)
    assert answer(first) == answer(second)
    run = json.loads(first.locator("#page-data").text_content() or "")["history"]["runs"][0]["id"]
    row = first.request.get(re.sub(r"/experiments/.*", f"/runs/{run}/", first.url)).json()["run"]
    assert row["text"] == answer(first)


def test_a_cut_browser_resumes_without_gap_or_repeat(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, tokens=200)
    page.keyboard.press("Control+Enter")
    wait_for_words(page, 5)
    page.context.set_offline(True)
    page.wait_for_timeout(5000)
    page.context.set_offline(False)
    wait_done(page)
    shown = answer(page)
    page.reload()
    expect(page.locator(".answer-card answer-text")).to_have_text(shown)


def test_the_draft_survives_and_two_tabs_hold_one_text(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, text="first words")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#inputs textarea")).to_have_value("first words")
    page.locator("#instruction").fill("Answer in French.")
    expect(page.locator("#save-state")).to_contain_text("saved")
    expect(other.locator("#instruction")).to_have_value("Answer in French.")
    page.reload()
    expect(page.locator("#instruction")).to_have_value("Answer in French.")
    other.locator("#instruction").fill("Answer in German.")
    expect(other.locator("#save-state")).to_contain_text("saved")
    expect(page.locator("#instruction")).to_have_value("Answer in German.")
    page.reload()
    expect(page.locator("#instruction")).to_have_value("Answer in German.")


def test_nothing_that_people_type_or_models_write_becomes_markup(
    open_page: OpenPage, instance: Instance
) -> None:
    page = open_page()
    new_experiment(page, text=NASTY)
    page.locator("#title").fill(NASTY[:100])
    page.locator("#scope").fill(NASTY)
    page.locator("#instruction").fill(f"Repeat exactly: {NASTY}")
    page.locator("#add-example").click()
    for cell in page.locator("#grid-rows textarea").all():
        cell.fill(NASTY)
    page.locator(".column-name").first.fill("<i>f</i>")
    expect(page.locator("#save-state")).to_contain_text("saved")
    page.locator("#exact-toggle").click()
    expect(page.locator("#exact-text")).to_contain_text(NASTY)
    page.keyboard.press("Control+Enter")
    wait_done(page)
    instance.manage("shell", "-c", FORGE.format(text=repr(NASTY)))
    page.reload()
    expect(page.locator(".answer-card answer-text")).to_have_text(NASTY)
    page.goto(re.sub(r"/experiments/.*", "/experiments/", page.url))
    expect(page.locator("main")).to_contain_text("<script>window.pwned")
    assert page.evaluate("window.pwned") is None


def test_examples_can_be_added_moved_switched_and_removed(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page)
    expect(page.locator("#shots")).to_have_text("zero-shot")
    for text in ("one", "two"):
        page.locator("#add-example").click()
        page.locator("#grid-rows .grid-row").last.locator("textarea").first.fill(text)
    expect(page.locator("#shots")).to_have_text("few-shot")
    page.locator("[data-handle]").last.focus()
    page.keyboard.press("ArrowUp")
    first_cells = page.locator("#grid-rows .grid-row textarea:first-of-type")
    assert first_cells.first.input_value() == "two"
    page.locator("[data-on]").first.uncheck()
    expect(page.locator("#shots")).to_contain_text("one-shot")
    page.locator("[data-handle]").last.focus()
    page.keyboard.press("Delete")
    expect(page.locator("#grid-rows .grid-row")).to_have_count(1)


def test_greedy_disables_the_samplers_and_says_why(open_page: OpenPage) -> None:
    page = open_page()
    open_starter(page)
    page.locator("#mode").get_by_text("Greedy").click()
    expect(page.locator("[data-sampler] input").first).to_be_disabled()
    expect(page.locator("#mode-note")).to_contain_text("most likely")
    page.get_by_text("Sample", exact=True).click()
    expect(page.locator("[data-sampler] input").first).to_be_enabled()
    page.locator("#mode").get_by_text("Greedy").click()
    expect(page.locator("#save-state")).to_contain_text("saved")


def test_a_prompt_over_the_window_is_refused_on_the_page(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, text="word " * 2500)
    expect(page.locator("#counts")).to_contain_text("2,048")
    with page.expect_response("**/runs") as refused:
        page.keyboard.press("Control+Enter")
    assert refused.value.status == 422
    expect(page.locator("#run-fault")).to_contain_text("more than the model's window")
    page.screenshot(path=shots() / "refused.png")


@pytest.mark.parametrize("width", [360, 390, 768, 1440, 1920])
def test_no_width_scrolls_sideways(open_page: OpenPage, width: int) -> None:
    page = open_page()
    page.set_viewport_size({"width": width, "height": 844})
    open_starter(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=shots() / f"width-{width}.png", full_page=True)


def test_nothing_jumps_while_streaming(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, tokens=60)
    box = page.locator("#run").bounding_box()
    page.keyboard.press("Control+Enter")
    for _ in range(10):
        time.sleep(0.2)
        assert page.locator("#run").bounding_box() == box
    wait_done(page)
