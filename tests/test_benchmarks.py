"""The parts of the benchmarks that can be wrong without anybody noticing. No timing is asserted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from benchmarks import contestants, engine
from benchmarks.clients import EngineClient, HttpClient
from benchmarks.contestants import Setting
from benchmarks.load import Reply, crowd, gaps, percentile, rate
from benchmarks.memory import token_bytes, weight_bytes
from benchmarks.ratios import Ratio, ratios
from benchmarks.record import Case, Record, Work
from benchmarks.report import json_line, ratio_table
from benchmarks.server import Backend, Ours, Transformers, handle
from benchmarks.workloads import LABEL_TOKENS, OWN_TOKENS, PREFIX_TOKENS, Prompt, Workloads
from inference.loader import load_model
from inference.stream import Stream
from inference.types import (
    EngineStats,
    ErrorCode,
    Finished,
    FinishReason,
    GenerationRequest,
    Started,
    Token,
    Usage,
)
from tests.inference.tiny import build_tiny_model

ROOT = Path(__file__).resolve().parents[1]
FAST = Case("fast", "shared", 8, True)
SLOW = Case("slow", "shared", 8, False)
PROMPT = Prompt("The soup was cold.", (7, 8, 9))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Of the default model."""
    folder = engine.DEFAULT_MODEL
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


