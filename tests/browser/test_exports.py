"""Files of an experiment through its page, and one of them imported again."""

import csv
import io
import json
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_comparisons import wait_idle
from tests.browser.test_every_page import look, open_first
from tests.browser.test_first_light import answer, press_run, wait_done
from tests.system.instance import Instance

# Two columns and one input; each column writes a few tokens.
COMPARE = """async (lengths) => {
  const { spec, urls } = JSON.parse(document.getElementById("page-data").textContent)
  const columns = lengths.map((length) => ({
    spec: { ...spec, settings: { ...spec.settings, max_new_tokens: length } },
  }))
  const answer = await fetch(`${urls.experiment}comparisons`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content,
    },
    body: JSON.stringify({ title: "Long or short?", columns, rows: [spec.input] }),
  })
  location.assign((await answer.json()).comparison.url)
}"""


def compared(page: Page) -> None:
    """Makes and runs a comparison, and prefers the second answer to the first."""
    page.evaluate(COMPARE, [2, 3])
    page.wait_for_url("**/comparisons/**")
    page.locator("#run-all").click()
    expect(page.locator('.board-cell[data-status="succeeded"]')).to_have_count(2, timeout=60_000)
    wait_idle(page)
    with page.expect_response("**/votes"):
        page.locator(".board-cell").nth(1).locator(".cell-text").press("b")


def download(page: Page, name: str, role: Literal["link", "button"] = "link") -> str:
    with page.expect_download() as saved:
        page.locator("main").get_by_role(role, name=name, exact=True).click()
    return Path(saved.value.path()).read_text(encoding="utf-8-sig")


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_files_are_downloaded_and_imported_again(
    open_page: OpenPage, instance: Instance, tmp_path: Path
) -> None:
    page = open_page(bypass_csp=True)
    open_first(page, instance.base)
    url = page.url
    page.get_by_label("Title", exact=True).fill("To be exported")
    press_run(page)
    wait_done(page)
    said = answer(page)
    compared(page)

    page.goto(url)
    page.get_by_role("button", name="More acts").click()
    page.get_by_role("link", name="Export…").click()
    expect(page.get_by_role("heading", name="Export")).to_be_visible()
    found = look(page, "export")
    whole = check_files(page, said)
    check_comparison(page)

    path = tmp_path / "experiment.json"
    path.write_text(whole)
    refuse_another_file(page, path.with_name("other.json"))
    found += look(page, "import-refused")
    page.get_by_label("File").set_input_files(path)
    page.get_by_role("button", name="Import").click()
    expect(page.locator("main")).to_contain_text("Imported 1 experiment.")
    assert page.url != url
    expect(page.get_by_label("Title", exact=True)).to_have_value("To be exported")
    expect(page.locator("#history .line")).to_have_count(1)
    page.locator("#history [data-open]").click()
    expect(page.locator(".answer-card answer-text")).to_have_text(said)
    assert page.locator(".answer-card answer-text .t").count() > 0, "its tokens came along"
    page.get_by_role("button", name="Compare", exact=True).first.click()
    page.get_by_role("link", name="Long or short?").click()
    expect(page.locator('.board-cell[data-status="succeeded"]')).to_have_count(2)
    expect(page.locator('.votes [aria-pressed="true"]')).to_have_text("better")
    assert found == []


def check_files(page: Page, said: str) -> str:
    """Experiment and history in every format; the experiment's JSON."""
    whole = download(page, "Everything as JSON")
    parsed = json.loads(whole)
    assert (parsed["fewshot"], len(parsed["runs"]), len(parsed["votes"])) == ("experiment", 3, 1)
    examples = lines(download(page, "Examples as JSON Lines"))
    assert examples[0]["completion"] in (" positive", " negative")
    assert len(table(download(page, "Examples as CSV"))) == 1 + len(examples)

    page.get_by_label("With the words").fill("no run has these")
    assert len(table(download(page, "CSV", "button"))) == 1
    page.get_by_label("With the words").fill("")
    page.get_by_label("Outcome").select_option("succeeded")
    history = json.loads(download(page, "JSON", "button"))
    assert [run["text"] for run in history["runs"]] == [said]
    assert [run["completion"].strip() for run in lines(download(page, "JSON Lines", "button"))] == [
        said.strip()
    ]
    assert said in table(download(page, "CSV", "button"))[1]
    return whole


def check_comparison(page: Page) -> None:
    title = "Long or short?"
    answers = [run["text"] for run in json.loads(download(page, f"{title} as JSON"))["runs"]]
    assert len(lines(download(page, f"{title} as JSON Lines"))) == 2
    assert len(table(download(page, f"{title} as CSV"))) == 3
    (pair,) = lines(download(page, "1 preference pair"))
    assert [pair["rejected"], pair["chosen"]] == answers  # the second was called better


def refuse_another_file(page: Page, path: Path) -> None:
    """Opens the import from the list; what is no export is refused in words."""
    page.locator(".brand").click()
    page.get_by_role("link", name="Import").click()
    path.write_text('{"fewshot": "recipe"}')
    page.get_by_label("File").set_input_files(path)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("alert")).to_contain_text("no experiment or team that Fewshot has exported")
