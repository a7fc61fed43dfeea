"""Every page for every hand and eye: axe in light and dark, keyboard alone, narrow, zoomed."""

import re
from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, shots
from tests.system.instance import Instance

# All rules once, and once more those that another scheme can break.
AXE = {
    "light": {"rules": {"target-size": {"enabled": True}}},
    "dark": {"runOnly": ["color-contrast", "link-in-text-block"]},
}
NO_EXPERIMENTS = "from playground.models import Experiment\nExperiment.objects.all().delete()"


def look(page: Page, name: str) -> list[str]:
    """What axe finds on the page as it is, in both schemes."""
    found = []
    for scheme, rules in AXE.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.screenshot(path=shots() / f"{name}-{scheme}.png")
        for item in Axe().run(page, options=rules).response["violations"]:
            found += [
                f"{name} {scheme}: {item['id']} {node['target']} {node['any']}" for node in item["nodes"]
            ]
    return found


def open_first(page: Page, base: str) -> None:
    if page.url != f"{base}/experiments/":
        page.goto(f"{base}/experiments/")
    page.locator("#starters").get_by_role("button", name="Use this: Review sentiment").click()
    expect(page.locator("#counts")).to_contain_text("of 2,048 tokens")


def test_axe_finds_nothing_for_strangers(open_page: OpenPage, instance: Instance) -> None:
    page = open_page(signed_in=False, bypass_csp=True)
    found = []
    page.goto(f"{instance.base}/experiments/")
    expect(page).to_have_url(re.compile("/accounts/login/"))
    found += look(page, "sign-in")
    page.get_by_label("Login").fill("nobody")
    page.get_by_label("Password").fill("wrong words")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += look(page, "sign-in-refused")
    page.goto(instance.manage("signinlink").stdout.strip())
    found += look(page, "welcome")
    unwatched = page.context.new_page()  # browsers log 404 and 410 as errors
    for path, name in (("/welcome/nothing/", "link-ended"), ("/no/such/page", "missing")):
        unwatched.goto(f"{instance.base}{path}")
        found += look(unwatched, name)
    assert found == []


def test_axe_finds_nothing_for_members(open_page: OpenPage, instance: Instance) -> None:
    page = open_page(bypass_csp=True)
    found = look(page, "list")
    for path, name in (("password/change/", "password"), ("logout/", "sign-out")):
        page.goto(f"{instance.base}/accounts/{path}")
        found += look(page, name)
    open_first(page, instance.base)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".answer-card")).to_have_attribute("data-status", "succeeded", timeout=60_000)
    found += look(page, "experiment")
    page.locator("#exact-toggle").click()
    expect(page.locator("#exact-text span").first).to_be_visible()
    found += look(page, "exact-prompt")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="All experiments")).to_be_visible()
    found += look(page, "palette")
    page.keyboard.press("Control+/")
    expect(page.locator("#help")).to_be_visible()
    found += look(page, "help")
    page.keyboard.press("Escape")
    page.locator(".user-button").click()
    found += look(page, "menu")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#rail-toggle").click()
    found += look(page, "phone-rail")
    page.locator("#scrim").click(position={"x": 370, "y": 400})
    page.locator("#settings-fold > summary").click()
    found += look(page, "phone-settings")
    assert found == []


def test_the_empty_list_shows_the_way(open_page: OpenPage, instance: Instance) -> None:
    page = open_page(bypass_csp=True)
    instance.manage("shell", "-c", NO_EXPERIMENTS)
    page.reload()
    assert look(page, "list-empty") == []
    page.get_by_role("button", name="Use this: Review sentiment").click()
    expect(page.get_by_label("Title")).to_have_value("Review sentiment")


def test_a_starter_becomes_an_experiment_with_inputs_to_try(open_page: OpenPage, instance: Instance) -> None:
    page = open_page()
    open_first(page, instance.base)
    box = page.locator("#inputs textarea")
    first = box.input_value()
    page.get_by_role("button", name="Try another input").click()
    expect(page.locator("#input-place")).to_have_text("test input 2 of 4")
    assert box.input_value() != first
    page.keyboard.press("Control+Enter")
    expect(page.locator(".answer-card answer-text")).to_have_text(re.compile("positive"), timeout=30_000)
    box.fill("Words of my own.")
    page.get_by_role("button", name="Try another input").click()
    expect(box).to_have_value(first)
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")
    page.reload()
    expect(page.locator("#input-place")).to_have_text("test input 1 of 5")


