"""A run is shared, played back by somebody without an account, saved as a file, and withdrawn."""

import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, Request, expect

from tests.browser.conftest import REPORT, OpenPage, shots
from tests.browser.test_first_light import answer, new_experiment
from tests.browser.test_tokens import run_to_the_end


def visible_tokens(page: Page) -> int:
    return page.locator("answer-text .t:not(.later)").count()


def play_back(page: Page, whole: str) -> None:
    """The page shows the whole answer, hides it as the slider goes back, and writes it again."""
    text, slider = page.locator("answer-text"), page.get_by_role("slider", name="Token")
    play = page.get_by_role("button", name="Play")
    expect(text).to_have_text(whole)
    expect(page.locator("answer-text .t").nth(10)).to_be_attached()  # the words are there before the tokens
    count = page.locator("answer-text .t").count()
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator("answer-text .t:not(.later)")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("answer-text .t:not(.later)")).to_have_count(2)
    expect(slider).to_have_attribute("aria-valuetext", re.compile(f"token 2 of {count}, "))
    page.get_by_role("combobox", name="Speed").select_option("4")
    slider.focus()
    page.keyboard.press("Space")
    expect(play).to_have_count(0)
    expect(play).to_be_visible(timeout=30_000)
    assert visible_tokens(page) == count
    page.keyboard.press("ArrowLeft")
    expect(page.locator("answer-text .t.later")).to_have_count(1)
    page.keyboard.press("End")
    expect(page.locator("answer-text .t.later")).to_have_count(0)


def look_at_a_token(page: Page) -> None:
    page.locator("answer-text .t").nth(3).click()
    panel = page.locator("[data-token-panel]")
    expect(panel).to_contain_text("token 4")
    expect(panel).to_contain_text(re.compile(r"p \d\.\d{3} · rank \d+ · [\d.]+ bits"))
    assert panel.get_by_role("button").count() == 0, "nothing can be branched here"
    page.keyboard.press("p")
    expect(page.locator("[data-shade]").first).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def look(page: Page, name: str) -> list[str]:
    """What axe finds on the page, wide and narrow, in both schemes."""
    found = []
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 360)):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.screenshot(path=shots() / f"{name}-{scheme}-{width}.png", full_page=True)
        found += [f"{name} {scheme} {width}: {item['id']}" for item in Axe().run(page).response["violations"]]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
    return found


def open_from_disk(browser: Browser, path: Path) -> tuple[Page, list[str]]:
    """The file in a browser without a network, and a note of every request it makes and every fault."""
    context = browser.new_context(offline=True)
    context.add_init_script(REPORT)
    page = context.new_page()
    noted: list[str] = []

    def on_request(request: Request) -> None:
        noted.append(request.url)

    def on_error(error: Error) -> None:
        noted.append(str(error))

    page.on("request", on_request)
    page.on("pageerror", on_error)
    page.goto(path.as_uri())
    return page, noted


def test_a_run_is_shared_played_back_saved_and_withdrawn(
    open_page: OpenPage, browser: Browser, tmp_path: Path
) -> None:
    page = open_page(bypass_csp=True)
    new_experiment(page, tokens=16)
    run_to_the_end(page)
    whole = answer(page)
    page.locator(".answer-card").get_by_role("button", name="Share").click()
    dialog = page.locator("#share")
    expect(dialog).to_contain_text("Share this answer")
    dialog.get_by_label("Passphrase").fill("open sesame")
    dialog.get_by_role("button", name="Make link").click()
    url = dialog.get_by_label("The new link")
    expect(url).to_have_value(re.compile(r"/s/[\w-]{43}/$"))
    expect(dialog.locator(".share-line")).to_contain_text("with a passphrase")
    page.screenshot(path=shots() / "share-dialog.png")
    assert [item["id"] for item in Axe().run(page).response["violations"]] == []

    visitor = open_page(signed_in=False, bypass_csp=True)
    address = url.input_value()
    visitor.goto(address)
    expect(visitor.locator("body")).not_to_contain_text(whole[:20])
    assert look(visitor, "shared-locked") == []
    visitor.get_by_label("Passphrase").fill("open sesame")
    visitor.get_by_role("button", name="Open").click()
    play_back(visitor, whole)
    expect(visitor.locator("[data-pace]")).to_be_hidden()  # the true times are known
    look_at_a_token(visitor)
    assert look(visitor, "shared-run") == []

    with visitor.expect_download() as saved:
        visitor.get_by_role("link", name="Save as a file").click()
    path = tmp_path / "saved.html"
    saved.value.save_as(path)
    file, noted = open_from_disk(browser, path)
    play_back(file, whole)
    look_at_a_token(file)
    assert noted == [path.as_uri()]
    assert file.evaluate("window.reports") == []
    file.screenshot(path=shots() / "shared-file.png")
    file.context.close()

    dialog.get_by_role("button", name="Revoke").click()
    expect(dialog.locator(".share-line")).to_contain_text("revoked")
    gone = visitor.context.new_page()  # browsers log 404 as an error
    answered = gone.goto(address)
    assert answered
    assert answered.status == 404
    expect(gone.locator("h1")).to_have_text("Nothing is shared here")
