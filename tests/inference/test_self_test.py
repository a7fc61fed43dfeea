"""Which models run in one flat row, which one at a time, and that a wrong path is noticed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, GenerationConfig

from inference import accelerate, flat_plan
from inference.config import EngineConfig
from inference.engine import Engine
from inference.self_test import SwappedModulesError, UnsupportedModelError, choose_runner
from inference.types import GenerationRequest, SamplingParams, Token
from tests.inference.tiny import build_tiny_tokenizer

SHAPE = {
    "vocab_size": 128,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
GPT2 = {"vocab_size": 128, "n_positions": 256, "n_embd": 64, "n_layer": 3, "n_head": 4}
WINDOW = {"head_dim": 16, "sliding_window": 20}


def random_model(name: str, fields: dict[str, Any], dtype: torch.dtype = torch.float32) -> Any:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[name](**fields)).to(dtype).eval()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.mul_(3)
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("llama", SHAPE),
        ("qwen2", SHAPE),
        ("qwen3", SHAPE | {"head_dim": 16}),
        ("mistral", SHAPE | {"sliding_window": 20}),
        ("phi3", SHAPE | {"pad_token_id": 0}),
        ("olmo2", SHAPE),
        ("gemma3_text", SHAPE | WINDOW),
        ("gemma2", SHAPE | WINDOW),
        ("gpt_oss", SHAPE | WINDOW | {"num_local_experts": 4}),
        ("gpt2", GPT2),
        ("gpt_neox", {k: v for k, v in SHAPE.items() if k != "num_key_value_heads"}),
    ],
)
def test_model_with_the_attention_interface_runs_flat(
    name: str, fields: dict[str, Any], dtype: torch.dtype
) -> None:
    chosen = choose_runner(random_model(name, fields, dtype), EngineConfig(), 200)
    assert (chosen.runner.name, chosen.note) == ("flat", "")


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("bloom", {"vocab_size": 128, "hidden_size": 64, "n_layer": 3, "n_head": 4}, "0 of 3 layers"),
        ("lfm2", SHAPE | {"layer_types": ["conv", "full_attention", "conv"]}, "1 of 3 layers"),
    ],
)
def test_other_models_run_one_at_a_time_and_say_why(name: str, fields: dict[str, Any], reason: str) -> None:
    chosen = choose_runner(random_model(name, fields), EngineConfig(), 200)
    assert chosen.runner.name == "sequential"
    assert reason in chosen.note
    assert chosen.error < 1e-4


def test_slow_path_equals_generate_in_a_crowd() -> None:
    model = random_model("bloom", {"vocab_size": 400, "hidden_size": 64, "n_layer": 2, "n_head": 4})
    prompts = [tuple(range(3 + n, 40 + 5 * n, 2)) for n in range(4)]
    settings = GenerationConfig(max_new_tokens=12, eos_token_id=None, pad_token_id=0)
    plain = [model.generate(torch.tensor([ids]), generation_config=settings)[0].tolist() for ids in prompts]
    engine = Engine(model, build_tiny_tokenizer(), EngineConfig(max_running=3, window=100))
    sampling = SamplingParams(max_new_tokens=12, ignore_eos=True)
    streams = [engine.submit(GenerationRequest(str(n), ids, sampling)) for n, ids in enumerate(prompts)]
    while engine.step():
        pass
    answers = [[event.id for event in stream if isinstance(event, Token)] for stream in streams]
    assert engine.info.attention == "sequential"
    assert answers == [full[len(ids) :] for full, ids in zip(plain, prompts, strict=True)]


def test_model_without_a_window_needs_one_in_the_configuration() -> None:
    model = random_model("bloom", {"vocab_size": 400, "hidden_size": 64, "n_layer": 2, "n_head": 4})
    with pytest.raises(ValueError, match="window"):
        Engine(model, build_tiny_tokenizer())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_attention_that_leaks_is_noticed(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    causal = flat_plan._visible
    monkeypatch.setattr(flat_plan, "_visible", lambda at, keys, window: causal(at + 1, keys, window))
    chosen = choose_runner(random_model("llama", SHAPE, dtype), EngineConfig(), 200)
    assert chosen.runner.name == "sequential"
    assert "logits of the flat path are off" in chosen.note


def raising(norm: Any, x: torch.Tensor) -> torch.Tensor:
    raise RuntimeError("not on this processor")


def shouting(norm: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.rms_norm(x, norm.weight.shape, norm.weight, norm._eps) * 1.1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("forward", "reason"),
    [(shouting, "logits of the flat path are off"), (raising, "not on this processor")],
)
def test_faster_modules_that_lie_are_noticed(
    monkeypatch: pytest.MonkeyPatch, forward: Any, reason: str, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(accelerate, "_agree", lambda *_: True)
    monkeypatch.setattr(accelerate.OneCallNorm, "forward", forward)
    with pytest.raises(SwappedModulesError, match=f"with faster modules, .*{reason}"):
        choose_runner(random_model("llama", SHAPE, dtype), EngineConfig(), 200)
    chosen = choose_runner(random_model("llama", SHAPE, dtype), EngineConfig(accelerate=False), 200)
    assert (chosen.runner.name, chosen.note, chosen.modules) == ("flat", "", {})


def test_model_that_no_path_can_run_is_refused() -> None:
    fields = {"vocab_size": 128, "hidden_size": 64, "num_hidden_layers": 2}
    with pytest.raises(UnsupportedModelError, match="past_key_values"):
        choose_runner(random_model("mamba", fields), EngineConfig(), 200)


def test_cache_too_small_for_one_token_each_is_refused() -> None:
    with pytest.raises(ValueError, match="cache_bytes"):
        choose_runner(random_model("llama", SHAPE), EngineConfig(cache_bytes=1000), 200)
