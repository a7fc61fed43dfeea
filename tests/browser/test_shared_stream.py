"""One stream for all: what one person starts, everybody in the room sees being written."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, StorageState, expect

from tests.browser.conftest import OpenPage, shots
from tests.browser.test_answers import ENDED
from tests.browser.test_first_light import STORY, new_experiment, press_run, write_prompt
from tests.browser.test_teams import new_team
from tests.browser.test_teamwork import BEGIN, INPUTS
from tests.system.instance import Instance


@pytest.fixture(scope="module")
def flo(browser: Browser, instance: Instance) -> StorageState:
    """The cookies of a second person."""
    instance.add_user("flo")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(instance.manage("signinlink", "--user=flo").stdout.strip())
        page.get_by_label("Your name").fill("Flo")
        page.get_by_role("button", name="Start").click()
        page.wait_for_url("**/experiments/")
        return context.storage_state()


def page_of(open_page: OpenPage, who: StorageState, url: str, **options: object) -> Page:
    page = open_page(signed_in=False, **options)
    page.context.add_cookies(who["cookies"])  # type: ignore[arg-type]
    page.goto(url)
    return page


def experiment_with(open_page: OpenPage, flo: StorageState, role: str, tokens: int) -> Page:
    """Ada's page of a new experiment in a team in which Flo has this role."""
    ada = open_page()
    team = new_team(ada, f"The {role}s")
    ada.get_by_role("combobox", name="Role", exact=True).select_option(role)
    ada.get_by_role("button", name="Make a link").click()
    expect(ada.locator("#invite-link")).to_be_visible()
    joining = page_of(open_page, flo, ada.get_by_label("The link").input_value())
    joining.get_by_role("button", name="Join as").click()
    joining.wait_for_url("**/experiments/**")
    ada.goto(f"{team.split('/teams/')[0]}/experiments/?team={team.rstrip('/').split('/')[-1]}")
    ada.get_by_role("button", name="New experiment").first.click()
    write_prompt(ada, STORY, tokens)
    return ada


def others(page: Page) -> Locator:
    return page.locator("#others .answer-card")


def words_of(card: Locator) -> str:
    return card.locator("answer-text").text_content() or ""


def begun(card: Locator) -> None:
    expect(card.locator("answer-text > .t:nth-child(4)")).to_be_attached(timeout=60_000)


def ended_alike(*same: Locator) -> None:
    for card in same:
        expect(card).to_have_attribute("data-status", ENDED, timeout=90_000)
    first, *rest = map(words_of, same)
    assert first
    assert rest == [first] * len(rest)


def test_editors_see_each_others_runs_and_stop_them_one_by_one(
    open_page: OpenPage, flo: StorageState
) -> None:
    ada = experiment_with(open_page, flo, "editor", tokens=400)
    other = page_of(open_page, flo, ada.url)
    expect(other.locator("#counts")).to_contain_text("of 2,048 tokens")
    press_run(ada)
    mine, seen = ada.locator("#own-answers .answer-card"), others(other)
    expect(seen).to_have_count(1)
    expect(seen.locator(".answer-who")).to_have_text("Ada")
    expect(seen.get_by_role("button", name="Regenerate")).to_be_hidden()
    for card in (mine, seen):
        begun(card)
    text = words_of(mine)
    expect(seen.locator("answer-text")).to_have_text(re.compile(re.escape(text)))
    expect(ada.locator("#others")).to_be_hidden()
    expect(other.locator("#history .line")).to_have_count(1)
    other.screenshot(path=shots() / "shared-stream.png")

    # Flo starts one of his own: hers stays below his, and Esc stops his alone.
    press_run(other)
    expect(other.locator("#own-answers .answer-card")).to_have_count(1)
    expect(others(ada)).to_have_count(1)
    expect(others(ada).locator(".answer-who")).to_have_text("Flo")
    other.keyboard.press("Escape")
    expect(other.locator("#own-answers .answer-card")).to_have_attribute(
        "data-status", "cancelled", timeout=60_000
    )
    expect(others(ada)).to_have_attribute("data-status", "cancelled", timeout=60_000)
    expect(mine).to_have_attribute("data-status", "running")
    expect(ada.locator("#run")).to_have_attribute("data-live", "true")

    # A latecomer reads what is there and follows; a cut line catches up. Nobody has a card twice.
    late = page_of(open_page, flo, ada.url)
    begun(others(late))
    assert words_of(others(late)).startswith(text)
    other.context.set_offline(True)
    ada.wait_for_timeout(1500)
    other.context.set_offline(False)
    other.reload()
    for page in (other, late):
        expect(others(page)).to_have_count(1)

    # An editor stops it on its card, for all.
    others(late).get_by_role("button", name="Stop this answer").click()
    ended_alike(mine, others(other), others(late))
    expect(mine).to_have_attribute("data-status", "cancelled", timeout=60_000)
    expect(other.locator("#history .line-open[data-status=cancelled]")).to_have_count(2, timeout=60_000)


