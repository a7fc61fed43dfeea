"""From four variants to a verdict that others read: run, vote blind, share, open elsewhere, revoke."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, shots
from tests.browser.test_first_light import open_starter

INPUTS = [
    "The coffee was cold and the waiter rude.",
    "Best purchase that I have made this year!",
    "It does what it says, nothing more.",
    "Broke after two days, and support never answered.",
    "My children love it, and so do I.",
]
# As it is; without examples; hot; and told to say why. Every column writes a few tokens.
BEGIN = """async (inputs) => {
  const { spec, urls } = JSON.parse(document.getElementById("page-data").textContent)
  const short = { ...spec.settings, max_new_tokens: 8 }
  const sampled = { ...short, mode: "sample", temperature: 1.5, top_k: 0, top_p: 1 }
  const instruction = "Say in a few words why."
  const columns = [
    { title: "as it is", spec: { ...spec, settings: short } },
    { title: "no examples", spec: { ...spec, shots: 0, settings: sampled } },
    { title: "hot", spec: { ...spec, settings: { ...sampled, temperature: 2.5 } } },
    { title: "with a reason", spec: { ...spec, instruction, shots: 1, settings: sampled } },
  ]
  const rows = inputs.map((text) => ({ [spec.fields[0]]: text }))
  const answer = await fetch(`${urls.experiment}comparisons`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content,
    },
    body: JSON.stringify({ title: "Which prompt names the tone?", columns, rows }),
  })
  return (await answer.json()).comparison.url
}"""
# The vote is with the server: the next pair, or the end.
TAKEN = """(place) => !document.getElementById("blind-end").hidden
  || document.getElementById("blind-place").textContent !== place"""


def test_a_comparison_is_run_judged_blind_shared_and_taken_back(open_page: OpenPage) -> None:
    page = open_page()
    open_starter(page)
    page.goto(page.url.split("/experiments/")[0] + page.evaluate(BEGIN, INPUTS))
    run_all(page, cells=len(INPUTS) * 4)
    voted = vote_blind(page)
    expect(page.locator("#blind-tally")).to_be_visible()
    page.get_by_role("link", name="Comparison", exact=True).click()
    expect(page.locator("#results table")).to_be_visible()
    assert page.locator("#results").get_by_text(re.compile("evidence|preferred")).count() >= 1
    url = share(page)

    stranger = open_page(signed_in=False)
    stranger.goto(url)
    expect(stranger.get_by_role("heading", name="Which prompt names the tone?")).to_be_visible()
    for text in INPUTS:
        expect(stranger.get_by_text(text).first).to_be_visible()
    stranger.screenshot(path=shots() / "shared-comparison.png", full_page=True)
    assert voted >= 5
    assert stranger.evaluate("document.cookie") == "" or "sessionid" not in stranger.evaluate(
        "document.cookie"
    )

    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("#share-links")).to_contain_text(re.compile("revoked", re.IGNORECASE))
    refused = stranger.request.get(url)  # not as a page: a browser logs the refusal as a fault
    assert refused.status in (404, 410)
    assert INPUTS[0] not in refused.text()


def run_all(page: Page, cells: int) -> None:
    page.locator("#run-all").click()
    expect(page.locator("#run-all")).to_have_attribute("data-live", "true")
    expect(page.locator("#run-all")).to_have_attribute("data-live", "false", timeout=120_000)
    answered = page.locator("#board answer-text").filter(has_text=re.compile(r"\S"))
    assert answered.count() >= cells - 2  # a sampled answer may be empty


def vote_blind(page: Page) -> int:
    """Votes on every pair; what the page holds meanwhile names no column."""
    page.locator("#vote-blind").click()
    expect(page.locator("#blind-booth")).to_be_visible()
    secret = page.content()
    assert "no examples" not in secret
    assert "temperature" not in secret
    count = 0
    while page.locator("#blind-booth").is_visible():
        place = page.locator("#blind-place").text_content()
        page.keyboard.press("1" if count % 3 else "3")
        page.wait_for_function(TAKEN, arg=place)
        count += 1
    expect(page.locator("#blind-end")).to_be_visible()
    page.screenshot(path=shots() / "blind-end.png", full_page=True)
    return count


def share(page: Page) -> str:
    page.get_by_role("button", name="Share").first.click()
    page.get_by_role("button", name="Make link").click()
    expect(page.locator("#share-url")).to_have_value(re.compile("/s/"))
    return page.locator("#share-url").input_value()
