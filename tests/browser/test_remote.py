"""A remote model on the page: what it lacks is disabled with the reason, and what its answers show."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser.conftest import OpenPage, shots, sign_in
from tests.browser.test_first_light import press_run, wait_done
from tests.inference.far_server import FarServer, counted, ended, entry, far_server, said, stream, whole
from tests.system.instance import Instance, running

GOOD = [
    said("Pos", entry("Pos", -0.2, Pos=-0.2, Neg=-1.9)),
    said("itive", entry("itive", -0.01)),
    ended(),
    counted(112, 2, 96),
]
ENTRY = """
[[model]]
name = "{name}"
title = "{name} elsewhere"
remote = "{url}"
endpoint = "{endpoint}"
private = true
"""


@pytest.fixture(scope="module")
def server() -> Iterator[FarServer]:
    with far_server() as server:
        yield server


@pytest.fixture(scope="module")
def instance(server: FarServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance that has no model of its own."""
    folder = tmp_path_factory.mktemp("remote")
    models: Path = folder / "models.toml"
    entries = [
        ("Talker", server.url, "chat"),
        ("Writer", server.url, "completions"),
        ("Gone", "http://127.0.0.1:9", "chat"),
    ]
    models.write_text(
        "".join(ENTRY.format(name=name.lower(), url=url, endpoint=kind) for name, url, kind in entries)
    )
    with running(folder / "data", FEWSHOT_MODELS=str(models)) as instance:
        instance.wait_warm(120)
        yield instance


@pytest.fixture(scope="module")
def owner(browser: Browser, instance: Instance) -> StorageState:
    with browser.new_context() as context:
        sign_in(context.new_page(), instance)
        return context.storage_state()


def open_experiment(page: Page) -> None:
    page.get_by_role("link", name="Review sentiment").first.click()
    expect(page.locator("#model-detail")).to_contain_text("prompts go to 127.0.0.1")


def press(page: Page, choice: str) -> None:
    page.locator("#settings label", has_text=choice).click()


def test_what_it_lacks_is_disabled_with_the_reason(open_page: OpenPage) -> None:
    page = open_page()
    open_experiment(page)
    expect(page.locator("#context-fault")).to_contain_text("Choose the chat layout")
    press(page, "Chat")
    expect(page.get_by_label("Plain")).to_be_disabled()
    expect(page.locator("#counts")).to_have_text(
        "Tokens are not known here: this model runs on another server."
    )
    press(page, "Sample")
    expect(page.locator("#top_k")).to_be_disabled()
    expect(page.locator('[data-lack="top_k"]')).to_have_text("The server of this model does not take it.")
    expect(page.locator("#top_p")).to_be_enabled()
    expect(page.locator("#next-words")).to_contain_text("gives no distribution")
    page.locator("#score summary").click()
    page.get_by_label("Text to score").fill("positive")
    expect(page.locator("#score-button")).to_be_disabled()
    expect(page.locator("#score-note")).to_contain_text("does not score")
    page.get_by_role("button", name="Exact prompt").click()
    expect(page.locator("#exact-text")).to_contain_text("[user]\nA joy from start to end")
    expect(page.locator("#exact-stale")).to_contain_text("Tokens are not known here")
    assert Axe().run(page, context="#settings").violations_count == 0
    page.screenshot(path=shots() / "remote-settings.png")


def test_an_answer_streams_with_its_figures(open_page: OpenPage, server: FarServer) -> None:
    server.answers = [stream(*GOOD, pause=0.05)]
    page = open_page()
    open_experiment(page)
    press(page, "Chat")
    press_run(page)
    wait_done(page)
    card = page.locator(".answer-card").first
    expect(card.locator("answer-text")).to_have_text("Positive")
    expect(card.locator("[data-facts]")).to_contain_text("96 prompt tokens reused")
    card.locator("answer-text .t").first.click()
    panel = page.locator("[data-token-panel]").first
    expect(panel).to_contain_text("p 0.819 · 0.29 bits")
    expect(panel).to_contain_text("cannot go on with another token")
    expect(panel.get_by_role("button")).to_have_count(0)
    expect(page.locator("#next-words")).to_contain_text("gives no distribution")
    card.locator("summary", has_text="Receipt").click()
    expect(card).to_contain_text("on another server, as big-2026 fp_1")
    page.screenshot(path=shots() / "remote-answer.png")


def test_an_answer_without_figures_says_so(open_page: OpenPage, server: FarServer) -> None:
    server.answers = [stream({"choices": [{"text": " positive", "finish_reason": None}]}, ended())]
    page = open_page()
    open_experiment(page)
    page.locator("#model").select_option("writer")
    expect(page.get_by_label("Plain")).to_be_checked()
    press_run(page)
    wait_done(page)
    card = page.locator(".answer-card").first
    expect(card.get_by_text("gave no probabilities for this answer")).to_be_visible()
    expect(card.locator("[data-token-figures]")).to_be_hidden()


def test_a_server_that_fails_or_is_away_is_told(open_page: OpenPage, server: FarServer) -> None:
    server.answers = [whole(400, {"error": {"message": "the prompt is too long"}})]
    page = open_page()
    open_experiment(page)
    page.locator("#model").select_option("talker")
    press_run(page)
    card = page.locator(".answer-card").first
    expect(card.locator("[data-fault]")).to_contain_text("(400: the prompt is too long)", timeout=60_000)
    page.locator("#model").select_option("gone")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#model-detail")).to_contain_text("not reachable: no connection", timeout=30_000)
    expect(page.get_by_role("button", name="Disconnect")).to_be_visible()