def test_a_viewer_watches_many_samples_on_one_card(open_page: OpenPage, flo: StorageState) -> None:
    ada = experiment_with(open_page, flo, "viewer", tokens=12)
    viewer = page_of(open_page, flo, ada.url)
    expect(viewer.locator("#counts")).to_contain_text("of 2,048 tokens")
    ada.get_by_text("Sample", exact=True).click()
    ada.locator("#samples").select_option("8")
    ada.keyboard.press("Control+Enter")
    expect(ada.locator("#own-answers .answer-card")).to_have_count(8)
    card = others(viewer)
    expect(card).to_have_count(1)
    expect(card.locator(".answer-pager")).to_contain_text("1 of 8")
    expect(card.get_by_role("button", name="Stop this answer")).to_be_hidden()
    expect(viewer.locator("#history .line-open[data-status=succeeded]")).to_have_count(8, timeout=90_000)
    card.get_by_role("button", name="Newer answer").click()
    expect(card.locator(".answer-pager")).to_contain_text("2 of 8")
    expect(card).to_have_attribute("data-status", "succeeded")
    shown = ada.locator(f".answer-card[data-run='{card.get_attribute('data-run')}']")
    ended_alike(shown, card)

    # Whoever closes the card is told by a quiet line from then on.
    card.get_by_role("button", name="Close this card").click()
    expect(others(viewer)).to_have_count(0)
    ada.locator("#samples").select_option("1")
    press_run(ada)
    expect(viewer.locator("#others-words")).to_have_text("Ada started a run")
    expect(others(viewer)).to_have_count(0)
    viewer.get_by_role("button", name="Watch", exact=True).click()
    expect(others(viewer)).to_have_count(1)
    ended_alike(ada.locator("#own-answers .answer-card"), others(viewer))
    expect(viewer.locator("#others-words")).to_have_text("")


def test_another_page_of_mine_shows_what_i_start_here_and_can_run_meanwhile(open_page: OpenPage) -> None:
    here, there = open_page(), open_page()
    new_experiment(here, tokens=200)
    there.goto(here.url)
    expect(there.locator("#counts")).to_contain_text("of 2,048 tokens")
    press_run(here)
    begun(others(there))
    expect(others(there).locator(".answer-who")).to_have_text("you, elsewhere")
    expect(here.locator("#others")).to_be_hidden()
    expect(there.locator("#run")).to_have_attribute("data-live", "false")
    here.keyboard.press("Escape")
    expect(others(there)).to_have_attribute("data-status", "cancelled", timeout=60_000)


def test_a_board_follows_the_cells_that_others_run(open_page: OpenPage, flo: StorageState) -> None:
    ada = experiment_with(open_page, flo, "editor", tokens=8)
    ada.goto(ada.url.split("/experiments/")[0] + ada.evaluate(BEGIN, INPUTS[:1]))
    other = page_of(open_page, flo, ada.url)
    expect(other.locator("#people-button")).to_be_visible()  # in the room
    ada.locator("#run-all").click()
    expect(
        other.locator(".board-cell[data-status=queued], .board-cell[data-status=running]")
    ).not_to_have_count(0)
    expect(other.locator("#run-all")).to_have_attribute("data-live", "false")
    for page in (ada, other):
        expect(page.locator(".board-cell[data-status=succeeded]")).to_have_count(4, timeout=90_000)
    texts = [page.locator(".board-cell answer-text").all_text_contents() for page in (ada, other)]
    assert texts[0] == texts[1]
