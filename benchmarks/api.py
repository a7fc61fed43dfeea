"""What ``/v1`` costs on top of the engine, and how many streams it holds.

    python -m benchmarks.api [--rounds 12] [--streams 200]

Starts an instance of its own (the real start command, default model) and an engine with the same model in
this process. Only one of them computes at a time. A round asks both for the same answers (few-shot prompts
with a shared prefix, greedy, 128 new tokens, without alternatives), eight at a time, and then for single
ones in turns; every other round begins with the other. So a machine that is slower for a minute is so for
both. The ratio is the median of the rounds', first tokens are medians of all. Then so many streams are open
at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.clients import EngineClient, HttpClient
from benchmarks.contestants import Setting
from benchmarks.load import Client, crowd, rate
from benchmarks.memory import pss
from benchmarks.workloads import Workloads
from tests.system.instance import Instance, running

CONCURRENCY = 8
REQUESTS = 16
NEW_TOKENS = 128
SOLO = 8
STREAMED = 32  # tokens of each of the many streams
MODEL = "smollm2-135m-instruct"
FOLDER = Path(os.environ.get("FEWSHOT_DATA") or "var") / "models" / MODEL


def main() -> None:
    parser = argparse.ArgumentParser(description="Overhead of /v1 over the engine.")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--streams", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as instance:
        instance.wait_warm(300)
        key = instance.manage("apikey", "create", "--name", "benchmark").stdout.strip()
        result = compare(instance, key, options.rounds) | streams(instance, key, options.streams)
    for name, value in result.items():
        print(f"{name:34} {value:>10}")
    print(json.dumps({"benchmark": "api", **result}))


def compare(instance: Instance, key: str, rounds: int) -> dict[str, float]:
    setting = Setting(FOLDER, instance.health().json()["workers"][0]["dtype"], os.cpu_count() or 1)
    loaded = setting.load()
    engine = setting.engine(loaded)
    clients: list[Client] = [EngineClient(engine), HttpClient(instance.base, MODEL, key)]
    one_round(clients, Workloads(loaded.tokenizer, 0))  # warm
    found = []
    for number in range(1, rounds + 1):
        order = clients if number % 2 else clients[::-1]
        played = one_round(order, Workloads(loaded.tokenizer, number))
        found.append([played[order.index(client)] for client in clients])
        print(f"round {number} of {rounds}: {' against '.join(map(str, found[-1]))}", flush=True)
    engine.stop()
    direct, over_http = (Played.all_of(column) for column in zip(*found, strict=True))
    ratio = statistics.median(http.rate / engine.rate for engine, http in found)
    return {
        "engine tokens/s": round(direct.rate, 1),
        "/v1 tokens/s": round(over_http.rate, 1),
        "ratio of tokens/s, %": round(100 * ratio, 1),
        "engine first token ms, 8 at a time": direct.first(direct.together),
        "/v1 first token ms, 8 at a time": over_http.first(over_http.together),
        "engine first token ms, alone": direct.first(direct.alone),
        "/v1 first token ms, alone": over_http.first(over_http.alone),
    }


@dataclass(frozen=True)
class Played:
    """What one side did: tokens a second, and seconds to the first tokens."""

    rate: float
    together: list[float]
    alone: list[float]

    @classmethod
    def all_of(cls, rounds: Sequence[Self]) -> Self:
        return cls(
            statistics.median(each.rate for each in rounds),
            [first for each in rounds for first in each.together],
            [first for each in rounds for first in each.alone],
        )

    @staticmethod
    def first(seconds: list[float]) -> float:
        """The median, in milliseconds."""
        return round(1000 * statistics.median(seconds), 1)

    def __str__(self) -> str:
        return f"{self.rate:.1f} tok/s, {self.first(self.alone):.0f} ms alone"


def one_round(clients: Sequence[Client], workloads: Workloads) -> list[Played]:
    """Both answer the same prompts: eight at a time one side after the other, single ones in turns."""
    together, single = workloads.shared(REQUESTS), workloads.shared(SOLO)
    crowds = [crowd(client, together, [NEW_TOKENS] * REQUESTS, CONCURRENCY) for client in clients]
    alone = [[client(prompt, 8).first for client in clients] for prompt in single]
    return [
        Played(rate(replies), [reply.first for reply in replies], list(firsts))
        for replies, firsts in zip(crowds, zip(*alone, strict=True), strict=True)
    ]


def streams(instance: Instance, key: str, count: int) -> dict[str, float]:
    """``count`` streams open at once: how many came to their end, and what the web program held meanwhile."""
    (web,) = instance.children("uvicorn")
    before = pss(web)
    whole, peak = asyncio.run(open_all(instance.port, key, count, web))
    return {
        "streams opened": count,
        "streams that ended well": whole,
        "web MB before": round(before),
        "web MB at most": round(peak),
    }


async def open_all(port: int, key: str, count: int, web: int) -> tuple[int, float]:
    reading = [asyncio.ensure_future(one_stream(port, key, number)) for number in range(count)]
    peak = 0.0
    while any(not stream.done() for stream in reading):
        peak = max(peak, pss(web))
        await asyncio.sleep(0.5)
    return sum(await asyncio.gather(*reading)), peak


async def one_stream(port: int, key: str, number: int) -> bool:
    """Whether the stream had all its tokens and its end."""
    wanted = {"model": MODEL, "prompt": f"Story {number}:", "max_tokens": STREAMED, "temperature": 0}
    body = json.dumps(
        wanted | {"ignore_eos": True, "stream": True, "stream_options": {"include_usage": True}}
    )
    head = f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return "data: [DONE]" in answer and f'"completion_tokens":{STREAMED}' in answer


if __name__ == "__main__":
    main()
