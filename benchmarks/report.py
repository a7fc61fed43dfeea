"""Tables for people, and one line for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.ratios import Quantity, Ratio
from benchmarks.record import Case, Record
from inference.types import EngineStats

Row = Sequence[str]


def table(head: Row, rows: Iterable[Row]) -> str:
    """Markdown: the first column to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    rule = ["-" * widths[0]] + [f"{'-' * (width - 1)}:" for width in widths[1:]]
    return "\n".join(_line(line, widths) for line in [head, rule, *lines[1:]]) + "\n"


def _line(cells: Row, widths: list[int]) -> str:
    rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return f"| {' | '.join([cells[0].ljust(widths[0]), *rest])} |"


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def ratio_table(ratios: Iterable[Ratio], record: Record) -> str:
    rows = []
    for ratio in ratios:
        value = ratio.measured(record)
        medians = [_median(ratio.over, record), _median(ratio.under, record)]
        goals = [number(ratio.must), number(ratio.aim)]
        rows.append([ratio.name, *goals, number(value), ratio.verdict(value), " / ".join(medians)])
    return table(["ratio", "must", "aim", "measured", "reached", "medians behind it"], rows)


def _median(quantity: Quantity, record: Record) -> str:
    return number(record.median(*quantity))


def request_table(record: Record) -> str:
    """Everything that was asked of a client, and generate. Milliseconds, but for the rate."""
    columns = ["tok/s", "first p50 ms", "first p95 ms", "gap p50 ms", "gap p95 ms", "cached"]
    rows = [
        [str(case), *(number(record.median(case, column)) for column in columns)]
        for case in record.cases("tok/s")
    ]
    return table(["medians of the rounds", *columns[:-1], "tokens reused a request"], rows)


def step_table(record: Record) -> str:
    """Milliseconds a step by stage, and the tokens behind them, of all rounds together."""
    stages = list(dict.fromkeys(stage for work in record.work.values() for stage in work.stages))
    rows = []
    for case, work in record.work.items():
        steps = max(1, work.steps)
        times = [sum(work.stages.values()), *(work.stages.get(stage, 0.0) for stage in stages)]
        counts = [str(work.steps), str(work.computed), str(work.reused)]
        rows.append([str(case), *counts, *(number(1000 * seconds / steps) for seconds in times)])
    return table(["engine", "steps", "tokens computed", "tokens reused", "ms a step", *stages], rows)


def memory_table(used: dict[str, float]) -> str:
    return table(["memory", "MB"], [[name, f"{megabytes:.0f}"] for name, megabytes in used.items()])


def engine_memory(sizes: dict[str, int], stats: EngineStats) -> dict[str, float]:
    """MB of weights as loaded and of keys and values, held at the end and at most."""
    megabyte, token = 2**20, sizes["token"]
    return {
        "weights, as loaded": sizes["weights"] / megabyte,
        "cache: prefixes held at the end": stats.prefix_tokens_held * token / megabyte,
        "cache: room for running requests": stats.cache_tokens_total * token / megabyte,
        "cache: room for prefixes": stats.prefix_tokens_total * token / megabyte,
    }


def json_line(ratios: Iterable[Ratio], record: Record, used: dict[str, float], about: dict[str, Any]) -> str:
    result = {
        "benchmark": "engine",
        **about,
        "ratios": {ratio.name: _short(ratio.measured(record)) for ratio in ratios},
        "samples": _samples(record),
        "work": {str(case): _work(record, case) for case in record.work},
        "memory MB": {name: round(megabytes) for name, megabytes in used.items()},
    }
    return json.dumps(result)


def _samples(record: Record) -> dict[str, dict[str, list[float | None]]]:
    nested: dict[str, dict[str, list[float | None]]] = {}
    for (case, quantity), values in record.samples.items():
        nested.setdefault(str(case), {})[quantity] = [_short(value) for value in values]
    return nested


def _work(record: Record, case: Case) -> dict[str, Any]:
    work = record.work[case]
    stages = {stage: _short(seconds) for stage, seconds in work.stages.items()}
    return {"steps": work.steps, "computed": work.computed, "reused": work.reused, "stage seconds": stages}


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
