"""How long the context bar waits for its counts while somebody types, through the real web program.

    python -m benchmarks.context [--probes 40]

Starts an instance of its own (the real start command, default model) and asks for the counts of a
few-shot prompt of about 2,000 tokens once for every letter of its input, as the page does: with
nothing else to do, and while the worker computes the same prompts ahead on the same cores. The
exact prompt is asked for beside it, which carries every token. Reported: milliseconds from the
request to the whole answer at the client, and the size of the answer.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.system.browser import Browser
from tests.system.instance import Instance, running, spec

WINDOW = 2048
TYPED = " It arrived late, the box was torn, and nobody answered when I called about it."
PAUSE = 0.25  # s between two requests: a person who types
REVIEW = (
    "We bought {} of these for the office, and after a month the screens were scratched, the batteries "
    "were flat by noon, and the colour had gone from “light grey” to something I would rather not name."
)


@dataclass
class Case:
    """One way to ask."""

    layout: str
    ahead: bool  # the worker computes the prompt meanwhile
    tokens: bool  # the exact prompt is open
    milliseconds: list[float] = field(default_factory=list)
    size: int = 0  # bytes of the last answer

    def __str__(self) -> str:
        return ", ".join(
            [
                self.layout,
                "with every token" if self.tokens else "counts",
                "worker busy" if self.ahead else "worker idle",
            ]
        )

    @property
    def cuts(self) -> list[float]:
        return statistics.quantiles(self.milliseconds, n=20)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time of the context bar.")
    parser.add_argument("--probes", type=int, default=40)
    probes = parser.parse_args().probes
    cases = [
        Case(layout, ahead, tokens)
        for ahead in (False, True)
        for tokens in (False, True)
        for layout in ("chat", "plain")
    ]
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as instance:
        instance.wait_warm()
        browser = instance.sign_in()
        length = measure(browser, cases, probes)
        loaded = has_torch(instance)
    report(cases, length, loaded)


def measure(browser: Browser, cases: list[Case], probes: int) -> int:
    """Fills the cases, one probe of each in turn; returns the tokens of the prompt."""
    prompts = {layout: long_prompt(browser, layout) for layout in ("chat", "plain")}
    tokens = 0
    for index in range(probes):
        for case in cases:
            wanted = prompts[case.layout]
            wanted = wanted | {"input": {"review": TYPED[: 1 + index % len(TYPED)]}}
            # What does not fit is counted, but never computed ahead.
            settings = wanted["settings"] | {"max_new_tokens": 1 if case.ahead else WINDOW}
            tokens = ask(browser, case, wanted | {"settings": settings})
            time.sleep(PAUSE)
    return tokens


def ask(browser: Browser, case: Case, wanted: dict[str, Any]) -> int:
    begun = time.perf_counter()
    answer = browser.post("/prompts/render", {"spec": wanted, "tokens": case.tokens})
    case.milliseconds.append((time.perf_counter() - begun) * 1000)
    assert answer.status == 200, answer.body
    case.size = len(answer.body)
    return int(answer.json()["counts"]["prompt"])


def long_prompt(browser: Browser, layout: str) -> dict[str, Any]:
    """As many different examples as leave room for the input in a window of 2,048 tokens."""
    examples: list[dict[str, Any]] = []
    while True:
        number = len(examples)
        values = {"review": REVIEW.format(number + 2)}
        examples.append({"id": str(number), "values": values, "output": "negative", "on": True})
        wanted = spec(layout=layout, examples=examples)
        answer = browser.post("/prompts/render", {"spec": wanted, "tokens": False})
        if answer.json()["counts"]["prompt"] > WINDOW - 50:
            return wanted | {"examples": examples[:-1]}


def has_torch(instance: Instance) -> bool:
    """Whether the web program has mapped torch into its memory."""
    maps = [Path(f"/proc/{pid}/maps").read_text() for pid in instance.children("uvicorn")]
    assert maps, "no web program was found"
    return any("libtorch" in text for text in maps)


def report(cases: list[Case], length: int, has_torch: bool) -> None:
    print(f"{f'ms, prompt of {length:,} tokens':46} {'p50':>6} {'p95':>6} {'max':>6} {'kB':>6}")
    for case in cases:
        print(
            f"{case!s:46} {case.cuts[9]:6.1f} {case.cuts[18]:6.1f} {max(case.milliseconds):6.1f}"
            f" {case.size / 1000:6.1f}"
        )
    rows = {
        str(case): {"p50": round(case.cuts[9], 1), "p95": round(case.cuts[18], 1), "bytes": case.size}
        for case in cases
    }
    print(json.dumps({"benchmark": "context", "tokens": length, "torch in web": has_torch, **rows}))


if __name__ == "__main__":
    main()
