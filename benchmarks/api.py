"""What ``/v1`` costs on top of the engine, and how many streams it holds.

    python -m benchmarks.api [--rounds 3] [--streams 200]

Starts an instance of its own (the real start command, default model) and an engine with the same model in
this process. Only one of them computes at a time. A round asks both for the same kind of answers (few-shot
prompts with a shared prefix, greedy, 128 new tokens, without alternatives), eight at a time, and then one
after the other. Ratios are taken within a round, and the median of the rounds is told. Then so many streams
are open at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
from pathlib import Path

from benchmarks.clients import EngineClient, HttpClient
from benchmarks.contestants import Setting
from benchmarks.load import Client, Reply, crowd, percentile, rate
from benchmarks.memory import pss
from benchmarks.workloads import Workloads
from tests.system.instance import Instance, running

CONCURRENCY = 8
REQUESTS = 24
NEW_TOKENS = 128
SOLO = 10
STREAMED = 32  # tokens of each of the many streams
MODEL = "smollm2-135m-instruct"
FOLDER = Path(os.environ.get("FEWSHOT_DATA") or "var") / "models" / MODEL


def main() -> None:
    parser = argparse.ArgumentParser(description="Overhead of /v1 over the engine.")
    parser.add_argument("--rounds", type=int, default=3)
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
    """Medians over the rounds."""
    setting = Setting(FOLDER, instance.health().json()["workers"][0]["dtype"], os.cpu_count() or 1)
    loaded = setting.load()
    engine = setting.engine(loaded)
    clients: dict[str, Client] = {
        "engine": EngineClient(engine),
        "/v1": HttpClient(instance.base, MODEL, key),
    }
    for client in clients.values():
        measure(client, Workloads(loaded.tokenizer, 0))  # warm
    found = []
    for number in range(rounds):
        found.append(
            {
                name: measure(client, Workloads(loaded.tokenizer, number + 1))
                for name, client in clients.items()
            }
        )
        print(f"round {number + 1} of {rounds}: {found[-1]}", flush=True)
    engine.stop()
    told = {
        f"{name} {what}": round(statistics.median(each[name][what] for each in found), 1)
        for what in found[0]["engine"]
        for name in clients
    }
    ratio = statistics.median(each["/v1"]["tokens/s"] / each["engine"]["tokens/s"] for each in found)
    return told | {"ratio of tokens/s, %": round(100 * ratio, 1)}


def measure(client: Client, workloads: Workloads) -> dict[str, float]:
    """Tokens a second of eight at a time, and milliseconds to the first token of them and of single ones."""
    together = crowd(client, workloads.shared(REQUESTS), [NEW_TOKENS] * REQUESTS, CONCURRENCY)
    alone = crowd(client, workloads.shared(SOLO), [8] * SOLO, 1)
    return {
        "tokens/s": rate(together),
        "first token ms, 8 at a time": first(together),
        "first token ms, alone": first(alone),
    }


def first(replies: list[Reply]) -> float:
    return 1000 * percentile([reply.first for reply in replies], 50)


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
