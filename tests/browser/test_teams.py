"""A team from its making to the removal of a member, in two browsers."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, shots
from tests.system.instance import Instance


def new_team(page: Page, name: str) -> str:
    """Makes a team by the menu; returns the address of its page."""
    page.locator(".team-button").click()
    page.get_by_role("link", name="New team").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make the team").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    return page.url


def give_role(page: Page, role: str) -> None:
    page.get_by_label("Role of Bob").select_option(role)
    expect(page.get_by_text(f"The role of Bob is {role} now.")).to_be_visible()


def give_title(page: Page, title: str) -> None:
    """Writes the title of the experiment and waits until it is stored."""
    expect(page.locator("#counts")).to_contain_text("of 2,048 tokens")  # the page's script is there
    page.get_by_label("Title", exact=True).fill(title)
    expect(page.locator("#save-words")).to_have_text("saved")


def test_from_an_invitation_to_the_end_of_a_membership(open_page: OpenPage, instance: Instance) -> None:
    alice = open_page()
    team = new_team(alice, "The browser lab")
    alice.get_by_role("combobox", name="Role", exact=True).select_option("viewer")
    alice.get_by_role("button", name="Make a link").click()
    expect(alice.locator("#invite-link")).to_be_visible()
    link = alice.get_by_label("The link").input_value()
    assert "/invitations/" in link
    alice.reload()
    expect(alice.locator("#invitation-rows li")).to_have_count(1)
    assert link not in alice.content()
    alice.get_by_role("link", name="Experiments", exact=True).click()
    alice.get_by_role("button", name="New experiment").click()
    give_title(alice, "Tides")

    bob = open_page(signed_in=False, bypass_csp=True)
    bob.goto(link)
    expect(bob.get_by_text("Ada invites you")).to_be_visible()
    assert Axe().run(bob).response["violations"] == []
    bob.screenshot(path=shots() / "invitation.png")
    bob.get_by_label("Your name").fill("Bob")
    bob.get_by_label("Password").fill("a long enough word")
    bob.get_by_role("button", name="Make an account and join").click()
    expect(bob.get_by_text("Welcome to The browser lab.")).to_be_visible()
    bob.get_by_role("link", name=re.compile("Tides")).click()
    expect(bob.locator("#save-words")).to_have_text("view only")

    look = open_page(bypass_csp=True)
    look.goto(team)
    assert Axe().run(look).response["violations"] == []
    look.screenshot(path=shots() / "team.png", full_page=True)
    alice.goto(team)
    give_role(alice, "editor")
    expect(bob.get_by_role("alert").filter(has_text="You can edit this experiment now.")).to_be_visible()
    bob.locator("#rights-reload").click()
    expect(bob.locator("#rights-note")).to_be_hidden()
    give_title(bob, "Tides and moons")

    give_role(alice, "viewer")
    expect(
        bob.get_by_role("alert").filter(has_text="You can no longer edit this experiment.")
    ).to_be_visible()
    alice.get_by_role("button", name="Remove Bob").click()
    alice.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(alice.get_by_text("Bob is no longer a member.")).to_be_visible()
    expect(bob.get_by_role("alert").filter(has_text="You have no access")).to_be_visible()
    alice.get_by_role("link", name="All activity").click()
    expect(alice.get_by_text("removed Bob (viewer)")).to_be_visible()