class FakeEngine:
    """Answers every request with as many tokens as it asks for, or with a fault."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.requests: list[GenerationRequest] = []

    def submit(self, request: GenerationRequest) -> Stream:
        self.requests.append(request)
        name, tokens = request.request_id, request.sampling.max_new_tokens
        stream = Stream(name)
        stream.put(Started(name, len(request.prompt_ids), 2))
        stream.put(*(Token(name, at, at, f" w{at}" if at else "", 0.0, 1, ()) for at in range(tokens)))
        if self.fault:
            stream.fail(ErrorCode.ENGINE_FAILED, self.fault)
        else:
            stream.put(Finished(name, FinishReason.LENGTH, Usage(len(request.prompt_ids), 2, tokens)))
        return stream


@asynccontextmanager
async def served(backend: Backend, tokenizer: Tokenizer) -> AsyncIterator[HttpClient]:
    server = await asyncio.start_server(partial(handle, backend, tokenizer), "127.0.0.1", 0)
    async with server:
        yield HttpClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "any")


def test_prompts_have_exactly_the_promised_tokens(tokenizer: Tokenizer) -> None:
    shared, distinct = (
        Workloads(tokenizer, 1).shared(4),
        Workloads(tokenizer, 1).distinct(4),
    )
    for prompt in shared + distinct:
        assert len(prompt.ids) == PREFIX_TOKENS + OWN_TOKENS
        assert tuple(tokenizer.encode(prompt.text, add_special_tokens=False).ids) == prompt.ids
    assert len({prompt.ids[:PREFIX_TOKENS] for prompt in shared}) == 1
    assert len({prompt.ids for prompt in shared}) == 4
    assert len({prompt.ids[:16] for prompt in distinct}) == 4


def test_prompts_are_seeded_and_never_come_again(tokenizer: Tokenizer) -> None:
    one, same, other = (Workloads(tokenizer, seed) for seed in (1, 1, 2))
    first = one.shared(2)
    assert same.shared(2) == first
    assert other.shared(2) != first
    assert one.shared(2)[0].ids[:PREFIX_TOKENS] != first[0].ids[:PREFIX_TOKENS]


def test_labels_continue_a_prefix(tokenizer: Tokenizer) -> None:
    prefix, labels = Workloads(tokenizer, 1).scoring(100)
    assert len(prefix.ids) == PREFIX_TOKENS
    assert len(set(labels)) == 100
    assert {len(label) for label in labels} == {LABEL_TOKENS}


def test_a_ratio_is_taken_within_the_round() -> None:
    record = Record()
    for fast, slow in ((40, 10), (90, 30), (50, 10)):  # 4, 3, 5; of the medians alone it would be 5
        record.note(FAST, "tok/s", fast)
        record.note(SLOW, "tok/s", slow)
    ratio = Ratio("speed", (FAST, "tok/s"), (SLOW, "tok/s"), must=3.5, aim=5)
    assert ratio.measured(record) == 4
    assert ratio.verdict(4) == "must"
    assert ratio.verdict(5) == "aim"
    assert ratio.verdict(3) == "MISSED"
    assert ratio.verdict(Ratio("speed", (FAST, "tok/s"), (SLOW, "other")).measured(record)) == "not run"


def test_less_can_be_better() -> None:
    ratio = Ratio("wait", (FAST, "ms"), (SLOW, "ms"), must=0.3, aim=0.2, less_is_better=True)
    assert [ratio.verdict(value) for value in (0.1, 0.25, 0.4)] == ["aim", "must", "MISSED"]


def test_rates_and_gaps_of_replies() -> None:
    replies = [Reply(10.0, (11.0, 11.5, 12.5), 12.5, 3), Reply(10.5, (13.0, 14.0), 15.0, 2)]
    assert rate(replies) == 1.0
    assert gaps(replies) == [0.5, 1.0, 1.0]
    assert [reply.first for reply in replies] == [1.0, 2.5]
    assert percentile([1.0, 2.0, 3.0], 50) == 2.0
    assert percentile([5.0], 95) == 5.0


def test_work_is_what_came_between_two_snapshots() -> None:
    before, after = (
        EngineStats(
            True, steps, 0, 0, 8, 0, 0, tokens_computed=10 * steps, stage_seconds={"forward": steps / 2}
        )
        for steps in (3, 7)
    )
    work = Work()
    work.add(before, after)
    work.add(before, after)
    assert (work.steps, work.computed, work.stages["forward"]) == (8, 80, 4.0)


def test_the_report_tells_ratios_and_what_was_not_run() -> None:
    record = Record()
    record.note(FAST, "tok/s", 40.0)
    record.note(SLOW, "tok/s", 10.0)
    rows = [Ratio("speed", (FAST, "tok/s"), (SLOW, "tok/s"), 3.5, 5), *ratios(["llama"])]
    assert "| 4.00 |" in ratio_table(rows, record).replace("  ", "")
    line = json.loads(json_line(rows, record, {"engine": 1.2}, {"rounds": 1}))
    assert line["ratios"]["speed"] == 4
    assert line["ratios"]["tok/s, shared, concurrency 16, against llama over HTTP"] is None
    assert line["samples"][str(FAST)] == {"tok/s": [40.0]}


async def test_our_server_streams_what_the_engine_writes(tokenizer: Tokenizer) -> None:
    fake = FakeEngine()
    async with served(Ours(fake), tokenizer) as client:
        replies = await asyncio.to_thread(crowd, client, [PROMPT] * 3, [5, 6, 7], 2)
    assert [reply.tokens for reply in replies] == [5, 6, 7]
    assert [len(reply.arrivals) for reply in replies] == [4, 5, 6]  # the first token has no text
    asked = fake.requests[0]
    assert asked.prompt_ids == tuple(tokenizer.encode(PROMPT.text, add_special_tokens=False).ids)
    assert (asked.sampling.greedy, asked.sampling.ignore_eos) == (True, True)


async def test_a_fault_behind_the_server_reaches_the_client(tokenizer: Tokenizer) -> None:
    async with served(Ours(FakeEngine("it broke")), tokenizer) as client:
        with pytest.raises(RuntimeError, match="it broke"):
            await asyncio.to_thread(client, PROMPT, 5)


async def test_an_answer_of_another_length_is_refused(tokenizer: Tokenizer) -> None:
    class Short(FakeEngine):
        def submit(self, request: GenerationRequest) -> Stream:
            stream = Stream(request.request_id)
            stream.put(Finished(request.request_id, FinishReason.STOP, Usage(3, 0, 1)))
            return stream

    with pytest.raises(RuntimeError, match="1 tokens instead of 5"):
        EngineClient(Short())(PROMPT, 5)
    async with served(Ours(Short()), tokenizer) as client:
        with pytest.raises(RuntimeError, match="1 tokens instead of 5"):
            await asyncio.to_thread(client, PROMPT, 5)


def test_the_engine_client_reports_reuse() -> None:
    reply = EngineClient(FakeEngine())(PROMPT, 4)
    assert (reply.tokens, reply.cached, len(reply.arrivals)) == (4, 2, 4)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))


async def test_transformers_backend_writes_every_token(tiny: Path) -> None:
    loaded = load_model(tiny, dtype="float32", device="cpu")
    backend = Transformers(loaded.model, loaded.tokenizer, page_size=16, pages=64)
    try:
        async with served(backend, loaded.tokenizer) as client:
            replies = await asyncio.to_thread(crowd, client, [PROMPT] * 2, [20, 12], 2)
    finally:
        backend.close()
    assert [reply.tokens for reply in replies] == [20, 12]


def test_the_plain_ways_compute_what_they_should(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting(tiny, "float32", torch.get_num_threads())
    prompts: list[tuple[int, ...]] = [(5, 6, 7), (7, 6, 5)]
    assert contestants._generate(setting, prompts, 9) > 0  # it checks the length itself
    model = contestants._plain(setting)
    shapes: list[tuple[int, ...]] = []
    forward: Callable[..., Any] = model.forward

    def seen(ids: torch.Tensor, **rest: Any) -> Any:
        shapes.append(tuple(ids.shape))
        return forward(ids, **rest)

    monkeypatch.setattr(model, "forward", seen)
    assert len(contestants._score(setting, prompts[0], [(1, 2, 3), (3, 2, 1)])) == 2
    assert shapes == [(1, 6), (1, 6)]


def test_sizes_of_a_model(tiny: Path) -> None:
    model = load_model(tiny, dtype="bfloat16", device="cpu").model
    assert weight_bytes(model) == sum(p.numel() for p in model.parameters()) * 2
    assert token_bytes(model) == 2 * 2 * 2 * 16 * 2  # keys and values, layers, heads, size, bfloat16


def test_make_runs_every_benchmark_and_no_helper() -> None:
    line = next(text for text in (ROOT / "Makefile").read_text().splitlines() if text.startswith("BENCHES"))
    modules = {f"benchmarks.{path.stem}": path.read_text() for path in (ROOT / "benchmarks").glob("*.py")}
    programs = {name for name, source in modules.items() if '"__main__"' in source}
    assert set(line.split()[2:]) == programs - {"benchmarks.server"}


def test_options() -> None:
    options = engine.parse(["--peer", "llama=http://127.0.0.1:1", "--only", "http,scoring"])
    assert options.peer == [("llama", "http://127.0.0.1:1")]
    assert options.only == ["http", "scoring"]
    for wrong in (["--only", "nothing"], ["--peer", "ours=http://127.0.0.1:1"], ["--peer", "llama"]):
        with pytest.raises(SystemExit):
            engine.parse(wrong)
