"""Chooses how a model is run, by trying it: a fluent wrong answer is the worst fault an engine can have."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from inference import attention
from inference.attention import LayerProbe, UnsupportedAttentionError
from inference.config import EngineConfig
from inference.kv_store import KVStore, LayerShape, token_bytes
from inference.runner import FlatRunner, Runner, SequentialRunner
from inference.scheduler import Batch, Piece

# Root mean square of the difference of logits, in units of the spread of the logits. Rounding in
# float32 stays below 1e-5; in bfloat16 it was measured at 0.01 to 0.03; a leak between requests is above 0.3.
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.05}
_TEST_TOKENS = 48


class UnsupportedModelError(Exception):
    """The model gives wrong logits on every path of the engine."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A runner that passed the test; ``note`` says why it is not the fast one, or is empty."""

    runner: Runner
    slot_tokens: int
    error: float
    note: str = ""


def choose_runner(model: Any, config: EngineConfig, window: int) -> Chosen:
    """Prefer the flat row; fall back to one request at a time.

    Switches the attention implementation of ``model`` if the flat row is chosen.
    Raises UnsupportedModelError if both compute other logits than the plain model.
    """
    ids = _test_ids(model, min(_TEST_TOKENS, window))
    wanted = [_plain_logits(model, row) for row in ids]
    original = model.config._attn_implementation
    try:
        return _try_flat(model, config, window, ids, wanted)
    except UnsupportedModelError as refusal:
        model.set_attn_implementation(original)
        runner = SequentialRunner(model)
        error = _checked_error(runner, ids, wanted, model.dtype)
        return Chosen(runner, window, error, f"one request at a time: {refusal}")


def _try_flat(model: Any, config: EngineConfig, window: int, ids: Tensor, wanted: list[Tensor]) -> Chosen:
    try:
        layers = _probe(model)
        test_store = KVStore(layers, 3, ids.shape[1], model.dtype, model.device)
        error = _checked_error(FlatRunner(model, test_store), ids, wanted, model.dtype)
    except UnsupportedModelError:
        raise
    except Exception as fault:
        # Models outside the attention interface fail in many ways; each only means "not this path".
        raise UnsupportedModelError(f"{type(fault).__name__}: {fault}") from fault
    fitting = config.cache_bytes // (token_bytes(layers, model.dtype) * config.max_running)
    if not fitting:
        raise ValueError(f"cache_bytes {config.cache_bytes} is too little for {config.max_running} requests")
    slot_tokens = min(window, fitting)
    store = KVStore(layers, config.max_running, slot_tokens, model.dtype, model.device)
    return Chosen(FlatRunner(model, store), slot_tokens, error)


@torch.inference_mode()
def _probe(model: Any) -> tuple[LayerShape, ...]:
    """Shapes of the cache by layer. Raises UnsupportedModelError if a layer keeps state elsewhere."""
    attention.register()
    model.set_attn_implementation(attention.ATTENTION)
    probe = LayerProbe()
    token = torch.zeros(1, 1, dtype=torch.int64, device=model.device)
    model(input_ids=token, position_ids=token, plan=probe, use_cache=False)
    expected = model.config.get_text_config().num_hidden_layers
    if sorted(probe.layers) != list(range(expected)):
        raise UnsupportedAttentionError(f"{len(probe.layers)} of {expected} layers use the interface")
    return tuple(probe.layers[layer] for layer in range(expected))


def _checked_error(runner: Runner, ids: Tensor, wanted: list[Tensor], dtype: torch.dtype) -> float:
    error = _logit_error(runner, ids, wanted)
    if not error <= _TOLERANCE[dtype]:  # also true for not-a-number
        raise UnsupportedModelError(f"logits of the {runner.name} path are off by {error:.2g} spreads")
    return error


def _logit_error(runner: Runner, ids: Tensor, wanted: list[Tensor]) -> float:
    """The worst relative error over all sampled positions of two requests in staggered steps."""
    worst = 0.0
    for batch in _batches(ids, chunks=runner.chunks):
        for piece, row in zip(batch.samples, runner.run(batch), strict=True):
            expected = wanted[int(piece.request_id)][piece.stop - 1]
            error = (row - expected).square().mean().sqrt() / expected.std()
            worst = max(worst, float(error.nan_to_num(float("inf"))))
    return worst


def _batches(ids: Tensor, *, chunks: bool) -> list[Batch]:
    """Two requests in slots with a hole between them, the second one step late and shorter."""
    length = ids.shape[1]
    late = length - length // 4
    first = _pieces(0, 2, ids[0], [0, length // 2, length - 3] if chunks else [0, length - 3], length)
    second = _pieces(1, 0, ids[1], [0, late // 2, late - 3] if chunks else [0, late - 3], late)
    steps = [(first[0],)] + [(b, a) for a, b in zip(first[1:], second, strict=False)] + [(second[-1],)]
    return [Batch(tuple(sorted(step, key=lambda piece: len(piece.ids) > 1))) for step in steps]


def _pieces(number: int, slot: int, ids: Tensor, prefill: list[int], length: int) -> list[Piece]:
    cuts = prefill + list(range(prefill[-1] + 1, length + 1))
    tokens = ids.tolist()
    return [Piece(str(number), slot, a, tuple(tokens[a:b]), sample=True) for a, b in pairwise(cuts)]


def _test_ids(model: Any, length: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    vocabulary = model.config.get_text_config().vocab_size
    return torch.randint(0, vocabulary, (2, length), generator=generator)


@torch.inference_mode()
def _plain_logits(model: Any, row: Tensor) -> Tensor:
    logits: Tensor = model(input_ids=row[None].to(model.device), use_cache=False).logits[0]
    return logits.float()