def test_the_palette_finds_and_runs_without_a_mouse(open_page: OpenPage, instance: Instance) -> None:
    page = open_page()
    open_first(page, instance.base)
    title = page.get_by_label("Title")
    title.fill("Colour of birds")
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")
    title.focus()
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Find a command")
    expect(box).to_be_focused()
    page.emulate_media(forced_colors="active")
    expect(page.locator("#palette-list [aria-selected=true]")).to_have_css("outline-style", "solid")
    page.screenshot(path=shots() / "forced-colours.png")
    page.emulate_media(forced_colors="none")
    box.press_sequentially("zzzz")
    expect(page.locator("#palette-words")).to_contain_text("Nothing here")
    page.keyboard.press("Escape")
    expect(title).to_be_focused()
    choose(page, "dark theme")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    choose(page, "exact prompt")
    expect(page.locator("#exact")).to_be_visible()
    choose(page, "all exp")
    page.wait_for_url("**/experiments/")
    choose(page, "colour of")
    expect(page.get_by_label("Title")).to_have_value("Colour of birds")
    choose(page, "run the pr")
    expect(page.locator(".answer-card")).to_have_attribute("data-status", "succeeded", timeout=30_000)


def choose(page: Page, words: str) -> None:
    page.locator("main").press("Control+k")  # waits for the page, unlike the keyboard
    page.get_by_role("combobox", name="Find a command").press_sequentially(words)
    chosen = page.locator("#palette-list [aria-selected=true]")
    expect(chosen).to_contain_text(re.compile(re.escape(words), re.IGNORECASE))
    page.keyboard.press("Enter")


def test_the_help_lists_the_keys_and_they_rest_while_it_is_open(
    open_page: OpenPage, instance: Instance
) -> None:
    page = open_page()
    open_first(page, instance.base)
    page.keyboard.press("Control+/")
    for words in ("Run the prompt", "Stop my run", "Find a command", "Show or hide the experiments"):
        expect(page.locator("#help")).to_contain_text(words)
    page.keyboard.press("Control+b")
    page.keyboard.press("Control+Enter")
    expect(page.locator("html")).to_have_attribute("data-rail", "open")
    expect(page.locator(".answer-card")).to_have_count(0)
    page.keyboard.press("Control+/")
    expect(page.locator("#help")).to_be_hidden()
    page.keyboard.press("Control+b")
    expect(page.locator("html")).to_have_attribute("data-rail", "closed")


def test_the_keyboard_reaches_everything_and_always_shows_where(
    open_page: OpenPage, instance: Instance
) -> None:
    page = open_page()
    open_first(page, instance.base)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUS)
        if at["name"] in ("BODY", "skip"):  # once around
            break
        reached.add(at["id"])
        assert at["shown"], f"the focus cannot be seen on {at}"
    assert {"title", "instruction", "run", "exact-toggle", "another-input", "max_new_tokens"} <= reached


# Whether the focused element looks focused: an outline, or a border or shadow that it only has then.
FOCUS = """() => {
  const at = document.activeElement
  if (at === document.body) return { name: "BODY" }
  const seen = (style) => {
    const outline = style.outlineStyle !== "none" && style.outlineWidth
    return [outline, style.boxShadow, style.borderColor, style.backgroundColor].join()
  }
  const place = at.closest("label, .model-card") ?? at
  const [now, around] = [seen(getComputedStyle(at)), seen(getComputedStyle(place))]
  at.blur()
  const shown = now !== seen(getComputedStyle(at)) || around !== seen(getComputedStyle(place))
  at.focus({ focusVisible: true })
  return { id: at.id, name: at.className, shown }
}"""


def test_narrow_and_zoomed_pages_do_not_scroll_sideways(open_page: OpenPage, instance: Instance) -> None:
    page = open_page()
    for name, visit in visits(page, instance):
        visit()
        for width in (720, 390, 360, 320):  # 720: a laptop at 200 %, 320: at 400 %
            page.set_viewport_size({"width": width, "height": 700})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            for dialog, keys in (("#palette", "Control+k"), ("#help", "Control+/")):
                page.keyboard.press(keys)
                inside(page.locator(dialog), width)
            page.screenshot(path=shots() / f"narrow-{name}-{width}.png")
            page.keyboard.press("Escape")


def visits(page: Page, instance: Instance) -> list[tuple[str, Callable[[], object]]]:
    return [
        ("list", lambda: page.goto(f"{instance.base}/experiments/")),
        ("experiment", lambda: open_first(page, instance.base)),
    ]


def inside(place: Locator, width: int) -> None:
    expect(place).to_be_visible()
    box = place.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
