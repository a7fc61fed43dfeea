"""How far rounding moves answers: the engine in a dtype against `generate` in float32.

    python -m benchmarks.agreement [--dtype bfloat16] [--prompts 8] [--tokens 64]

Few-shot prompts of the workload (600 shared tokens, 60 own ones), greedy, no early end. Reported:

* free: tokens equal to those of `generate` in float32, place by place, until the first different one
  and in all; alone and in one batch;
* alone against batch: how much of an answer depends on what else is computed;
* forced: along the float32 tokens, how often the engine's most likely token is the same, and the
  mean difference of the log-probability of that token.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import fmean

import torch
from transformers import GenerationConfig

from benchmarks.engine import DEFAULT_MODEL
from benchmarks.workloads import Workloads
from inference.config import EngineConfig
from inference.engine import Engine
from inference.loader import load_model
from inference.types import GenerationRequest, SamplingParams, Scored, Token

Ids = tuple[int, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description="How far rounding moves answers.")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    plain = load_model(options.model, dtype="float32", device="cpu")
    prompts = [prompt.ids for prompt in Workloads(plain.tokenizer, options.seed).shared(options.prompts)]
    print(f"generate in float32, {len(prompts)} prompts one by one", flush=True)
    wanted = [generate(plain.model, ids, options.tokens) for ids in prompts]
    logprobs = [
        chosen_logprobs(plain.model, ids, answer) for ids, answer in zip(prompts, wanted, strict=True)
    ]
    loaded = load_model(options.model, dtype=options.dtype, device="cpu")
    engine = Engine(loaded.model, loaded.tokenizer, EngineConfig(threads=torch.get_num_threads()))
    engine.start()
    alone = [answers(engine, [ids], options.tokens)[0] for ids in prompts]
    batch = answers(engine, prompts, options.tokens)
    forced = [
        engine.score(ids, [answer], alternatives=1)[0] for ids, answer in zip(prompts, wanted, strict=True)
    ]
    engine.stop()
    result = {
        "alone": compare(alone, wanted),
        "batch": compare(batch, wanted),
        "alone against batch": compare(alone, batch),
        "forced": compare_forced(forced, logprobs),
    }
    report(options.dtype, result)
    about = {"dtype": options.dtype, "cpu": torch.backends.cpu.get_cpu_capability()}
    print(json.dumps({"benchmark": "agreement", **about, **result}))


@torch.inference_mode()
def generate(model: torch.nn.Module, ids: Ids, new: int) -> Ids:
    settings = GenerationConfig(max_new_tokens=new, min_new_tokens=new, do_sample=False, pad_token_id=2)
    settings.eos_token_id = None
    output = model.generate(torch.tensor([ids]), generation_config=settings)  # type: ignore[operator]
    return tuple(output[0, len(ids) :].tolist())


@torch.inference_mode()
def chosen_logprobs(model: torch.nn.Module, ids: Ids, answer: Ids) -> list[float]:
    """Of each token of the answer, by one plain forward pass."""
    rows = model(torch.tensor([[*ids, *answer]])).logits[0, len(ids) - 1 : -1].log_softmax(-1)
    return [float(row[id]) for row, id in zip(rows, answer, strict=True)]


def answers(engine: Engine, prompts: list[Ids], new: int) -> list[Ids]:
    sampling = SamplingParams(max_new_tokens=new, ignore_eos=True, alternatives=0)
    requests = [GenerationRequest(str(n), ids, sampling) for n, ids in enumerate(prompts)]
    streams = engine.submit_all(requests)
    return [tuple(event.id for event in stream if isinstance(event, Token)) for stream in streams]


def compare(ours: list[Ids], theirs: list[Ids]) -> dict[str, float]:
    """Shares of equal tokens: in all, before the first different one, and of whole answers."""
    pairs = list(zip(ours, theirs, strict=True))
    equal = [[a == b for a, b in zip(one, other, strict=True)] for one, other in pairs]
    before = [row.index(False) if False in row else len(row) for row in equal]
    total = sum(map(len, equal))
    return {
        "equal": round(sum(map(sum, equal)) / total, 4),
        "before the first difference": round(sum(before) / total, 4),
        "whole answers": round(fmean(one == other for one, other in pairs), 4),
    }


def compare_forced(scored: list[list[Scored]], logprobs: list[list[float]]) -> dict[str, float]:
    events = [event for answer in scored for event in answer]
    plain = [value for answer in logprobs for value in answer]
    differences = [abs(event.logprob - value) for event, value in zip(events, plain, strict=True)]
    return {
        "same most likely token": round(fmean(event.rank == 1 for event in events), 4),
        "mean difference of log-probability": round(fmean(differences), 5),
    }


def report(dtype: str, result: dict[str, dict[str, float]]) -> None:
    print(f"\n{dtype} against generate in float32")
    for name, values in result.items():
        for what, value in values.items():
            print(f"{name:22} {what:36} {value:9.5f}")


if __name__ == "__main__":
    main()
