"""What a run of the benchmark has seen: one value a round of every quantity of every case. No torch."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.load import Reply, gaps, percentile, rate
from inference.types import EngineStats


@dataclass(frozen=True, slots=True)
class Case:
    """Who did what. ``resident``: the prefix was in the cache before the clock began."""

    who: str
    workload: str
    concurrency: int
    resident: bool

    def __str__(self) -> str:
        state = "resident" if self.resident else "not resident"
        return f"{self.who}, {self.workload} x{self.concurrency}, prefix {state}"


@dataclass(slots=True)
class Work:
    """What the engine did in a case, all rounds together."""

    steps: int = 0
    computed: int = 0
    reused: int = 0
    stages: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # seconds

    def add(self, before: EngineStats, after: EngineStats) -> None:
        self.steps += after.progress - before.progress
        self.computed += after.tokens_computed - before.tokens_computed
        self.reused += after.tokens_reused - before.tokens_reused
        for stage, seconds in after.stage_seconds.items():
            self.stages[stage] += seconds - before.stage_seconds.get(stage, 0.0)


class Record:
    """Samples by case and quantity, in the order of the rounds."""

    def __init__(self) -> None:
        self.samples: dict[tuple[Case, str], list[float]] = defaultdict(list)
        self.work: dict[Case, Work] = defaultdict(Work)

    def note(self, case: Case, quantity: str, value: float) -> None:
        self.samples[case, quantity].append(value)

    def note_replies(self, case: Case, replies: Sequence[Reply]) -> None:
        """Rate, times to the first token, times between tokens, and what was reused."""
        first = [1000 * reply.first for reply in replies]
        between = [1000 * gap for gap in gaps(replies)]
        self.note(case, "tok/s", rate(replies))
        if cached := [reply.cached for reply in replies if reply.cached is not None]:
            self.note(case, "cached", statistics.mean(cached))
        for percent in (50, 95):
            self.note(case, f"first p{percent} ms", percentile(first, percent))
            if between:
                self.note(case, f"gap p{percent} ms", percentile(between, percent))

    def median(self, case: Case, quantity: str) -> float | None:
        values = self.samples.get((case, quantity))
        return statistics.median(values) if values else None

    def cases(self, quantity: str) -> list[Case]:
        return [case for case, noted in self.samples if noted == quantity]
