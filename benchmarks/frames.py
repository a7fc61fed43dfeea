"""How smooth the page stays while eight answers stream: frame times in a real Chromium on the real product.

    python -m benchmarks.frames [--answers 8] [--tokens 300]

Starts an instance of its own (the real start command, default model), opens the experiment page, and looks at
every frame: while the page rests, while a slider redraws the bars of the next token, while all answers
stream, and while one does. Reported, from the browser itself:

* frame: milliseconds from one animation frame to the next; 16.7 is 60 frames a second;
* late: share of frames that took longer than two periods;
* long tasks: tasks of more than 50 ms on the page's main thread, as the browser counts them;
* busy: share of the time in which that thread did anything, and how much of it was layout;
* layouts: how often a frame laid the page out; more than once would be thrashing.

Model, server and browser share this machine's cores, which no reader's laptop has to.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.browser.conftest import FLAGS, chromium, sign_in
from tests.system.instance import Instance, running

PERIOD = 1000 / 60
STORY = "Write a long story about a lighthouse keeper, his dog and a storm. Use many words."
WATCH = """() => {
  window.seen = { frames: [], tasks: [] }
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.seen.tasks.push(duration)
  }).observe({ type: "longtask" })
  let last = performance.now()
  const look = (now) => {
    window.seen.frames.push(now - last)
    last = now
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}"""
TAKE = """() => {
  const taken = window.seen
  window.seen = { frames: [], tasks: [] }
  return taken
}"""
SLIDE = """(slider) => new Promise((done) => {
  let moves = 0
  const move = () => {
    if (moves === 120) return done()
    slider.value = 0.3 + moves++ / 100
    slider.dispatchEvent(new Event("input", { bubbles: true }))
    requestAnimationFrame(move)
  }
  move()
})"""
LIVE = "document.querySelectorAll('.answer-card:is([data-status=queued], [data-status=running])').length"
STREAMING = "document.querySelectorAll('.answer-card[data-status=running] answer-text .t').length"
Result = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description="Frame times while answers stream.")
    parser.add_argument("--answers", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as instance:
        instance.wait_warm()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            report(measure(browser, instance, options.answers, options.tokens))
            browser.close()


def measure(browser: Browser, instance: Instance, answers: int, tokens: int) -> dict[str, Result]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    sign_in(page, instance)
    page.get_by_role("button", name="New experiment").first.click()
    page.locator("#inputs textarea").fill(STORY)
    page.locator("#max_new_tokens").fill(str(tokens))
    page.get_by_text("Sample", exact=True).click()
    page.wait_for_timeout(2000)
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")
    page.evaluate(WATCH)
    results = {"at rest": watch(page, metrics, lambda: page.wait_for_timeout(5000))}
    page.locator("#next-found").wait_for()
    slider = page.locator('[data-knob="temperature"] .slider')
    results["slider moving"] = watch(page, metrics, lambda: slider.evaluate(SLIDE))
    for count in (answers, 1):
        page.locator("#samples").select_option(str(count))
        page.keyboard.press("Control+Enter")
        wait_until(page, f"{STREAMING} >= {2 * count}")
        results[f"{count} streaming"] = watch(page, metrics, lambda: wait_until(page, f"{LIVE} === 0"))
    return results


def wait_until(page: Page, condition: str) -> None:
    """Playwright's own waiting would evaluate the text in the page, which its policy forbids."""
    for _ in range(4 * 180):
        if page.evaluate(f"() => {condition}"):
            return
        page.wait_for_timeout(250)
    raise TimeoutError(condition)


def watch(page: Page, metrics: CDPSession, wait: Callable[[], None]) -> Result:
    """What the page did while ``wait`` ran."""
    page.evaluate(TAKE)
    before = counters(metrics)
    wait()
    after = counters(metrics)
    seen = page.evaluate(TAKE)
    frames = seen["frames"]
    cuts = statistics.quantiles(frames, n=20)
    spent = {name: after[name] - before[name] for name in after}
    return {
        "frames": len(frames),
        "p50": round(cuts[9], 1),
        "p95": round(cuts[18], 1),
        "max": round(max(frames), 1),
        "late %": round(100 * sum(frame > 2 * PERIOD for frame in frames) / len(frames), 1),
        "long tasks": len(seen["tasks"]),
        "longest": round(max(seen["tasks"], default=0.0)),
        "busy %": round(100 * spent["TaskDuration"] / spent["Timestamp"], 1),
        "layout %": round(100 * spent["LayoutDuration"] / spent["Timestamp"], 1),
        "layouts": round(spent["LayoutCount"] / len(frames), 2),
    }


def counters(metrics: CDPSession) -> dict[str, float]:
    found = metrics.send("Performance.getMetrics")["metrics"]
    wanted = {"Timestamp", "TaskDuration", "LayoutDuration", "LayoutCount"}
    return {one["name"]: one["value"] for one in found if one["name"] in wanted}


def report(results: dict[str, Result]) -> None:
    names = list(next(iter(results.values())))
    print(f"{'page':14}" + "".join(f"{name:>11}" for name in names))
    for case, values in results.items():
        print(f"{case:14}" + "".join(f"{values[name]:>11g}" for name in names))
    print(json.dumps({"benchmark": "frames", **results}))


if __name__ == "__main__":
    main()
