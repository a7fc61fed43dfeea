"""Chooses how a model is run, by trying it: a fluent wrong answer is the worst fault an engine can have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from inference import attention
from inference.attention import LayerProbe, UnsupportedAttentionError
from inference.config import EngineConfig
from inference.kv_store import KVStore, LayerShape, token_bytes
from inference.runner import FlatRunner, Runner, SequentialRunner
from inference.scheduler import Batch, Piece

_TEST_TOKENS = 48
# How far the engine may be from the plain model: rounding differs with the shape of a product, so
# the plain model is also compared with itself on shorter inputs. A leak between requests or a wrong
# mask was measured at 3 to 10 times that noise in bfloat16 and at 10,000 times in float32.
_NOISE_FACTOR = 2.0
_NOISE_FLOOR = {torch.float32: 1e-4, torch.float16: 5e-3, torch.bfloat16: 5e-3}


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
    original = _plain_attention(model)
    model.set_attn_implementation(original)
    test = SelfTest(model)
    try:
        return _try_flat(model, config, window, test)
    except UnsupportedModelError as refusal:
        model.set_attn_implementation(original)
        runner = SequentialRunner(model)
        with _faults_refuse():
            error = test.check(runner)
        return Chosen(runner, window, error, f"one request at a time: {refusal}")


def _plain_attention(model: Any) -> str:
    """The implementation of the plain model; one that an engine used before still has ours."""
    current: str = model.config._attn_implementation
    default: str = model.get_correct_attn_implementation(None)
    return default if current == attention.ATTENTION else current


class SelfTest:
    """Logits of two seeded random prompts by the plain model, and the check of a runner against them.

    Errors are root mean squares of the difference of logits in units of the spread of the logits.
    """

    def __init__(self, model: Any) -> None:
        """Takes the logits with the attention implementation that is set on the model now."""
        generator = torch.Generator().manual_seed(0)
        vocabulary = model.config.get_text_config().vocab_size
        self.ids = torch.randint(0, vocabulary, (2, _TEST_TOKENS), generator=generator)
        self._wanted = [_plain_logits(model, row) for row in self.ids]
        self._tolerance = _NOISE_FLOOR[model.dtype] + _NOISE_FACTOR * self._noise(model)

    def check(self, runner: Runner) -> float:
        """The mean error over all sampled positions. Raises UnsupportedModelError above the noise."""
        errors = [
            _error(row, self._wanted[int(piece.request_id)][piece.stop - 1])
            for batch in _batches(self.ids, chunks=runner.chunks)
            for piece, row in zip(batch.samples, runner.run(batch), strict=True)
        ]
        error = fmean(errors)
        if not error <= self._tolerance:  # not-a-number is not below it either
            spreads = f"by {error:.2g} spreads, more than {self._tolerance:.2g}"
            raise UnsupportedModelError(f"logits of the {runner.name} path are off {spreads}")
        return error

    def _noise(self, model: Any) -> float:
        row, wanted = self.ids[0], self._wanted[0]
        lengths = (len(row) // 2, len(row) - 3, len(row) - 2, len(row) - 1)
        return fmean(_error(_plain_logits(model, row[:n])[-1], wanted[n - 1]) for n in lengths)


def _try_flat(model: Any, config: EngineConfig, window: int, test: SelfTest) -> Chosen:
    with _faults_refuse():
        layers = _probe(model)
        test_store = KVStore(layers, 3, test.ids.shape[1], model.dtype, model.device)
        error = test.check(FlatRunner(model, test_store))
    fitting = config.cache_bytes // (token_bytes(layers, model.dtype) * config.max_running)
    if not fitting:
        raise ValueError(f"cache_bytes {config.cache_bytes} is too little for {config.max_running} requests")
    slot_tokens = min(window, fitting)
    store = KVStore(layers, config.max_running, slot_tokens, model.dtype, model.device)
    return Chosen(FlatRunner(model, store), slot_tokens, error)


@contextmanager
def _faults_refuse() -> Iterator[None]:
    """A model that does not fit a path fails in many ways; each only means "not this path"."""
    try:
        yield
    except UnsupportedModelError:
        raise
    except Exception as fault:
        raise UnsupportedModelError(f"{type(fault).__name__}: {fault}") from fault


@torch.inference_mode()
def _probe(model: Any) -> tuple[LayerShape, ...]:
    """Shapes of the cache by layer. Raises UnsupportedAttentionError if a layer keeps state elsewhere."""
    attention.register()
    model.set_attn_implementation(attention.ATTENTION)
    probe = LayerProbe()
    token = torch.zeros(1, 1, dtype=torch.int64, device=model.device)
    model(input_ids=token, position_ids=token, plan=probe, use_cache=False)
    expected = model.config.get_text_config().num_hidden_layers
    if sorted(probe.layers) != list(range(expected)):
        raise UnsupportedAttentionError(f"{len(probe.layers)} of {expected} layers use the interface")
    return tuple(probe.layers[layer] for layer in range(expected))


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


@torch.inference_mode()
def _plain_logits(model: Any, row: Tensor) -> Tensor:
    logits: Tensor = model(input_ids=row[None].to(model.device), use_cache=False).logits[0]
    return logits.float()


def _error(logits: Tensor, wanted: Tensor) -> float:
    return float((logits - wanted).square().mean().sqrt() / wanted.std())
