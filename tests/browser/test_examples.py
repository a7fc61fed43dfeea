"""The examples grid: import, undo, keyboard, shots, paste, and fields in the instruction."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, shots
from tests.browser.test_every_page import look
from tests.browser.test_first_light import new_experiment, open_starter

# Latin-1, semicolons, a line break in a cell, a formula, a short row, an empty one, and markup.
TABLE = 'Réponse;Texte;stars\npositive;"Très bon,\nmerci";5\nnegative;=1+1;1\npositive;<b>x</b>\n;;\n'
PASTE = """([text, html]) => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  if (html) data.setData("text/html", html);
  const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(paste);
}"""


def choose(page: Page) -> None:
    page.get_by_role("button", name="Import", exact=True).click()
    page.locator("#import-file").set_input_files(
        {"name": "avis.csv", "mimeType": "text/csv", "buffer": TABLE.encode("latin-1")}
    )
    expect(page.locator("#import-counts")).to_contain_text("tokens with")


def cells(page: Page) -> list[str]:
    return [area.input_value() for area in page.locator("#grid-rows textarea").all()]


def handle(page: Page, number: int) -> Locator:
    return page.locator("[data-handle]").nth(number - 1)


def test_a_table_is_mapped_previewed_and_imported(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, text="Assez bon.")
    choose(page)
    expect(page.locator("#import-state")).to_have_text("avis.csv: CSV with semicolons, 4 rows, 3 columns")
    expect(page.locator("#import-notes")).to_contain_text("not UTF-8")
    page.get_by_label("Column Réponse goes to").select_option("output")
    page.get_by_label("Column Texte goes to").select_option("field:input")
    page.get_by_label("Column stars goes to").select_option("")
    expect(page.locator("#import-preview")).to_contain_text("Très bon,\nmerci")
    expect(page.locator("#import-counts")).to_contain_text("tokens with 3 shots")
    page.screenshot(path=shots() / "import.png")
    page.get_by_role("button", name="Import 3 rows").click()
    expect(page.locator("#grid-note")).to_have_text("3 rows added.")
    assert cells(page) == ["Très bon,\nmerci", "positive", "=1+1", "negative", "<b>x</b>", "positive"]
    expect(page.locator("#save-state")).to_contain_text("saved")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export").click()
    assert Path(saved.value.path()).read_bytes().decode("utf-8-sig").splitlines()[3] == '"\'=1+1",negative'


def test_axe_finds_nothing_in_the_import(open_page: OpenPage) -> None:
    page = open_page(bypass_csp=True)
    open_starter(page)
    choose(page)
    assert look(page, "import-table") == []


def test_a_deleted_example_comes_back_and_shots_are_chosen(open_page: OpenPage) -> None:
    page = open_page()
    open_starter(page)
    before = cells(page)
    handle(page, 2).focus()
    page.keyboard.press("Delete")
    assert cells(page) == before[:2] + before[4:]
    page.get_by_role("button", name="Undo").click()
    assert cells(page) == before
    handle(page, 1).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("d")
    assert cells(page) == [*before[2:4], *before[:2], *before[:2], *before[4:]]
    page.keyboard.press("Delete")
    page.keyboard.press("ArrowUp")
    page.get_by_label("Shots: how many examples the prompt holds").focus()
    page.keyboard.press("Home")
    rows = len(before) // 2
    expect(page.locator("#shots")).to_have_text(f"zero-shot · 0 of {rows} placed")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#shots")).to_have_text(f"one-shot · 1 of {rows} placed")
    expect(page.locator("#counts")).to_contain_text("1 example ")
    # Rows that are not placed are counted all the same.
    for cost in page.locator("#grid-rows [data-tokens]").all():
        expect(cost).to_have_text(re.compile(r"^\d+$"))
    page.keyboard.press("End")
    expect(page.locator("#shots")).to_have_text("few-shot")


def test_cells_of_a_spreadsheet_are_pasted_and_taken_back(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page)
    page.locator("#add-example").click()
    page.evaluate(PASTE, ['a\tb\r\n"c\nd"\te\r\n', ""])
    assert cells(page) == ["a", "b", "c\nd", "e"]
    expect(page.locator("#grid-note")).to_have_text("Pasted, 1 row added.")
    page.keyboard.press("Control+z")
    assert cells(page) == ["", ""]
    page.evaluate(PASTE, ["x\ty\tz", ""])  # no room to the right: the columns are asked for
    expect(page.locator("#import-state")).to_contain_text("Pasted rows: tab-separated, 1 row, 3 columns")
    page.keyboard.press("Escape")
    expect(page.locator("#import")).to_be_hidden()


def test_fields_are_found_in_the_instruction_and_the_answer_becomes_an_example(open_page: OpenPage) -> None:
    page = open_page()
    new_experiment(page, text="good morning", tokens=4)
    page.locator("#instruction").fill("Translate {{input}} to {{language}}.")
    expect(page.locator("#placeholders")).to_contain_text("Filled in from the input: input.")
    page.get_by_role("button", name="Add the field language").click()
    page.keyboard.type("French")
    page.locator("#exact-toggle").click()
    expect(page.locator("#exact-text")).to_contain_text("Translate good morning to French.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Add to examples")).to_be_visible()
    answer = (page.locator(".answer-card answer-text").text_content() or "").strip()
    page.locator("#inputs textarea").first.fill("something else")
    page.get_by_role("button", name="Add to examples").click()
    expect(page.locator("#grid-rows textarea").first).to_be_focused()
    assert cells(page) == ["good morning", "French", answer]
