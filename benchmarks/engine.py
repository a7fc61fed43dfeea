"""How fast the engine is, side by side with transformers in one run.

    python -m benchmarks.engine [--quick] [--only http,generate,...] [--rounds 3] [--threads 2]
                                [--peer llama=http://127.0.0.1:8080 ... --peer-model NAME]

The workload: 600 shared tokens of worked examples, 60 own ones, 64 new ones, greedy, no early end;
and the same with a prefix for each request. The contestants:

* engine: `inference.engine` in this process;
* plain transformers: `generate`, or a bare forward pass, in a process of its own;
* ours, and transformers' continuous batching, each behind the same small HTTP server
  (`benchmarks.server`) in a process of its own;
* any server that speaks OpenAI's streamed `/v1/completions`, with the same model and started by
  you: `--peer name=url`, for instance llama.cpp's or vLLM's.

All stay in memory for the whole run, and only one computes at a time. A round measures everything
once, those to be compared one after the other; a ratio is taken within a round, and the median of
the rounds is told. Numbers of different runs cannot be compared: machines drift.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.clients import HttpClient
from benchmarks.contestants import Contestants, Setting
from benchmarks.measures import MEASURES, QUICK, Plan, Round
from benchmarks.ratios import ratios
from benchmarks.record import Record
from benchmarks.report import (
    engine_memory,
    json_line,
    memory_table,
    ratio_table,
    request_table,
    step_table,
)

DEFAULT_MODEL = Path(os.environ.get("FEWSHOT_DATA") or "var") / "models" / "smollm2-135m-instruct"


def main() -> None:
    options = parse()
    plan = QUICK if options.quick else Plan()
    plan = replace(plan, rounds=options.rounds or plan.rounds)
    setting = Setting(options.model, options.dtype, options.threads)
    peers = {name: HttpClient(url, options.peer_model or options.model.name) for name, url in options.peer}
    record = Record()
    with Contestants(setting, peers, options.seed) as contestants:
        for number in range(plan.rounds):
            for name in options.only:
                print(f"round {number + 1} of {plan.rounds}: {name}", flush=True)
                MEASURES[name](Round(contestants, plan, record, number))
        used = contestants.memory()
        if contestants.bytes:
            used |= engine_memory(contestants.bytes, contestants.engine.stats())
    about = {"model": options.model.name, "dtype": options.dtype, "threads": options.threads}
    about |= {"cpu": torch.backends.cpu.get_cpu_capability()}
    rows = ratios(peers)
    tables = [ratio_table(rows, record), request_table(record), step_table(record), memory_table(used)]
    print("", *tables, sep="\n")
    print(json_line(rows, record, used, {**about, "rounds": plan.rounds, "new tokens": plan.new_tokens}))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The engine's speed, side by side with its peers.")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="a folder of safetensors")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, help=f"default {Plan().rounds}")
    parser.add_argument("--seed", type=int, default=1, help="of the prompts")
    parser.add_argument("--quick", action="store_true", help="few tokens, one round: does it run?")
    parser.add_argument("--only", type=measures, default=list(MEASURES), help=", ".join(MEASURES))
    parser.add_argument("--peer", type=peer, action="append", default=[], help="name=url, may be repeated")
    parser.add_argument("--peer-model", help="the model's name at the peers")
    return parser.parse_args(arguments)


def measures(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - MEASURES.keys():
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; choose of {', '.join(MEASURES)}")
    return names


def peer(text: str) -> tuple[str, str]:
    name, separator, url = text.partition("=")
    if not separator or name in ("ours", "transformers"):
        raise argparse.ArgumentTypeError("write name=url; the names ours and transformers are taken")
    return name, url


if __name__ == "__main__":
    main()
