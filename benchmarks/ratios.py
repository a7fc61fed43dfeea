"""The ratios that decide, and what they must be. No torch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.record import Case, Record

Quantity = tuple[Case, str]


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median over the rounds of ``over`` / ``under``, both of the same round."""

    name: str
    over: Quantity
    under: Quantity
    must: float | None = None
    aim: float | None = None
    less_is_better: bool = False

    def measured(self, record: Record) -> float | None:
        """None when one of the two was not measured."""
        pairs = zip(record.samples.get(self.over, ()), record.samples.get(self.under, ()), strict=False)
        values = [over / under for over, under in pairs]
        return statistics.median(values) if values else None

    def verdict(self, value: float | None) -> str:
        if value is None:
            return "not run"
        if self._reached(value, self.aim):
            return "aim"
        if self._reached(value, self.must):
            return "must"
        return "" if self.must is None else "MISSED"

    def _reached(self, value: float, goal: float | None) -> bool:
        if goal is None:
            return False
        return value <= goal if self.less_is_better else value >= goal


def http(who: str, workload: str, concurrency: int) -> Case:
    return Case(f"{who} over HTTP", workload, concurrency, workload == "shared")


def engine(workload: str, concurrency: int, *, resident: bool) -> Case:
    return Case("engine", workload, concurrency, resident)


def plain(workload: str, concurrency: int) -> Case:
    return Case("plain transformers", workload, concurrency, False)


def ratios(peers: Iterable[str]) -> list[Ratio]:
    """The issue's table, a few rows that put it in context, and a block for each server of the user."""
    fixed = [_against("transformers", "shared", 8, 3.5, 5)]
    fixed += [_generate(8, resident=False, must=2.5, aim=4), _generate(8, resident=True)]
    fixed += [_generate(1, resident=False, must=1.3, aim=1.8), _generate(1, resident=True)]
    eight = engine("shared", 8, resident=True), "tok/s"
    one = engine("shared", 1, resident=True), "tok/s"
    sixteen = engine("shared", 16, resident=True), "tok/s"
    distinct = engine("distinct", 8, resident=False), "tok/s"
    hit = engine("first token", 1, resident=True), "first p50 ms"
    miss = engine("first token", 1, resident=False), "first p50 ms"
    staggered = engine("staggered", 8, resident=True)
    fixed += [
        Ratio("tok/s, concurrency 8 over 1", eight, one, 4, 5.5),
        Ratio("tok/s, concurrency 16 over 8", sixteen, eight, 1.25, 1.4),
        Ratio("tok/s, shared over distinct, concurrency 8", eight, distinct, 1.8, 2.5),
        Ratio("time to first token, prefix hit over miss", hit, miss, 0.30, 0.20, less_is_better=True),
        Ratio(
            "inter-token p95 over p50, concurrency 8, staggered",
            (staggered, "gap p95 ms"),
            (staggered, "gap p50 ms"),
            2.0,
            1.3,
            less_is_better=True,
        ),
        Ratio(
            "scoring 100 labels, against one forward each",
            (plain("scoring", 1), "seconds"),
            (engine("scoring", 1, resident=False), "seconds"),
            10,
            25,
        ),
    ]
    cases = (("shared", 1, None), ("shared", 8, 1.0), ("shared", 16, 1.0), ("distinct", 8, None))
    return fixed + [_against(peer, *case[:2], aim=case[2]) for peer in peers for case in cases]


def _against(
    peer: str, workload: str, concurrency: int, must: float | None = None, aim: float | None = None
) -> Ratio:
    name = f"tok/s, {workload}, concurrency {concurrency}, against {peer} over HTTP"
    ours, theirs = http("ours", workload, concurrency), http(peer, workload, concurrency)
    return Ratio(name, (ours, "tok/s"), (theirs, "tok/s"), must, aim)


def _generate(
    concurrency: int, *, resident: bool, must: float | None = None, aim: float | None = None
) -> Ratio:
    state = "" if resident else " not"
    name = f"tok/s, concurrency {concurrency}, prefix{state} resident, against generate"
    ours = engine("shared", concurrency, resident=resident)
    return Ratio(name, (ours, "tok/s"), (plain("shared", concurrency), "tok/s"), must, aim)
