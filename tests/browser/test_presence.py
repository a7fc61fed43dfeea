"""Three people in one room: an owner, an editor and a viewer, each in a browser of their own."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page, StorageState, ViewportSize, expect

from tests.browser.conftest import OpenPage, shots
from tests.browser.test_rooms import type_at
from tests.browser.test_versions import open_new, write
from tests.system.browser import Browser
from tests.system.instance import Instance, wait_until

GONE = 20_000  # ms in which whoever crashed is not shown any more
PHONE: ViewportSize = {"width": 360, "height": 740}
Enter = Callable[..., "Room"]


@dataclass
class Room:
    """Ada, who owns the experiment, Bo, who may edit it, and Cy, who may only read it."""

    url: str
    ada: Page
    bo: Page
    cy: Page

    @property
    def pages(self) -> tuple[Page, Page, Page]:
        return self.ada, self.bo, self.cy


@pytest.fixture(scope="module")
def others(instance: Instance, owner: StorageState) -> dict[str, Browser]:
    return {name: instance.add_user(name, role) for name, role in {"Bo": "editor", "Cy": "viewer"}.items()}


@pytest.fixture
def enter(open_page: OpenPage, instance: Instance, others: dict[str, Browser]) -> Enter:
    """All three open a new experiment of Ada."""

    def open_as(name: str, url: str, **options: object) -> Page:
        page = open_page(signed_in=False, **options)
        cookies = [(one.name, one.value or "") for one in others[name].jar]
        page.context.add_cookies(
            [{"name": key, "value": value, "url": instance.base} for key, value in cookies]
        )
        page.goto(url)
        return page

    def enter_(**cy_options: object) -> Room:
        ada = open_page(bypass_csp=True)
        url = open_new(ada, instance)
        write(ada, "#instruction", "Say whether the review is good.")
        room = Room(url, ada, open_as("Bo", url), open_as("Cy", url, **cy_options))
        expect(ada.locator("#faces .face")).to_have_count(3)
        return room

    return enter_


def caret_of(page: Page, text: str) -> str:
    """What stands before the first cursor of others in the box of ``text``."""
    found: str = page.locator(text).evaluate(
        """(box) => {
          const layer = [...box.parentElement.querySelectorAll(".text-layer")]
            .find((one) => one.offsetTop === box.offsetTop && one.querySelector(".others-caret"))
          const parts = [...(layer?.childNodes ?? [])]
          const caret = parts.findIndex((part) => part.className === "others-caret")
          return parts.slice(0, caret).map((part) => part.textContent).join("")
        }"""
    )
    return found


def test_everybody_sees_who_is_where(enter: Enter) -> None:
    room = enter()
    ada, bo, cy = room.pages
    bo.locator("#instruction").focus()
    bo.locator("#instruction").evaluate("(box) => box.setSelectionRange(4, 11)")
    cy.locator("#scope").focus()
    expect(ada.locator(".others-name")).to_have_text(["Cy", "Bo"])
    expect(ada.locator(".others-words")).to_have_text("whether")

    # The cursor stays in its sentence, whoever writes.
    type_at(ada, "#instruction", 0, "Please. ")
    expect(ada.locator(".others-words")).to_have_text("whether")
    wait_until(lambda: caret_of(ada, "#instruction") == "Please. Say whether", 5, "the cursor")
    bo.locator("#instruction").press("ArrowRight")
    bo.keyboard.type(" or not", delay=20)
    expect(ada.locator("#instruction")).to_have_value("Please. Say whether or not the review is good.")
    expect(ada.locator(".others-words")).to_have_count(0)
    wait_until(lambda: caret_of(ada, "#instruction") == "Please. Say whether or not", 5, "the cursor")

    ada.locator("#people-button").click()
    lines = ada.locator("#people-list li")
    expect(lines).to_have_count(3)
    expect(lines.nth(0)).to_contain_text("Ada (you)")
    expect(lines.nth(1)).to_contain_text("in the instruction")
    expect(lines.nth(2)).to_contain_text("viewing · in the scope")
    assert Axe().run(ada).response["violations"] == []
    ada.screenshot(path=shots() / "presence.png")
    lines.nth(2).get_by_role("button", name="Go to Cy").click()
    expect(ada.locator("#scope")).to_be_focused()
    # Bo and Cy are told of together or one after the other.
    expect(ada.locator("#presence-words")).to_contain_text(re.compile("is in the (instruction|scope)"))

    bo.locator("#max_new_tokens-slider").focus()
    expect(ada.locator(".knob .others-name")).to_have_text("Bo")


def test_a_box_is_found_again_where_its_row_went(enter: Enter) -> None:
    room = enter()
    room.ada.locator("#add-example").click()
    room.ada.keyboard.type("a first one")
    room.bo.locator("#grid-rows textarea").nth(0).focus()
    name = room.ada.locator("#grid-rows .grid-row").nth(0).locator(".others-name")
    expect(name).to_have_text("Bo")
    room.ada.locator("#add-example").click()
    room.ada.locator("[data-handle]").nth(0).press("ArrowDown")
    expect(room.ada.locator("#grid-rows .grid-row").nth(1).locator(".others-name")).to_have_text("Bo")


def test_who_leaves_or_crashes_is_gone(enter: Enter) -> None:
    room = enter()
    room.cy.close()
    expect(room.ada.locator("#faces .face")).to_have_count(2)
    with pytest.raises(Error, match="crash"):
        room.bo.goto("chrome://crash")
    expect(room.ada.locator("#people-button")).to_be_hidden(timeout=GONE)
    expect(room.ada.locator(".others")).to_have_count(0)
    room.bo.close()


def test_several_tabs_are_one_person(enter: Enter) -> None:
    room = enter()
    second = room.bo.context.new_page()
    second.goto(room.url)
    expect(room.ada.locator("#faces .face-pages")).to_have_text("2")
    expect(room.ada.locator("#faces .face")).to_have_count(3)
    second.close()
    expect(room.ada.locator("#faces .face-pages")).to_have_count(0)


def test_a_viewer_reads_along_until_they_may_edit(enter: Enter, instance: Instance) -> None:
    room = enter()
    ada, _, cy = room.pages
    expect(cy.locator("#save-words")).to_have_text("view only")
    expect(cy.locator(".reading-words")).to_be_visible()
    expect(cy.locator("#instruction")).not_to_be_editable()
    expect(cy.locator("#max_new_tokens-slider")).to_be_disabled()
    ada.locator("#add-example").click()
    ada.keyboard.type("live text")
    example = cy.locator("#grid-rows textarea").nth(0)
    expect(example).to_have_value("live text")
    expect(example).not_to_be_editable()
    cy.screenshot(path=shots() / "presence-viewer.png")

    give_role(instance, "Cy", "editor")
    expect(cy.get_by_role("alert").filter(has_text="You can edit this experiment now.")).to_be_visible()
    expect(cy.locator(".reading-words")).to_be_hidden()
    write(cy, "#instruction", "Cy was here.")
    expect(ada.locator("#instruction")).to_have_value("Cy was here.")

    # What was written without a line, and without the right by then, does not come in.
    cy.context.set_offline(True)
    cy.locator("#instruction").fill("Cy writes on.")
    give_role(instance, "Cy", "viewer")
    cy.context.set_offline(False)
    expect(cy.locator(".reading-words")).to_be_visible()
    expect(cy.locator("#rights-note")).to_be_hidden()  # it is again what the page was made for
    expect(cy.locator("#instruction")).to_have_value("Cy was here.")
    expect(cy.locator("#instruction")).not_to_be_editable()
    expect(ada.locator("#instruction")).to_have_value("Cy was here.")


def give_role(instance: Instance, name: str, role: str) -> None:
    rows = f"Membership.objects.filter(user__first_name={name!r}).exclude(role='owner')"
    code = f"from playground.models import Membership; {rows}.update(role={role!r})"
    assert instance.manage("shell", "-c", code).returncode == 0


def test_a_comparison_is_in_the_room_too(enter: Enter) -> None:
    room = enter()
    ada, bo, _ = room.pages
    bo.locator(".act[data-act=compare]").click()
    bo.locator("#compare-new").click()
    bo.wait_for_url("**/comparisons/**")
    expect(bo.locator("#faces .face")).to_have_count(3)
    ada.locator("#people-button").click()
    expect(ada.locator("#people-list li").nth(1)).to_contain_text("at comparison")
    ada.goto(bo.url)
    bo.locator("[data-act=edit]").nth(1).click()
    expect(ada.locator("#board-head .others-name")).to_have_text("Bo")
    ada.screenshot(path=shots() / "presence-comparison.png")
    ada.locator("#people-button").click()
    expect(ada.locator("#people-list li").nth(1)).to_contain_text("in column B")


def test_others_follow_a_presenter_until_they_act(enter: Enter) -> None:
    room = enter(viewport=PHONE, has_touch=True)
    ada, bo, cy = room.pages
    ada.locator("#people-button").click()
    ada.get_by_role("button", name="Present").click()
    ada.keyboard.press("Escape")
    for page in (bo, cy):
        expect(page.locator("#follow-words")).to_have_text("Ada presents.")
        page.locator("#follow-act").click()
    expect(ada.locator("#follow-words")).to_have_text("You present. Bo and Cy follow.")
    ada.locator(".act[data-act=versions]").click()
    for page in (bo, cy):
        expect(page.locator("#versions")).to_be_visible()
    ada.keyboard.press("Escape")
    for page in (bo, cy):
        expect(page.locator("#versions")).to_be_hidden()
    cy.screenshot(path=shots() / "presence-phone.png")
    bo.locator("#scope").click()
    expect(bo.locator("#follow-words")).to_have_text("You took over, so you no longer follow Ada.")
    expect(ada.locator("#follow-words")).to_have_text("You present. Cy follows.")
    ada.locator("#follow-act").click()
    for page in (bo, cy):
        expect(page.locator("#follow-note")).to_be_hidden()


def test_followers_come_to_the_token(enter: Enter) -> None:
    room = enter()
    ada, bo, _ = room.pages
    write(ada, "#max_new_tokens", "4")
    write(ada, "#inputs textarea", "It broke on the first day.")
    ada.locator("#people-button").click()
    ada.get_by_role("button", name="Present").click()
    ada.keyboard.press("Escape")
    bo.locator("#follow-act").click()
    ada.locator("#run").click()
    expect(ada.locator(".answer-card")).to_have_attribute("data-status", "succeeded", timeout=60_000)
    ada.locator("answer-text .t").nth(1).click()
    expect(bo.locator("answer-text .t.chosen")).to_have_count(1)
    chosen = ada.locator("answer-text .t.chosen").text_content()
    expect(bo.locator("answer-text .t.chosen")).to_have_text(chosen or "")
    expect(bo.locator(".token-panel")).to_be_visible()
    ada.keyboard.press("Escape")
    expect(bo.locator(".token-panel")).to_be_hidden()
    expect(ada.locator("#follow-words")).to_have_text("You present. Bo follows.")
