"""What is done in each round. Every measure draws prompts that nobody has seen, so that a prefix is
resident only where a request before the clock has brought it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import ratios
from benchmarks.clients import EngineClient
from benchmarks.contestants import Contestants
from benchmarks.load import Client, Reply, crowd
from benchmarks.record import Case, Record
from benchmarks.workloads import Prompt

LABELS = 100
LONGEST_PAUSE = 0.25  # seconds between the end of one staggered request and the next


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    rounds: int = 3
    new_tokens: int = 64
    alone: int = 3  # requests one after the other where concurrency is 1
    pairs: int = 5  # of first tokens with and without the prefix
    staggered: int = 32
    forwards: int = 10  # labels that are scored the plain way; scaled up to all


QUICK = Plan(rounds=1, new_tokens=8, alone=1, pairs=2, staggered=12, forwards=2)


@dataclass(frozen=True, slots=True)
class Round:
    """One round; ``number`` turns the order of the servers."""

    contestants: Contestants
    plan: Plan
    record: Record
    number: int

    def prompts(self, workload: str, concurrency: int) -> list[Prompt]:
        """Of the requests, and behind them one that brings the prefix of a shared workload."""
        count = concurrency if concurrency > 1 else self.plan.alone
        draw = self.contestants.workloads
        return draw.shared(count + 1) if workload == "shared" else draw.distinct(count + 1)

    def run(self, client: Client, case: Case, prompts: list[Prompt]) -> None:
        """All ``prompts`` but the last, which goes ahead if the prefix shall be resident."""
        if case.resident:
            client(prompts[-1], 1)
        lengths = [self.plan.new_tokens] * (len(prompts) - 1)
        self.record.note_replies(case, crowd(client, prompts[:-1], lengths, case.concurrency))

    def run_engine(self, case: Case, prompts: list[Prompt]) -> None:
        """The same with the engine's own counts; those of bringing the prefix are among them."""
        engine = self.contestants.engine
        before = engine.stats()
        self.run(EngineClient(engine), case, prompts)
        self.record.work[case].add(before, engine.stats())


def over_http(r: Round) -> None:
    """Every server with the same prompts, one server at a time."""
    servers = list(r.contestants.servers.items())
    turn = r.number % len(servers)
    for workload, concurrency in (("shared", 1), ("shared", 8), ("shared", 16), ("distinct", 8)):
        prompts = r.prompts(workload, concurrency)
        for name, client in servers[turn:] + servers[:turn]:
            r.run(client, ratios.http(name, workload, concurrency), prompts)


def against_generate(r: Round) -> None:
    """The same prompts as one batch through generate, which starts with nothing; and so does the engine."""
    for concurrency in (8, 1):
        prompts = r.contestants.workloads.shared(concurrency + 1)
        r.run_engine(ratios.engine("shared", concurrency, resident=False), prompts)
        seconds = r.contestants.plain.generate(prompts[:-1], r.plan.new_tokens)
        tokens = concurrency * r.plan.new_tokens
        r.record.note(ratios.plain("shared", concurrency), "tok/s", tokens / seconds)


def throughput(r: Round) -> None:
    """The engine alone at its concurrencies, and without a common prefix."""
    for concurrency in (1, 8, 16):
        case = ratios.engine("shared", concurrency, resident=True)
        r.run_engine(case, r.prompts("shared", concurrency))
    r.run_engine(ratios.engine("distinct", 8, resident=False), r.prompts("distinct", 8))


def first_token(r: Round) -> None:
    """Pairs of requests with a new prefix each: the first misses, the second hits."""
    client = EngineClient(r.contestants.engine)
    pairs: list[list[Reply]] = []
    for _ in range(r.plan.pairs):
        pairs.append([client(prompt, 2) for prompt in r.contestants.workloads.shared(2)])
    for resident, replies in zip((False, True), zip(*pairs, strict=True), strict=True):
        r.record.note_replies(ratios.engine("first token", 1, resident=resident), replies)


def staggered(r: Round) -> None:
    """Eight at a time that end and arrive at different times, so that prompts ride along with answers."""
    draw, count = r.contestants.workloads, r.plan.staggered
    prompts = draw.shared(count + 1)
    lengths, pauses = draw.lengths(count, 16, 66), draw.pauses(count, LONGEST_PAUSE)
    engine, case = r.contestants.engine, ratios.engine("staggered", 8, resident=True)
    client = EngineClient(engine)
    client(prompts[-1], 1)
    before = engine.stats()
    r.record.note_replies(case, crowd(client, prompts[:-1], lengths, case.concurrency, pauses))
    r.record.work[case].add(before, engine.stats())


def scoring(r: Round) -> None:
    """All labels by one call that starts with nothing; some of them by a forward pass each, scaled up."""
    prompt, labels = r.contestants.workloads.scoring(LABELS)
    engine, case = r.contestants.engine, ratios.engine("scoring", 1, resident=False)
    before, begin = engine.stats(), time.perf_counter()
    scored = engine.score(prompt.ids, labels)
    r.record.note(case, "seconds", time.perf_counter() - begin)
    assert [len(tokens) for tokens in scored] == [len(label) for label in labels], "labels were left out"
    r.record.work[case].add(before, engine.stats())
    seconds = statistics.mean(r.contestants.plain.score(prompt, labels[: r.plan.forwards]))
    r.record.note(ratios.plain("scoring", 1), "seconds", LABELS * seconds)


MEASURES: dict[str, Callable[[Round], None]] = {
    "http": over_http,
    "generate": against_generate,
    "throughput": throughput,
    "first-token": first_token,
    "staggered": staggered,
    "scoring": scoring,
}
