"""What is deleted through the page comes back, at once and from the list; and what a team lets go."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_every_page import look, open_first
from tests.browser.test_first_light import press_run, wait_done
from tests.system.instance import Instance

TITLE = "To be deleted"
A_YEAR_AGO = """
from datetime import timedelta
from django.utils import timezone
from playground.models import Run
Run.objects.filter(pk={run!r}).update(finished_at=timezone.now() - timedelta(days=365))
"""


def make(page: Page, instance: Instance) -> str:
    """An experiment with a run and a comparison; its address."""
    open_first(page, instance.base)
    url = page.url
    page.get_by_label("Title", exact=True).fill(TITLE)
    press_run(page)
    wait_done(page)
    open_comparisons(page)
    page.get_by_role("button", name="Compare this prompt").click()
    page.wait_for_url("**/comparisons/**")
    page.goto(url)
    return url


def open_comparisons(page: Page) -> None:
    page.get_by_role("button", name="Compare", exact=True).first.click()
    expect(page.locator("#comparisons")).to_be_visible()


def undo(page: Page, words: str) -> None:
    toast = page.locator("#undo-place [data-undo]")
    expect(toast).to_contain_text(words)
    toast.get_by_role("button", name="Undo").click()


def test_what_is_deleted_comes_back(open_page: OpenPage, instance: Instance) -> None:
    page = open_page(bypass_csp=True)
    url = make(page, instance)
    lines, comparisons = page.locator("#history .line"), page.locator("#comparisons-list .version")

    lines.get_by_title("Delete this run").click()
    expect(lines).to_have_count(0)
    expect(page.locator(".answer-card")).to_have_count(0)
    undo(page, "Deleted a run.")
    expect(lines).to_have_count(1)
    lines.get_by_title("Delete this run").click()
    expect(lines).to_have_count(0)

    open_comparisons(page)
    comparisons.get_by_title("Delete").click()
    expect(page.locator("#comparisons-words")).to_contain_text("Deleted “")
    page.locator("#comparisons-undo").click()
    expect(comparisons).to_have_count(1)
    name = comparisons.get_by_role("link").text_content() or ""
    comparisons.get_by_title("Delete").click()
    expect(comparisons).to_have_count(0)
    page.keyboard.press("Escape")

    delete_experiment(page)
    expect(page.locator("#experiment-list")).not_to_contain_text(TITLE)
    undo(page, f"Deleted “{TITLE}”.")
    expect(page).to_have_url(url)
    delete_experiment(page)

    page.locator(".team-button").click()
    page.get_by_role("link", name="Members and settings", exact=True).click()
    page.get_by_role("link", name="Recently deleted").click()
    expect(page.locator("main")).not_to_contain_text(name)  # it comes with its experiment
    assert look(page, "deleted") == []
    page.get_by_role("button", name=f"Bring back {TITLE}").click()
    expect(page).to_have_url(url)
    expect(page.locator("main")).to_contain_text("Brought back.")
    expect(lines).to_have_count(0)
    page.go_back()
    page.reload()
    page.get_by_role("button", name=f"Bring back {name}").first.click()
    expect(page.locator(".column-title")).to_have_count(2)
    page.goto(url)
    open_comparisons(page)
    expect(comparisons).to_have_count(1)


def delete_experiment(page: Page) -> None:
    page.get_by_role("button", name="More acts").click()
    page.locator("#acts-menu").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/experiments/?team=*")


def test_an_owner_sees_what_would_go_before_it_is_let_go(open_page: OpenPage, instance: Instance) -> None:
    page = open_page(bypass_csp=True)
    open_first(page, instance.base)
    press_run(page)
    wait_done(page)
    run = page.locator("#history .line").get_attribute("data-run")
    instance.manage("shell", "-c", A_YEAR_AGO.format(run=run))
    page.locator(".team-button").click()
    page.get_by_role("link", name="Members and settings", exact=True).click()
    page.get_by_role("link", name="How long it is kept").click()
    expect(page.get_by_role("heading", name="Storage")).to_be_visible()
    page.get_by_label("The run itself").select_option("for 180 days")
    page.get_by_role("button", name="Show what would go").click()
    expect(page.locator(".policy-preview")).to_contain_text("This would now remove 1 run")
    assert look(page, "storage") == []
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_label("The run itself")).to_have_value("")
    page.get_by_label("The tokens of a run").select_option("for 180 days")
    page.get_by_role("button", name="Show what would go").click()
    expect(page.locator(".policy-preview")).to_contain_text("the tokens of 1 run")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("Saved.")
    expect(page.get_by_label("The tokens of a run")).to_have_value("180")

    page.get_by_label("The tokens of a run").select_option("for ever")
    page.get_by_role("button", name="Show what would go").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("The tokens of a run")).to_have_value("")
