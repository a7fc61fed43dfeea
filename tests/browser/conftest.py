"""A real Chromium on a real instance. Every page is watched: an error or a policy report fails the test."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    StorageState,
    sync_playwright,
)

from tests.environment import INSTALLED
from tests.system.instance import Instance, running

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Set before any script of ours runs: what a policy would have blocked is a finding.
REPORT = """
window.reports = [];
document.addEventListener("securitypolicyviolation", (e) => {
  window.reports.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`);
});
"""
OpenPage = Callable[..., Page]


def chromium() -> str | None:
    """The path that set-up found, or a Chromium on PATH."""
    note = INSTALLED.parent / "test-browser"
    if note.exists() and (noted := note.read_text().strip()):
        return noted
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium could be had: the tests in tests/browser are left out")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running(tmp_path_factory.mktemp("browser")) as instance:
        instance.wait_warm(120)
        yield instance


@pytest.fixture(scope="session")
def owner(browser: Browser, instance: Instance) -> StorageState:
    """The cookies of the owner, who has signed in once for all tests."""
    with browser.new_context() as context:
        sign_in(context.new_page(), instance)
        return context.storage_state()


@pytest.fixture
def open_page(browser: Browser, instance: Instance, owner: StorageState) -> Iterator[OpenPage]:
    """Opens the owner's list in a fresh browser, or an empty page; at the end every page must be clean."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_(signed_in: bool = True, **options: object) -> Page:
        options = {"viewport": {"width": 1440, "height": 980}, **options}
        context = browser.new_context(storage_state=owner if signed_in else None, **options)  # type: ignore[arg-type]
        context.add_init_script(REPORT)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: faults.append(told(message)) if is_fault(message) else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        if signed_in:
            page.goto(f"{instance.base}/experiments/")
        return page

    yield open_
    for context in contexts:
        for page in context.pages:
            faults.extend(page.evaluate("window.reports"))
        context.close()
    assert faults == []


def is_fault(message: ConsoleMessage) -> bool:
    """Refusals (409, 422) and a lost network are shown on the page; that the browser logs them is fine."""
    return message.type == "error" and not re.search(
        "status of (409|422)|ERR_INTERNET_DISCONNECTED", message.text
    )


def told(message: ConsoleMessage) -> str:
    return f"{message.text} {message.location['url']}"


def sign_in(page: Page, instance: Instance) -> None:
    page.goto(instance.manage("signinlink").stdout.strip())
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/experiments/")


def shots() -> Path:
    """Where screenshots go: the data folder, or the docs when they are to be renewed."""
    folder = Path(os.environ.get("FEWSHOT_SCREENSHOTS") or INSTALLED.parent / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
