"""Chooses how a model is run, by trying it: a fluent wrong answer is the worst fault an engine can have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from inference import attention
from inference.accelerate import accelerate
from inference.attention import LayerProbe, UnsupportedAttentionError
from inference.blocks import BlockPool
from inference.config import EngineConfig
from inference.encoder_decoder import EncoderDecoderRunner
from inference.encoder_decoder import Sharing as RowSharing
from inference.kv_store import KVStore, LayerShape, token_bytes
from inference.pace import Pace
from inference.runner import FlatRunner, Runner, SequentialRunner
from inference.scheduler import Batch, Scheduler
from inference.sequence import Sequence
from inference.types import GenerationRequest, SamplingParams

_TOKENS, _FORCED = 48, 3  # of each test text, and how many of them are computed one by one
# Three texts: the first two share 24 tokens, the third has 8 in common with them and ends early.
_SHARED = (24, 8)
_BLOCK, _CHUNK = 8, 17
_SOURCES = (48, 24, 31)  # tokens that an encoder reads
# How far the engine may be from the plain model, besides the floor: rounding differs with the shape of a
# product and with the order of sums, so the plain model is also compared with itself on shorter inputs
# and with another of its attention implementations. A leak between requests or a wrong mask was
# measured at 2 to 30 times that noise in bfloat16 and at 10,000 times in float32.
_NOISE_FACTOR = 2.0  # the noise of one text by chance: up to 1.8 times it was seen on three
_NOISE_FLOOR = {torch.float32: 1e-4, torch.float16: 5e-3, torch.bfloat16: 5e-3}
_UNKNOWN_ORDER = {torch.float32: 1e-6, torch.float16: 2e-3, torch.bfloat16: 1e-2}
# Swapped modules round at other places, mostly at fewer.
_SWAPPED_FACTOR = 4.0
# Bookkeeping of more blocks takes longer than their reuse saves.
_MOST_BLOCKS = 8192


class UnsupportedModelError(Exception):
    """The model gives wrong logits on every path of the engine."""


class SwappedModulesError(UnsupportedModelError):
    """The model was right until its modules were swapped: load it again and do not accelerate it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A runner that passed the test; ``note`` says why it is not the fast one, or is empty."""

    runner: Runner
    slot_tokens: int
    error: float
    note: str = ""
    modules: dict[str, int] = field(default_factory=dict)


def choose_runner(model: Any, config: EngineConfig, window: int) -> Chosen:
    """Prefer the flat row; fall back to one request at a time.

    Of an encoder-decoder model prefer the runner that computes the most rows together. Switches the
    attention implementation of ``model`` if the flat row is chosen, and swaps modules for faster ones.
    Raises UnsupportedModelError if every way gives other logits than the plain model,
    SwappedModulesError if only the faster modules do.
    """
    if model.config.is_encoder_decoder:
        return _choose_sharing(model, window)
    original = _plain_attention(model)
    model.set_attn_implementation(original)
    test = SelfTest(model)
    try:
        return _try_flat(model, config, window, test)
    except SwappedModulesError:
        raise
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


def _choose_sharing(model: Any, window: int) -> Chosen:
    test, note = SelfTest(model), ""
    for sharing in RowSharing:
        try:
            with _faults_refuse():
                error = test.check(EncoderDecoderRunner(model, sharing))
            return Chosen(EncoderDecoderRunner(model, sharing), window, error, note)
        except UnsupportedModelError as refusal:
            note = str(refusal)
    raise UnsupportedModelError(note)


class SelfTest:
    """Logits of seeded random texts by the plain model, and the check of a runner against them.

    The real scheduler decides what is computed together: chunks, a prefix on two levels in the pool,
    single tokens, a slot in between that is not used. The encoder of an encoder-decoder model reads a
    random source of another length for each text. Errors are root mean squares of the difference
    of logits in units of the spread of the logits.
    """

    def __init__(self, model: Any) -> None:
        """Takes the logits with the attention implementation and the modules that the model has now."""
        generator = torch.Generator().manual_seed(0)
        vocabulary = model.config.get_text_config().vocab_size
        texts = torch.randint(0, vocabulary, (3, _TOKENS), generator=generator)
        texts[1, : _SHARED[0]], texts[2, : _SHARED[1]] = texts[0, : _SHARED[0]], texts[0, : _SHARED[1]]
        self._texts: list[list[int]] = texts.tolist()
        lengths = _SOURCES if model.config.is_encoder_decoder else (0, 0, 0)
        sources = [torch.randint(0, vocabulary, (length,), generator=generator) for length in lengths]
        self._sources = [tuple(source.tolist()) for source in sources]
        pairs = zip(self._texts, self._sources, strict=True)
        self._wanted = [_plain_logits(model, text, source) for text, source in pairs]
        noise = max(self._shape_noise(model), self._order_noise(model))
        self._tolerance = _NOISE_FLOOR[model.dtype] + _NOISE_FACTOR * noise

    def check(self, runner: Runner, *, slack: float = 1.0) -> float:
        """The mean error over all logits that were asked for.

        Raises UnsupportedModelError above ``slack`` times the noise.
        """
        error = fmean(_error(row, self._wanted[text][position]) for text, position, row in self._rows(runner))
        if not error <= slack * self._tolerance:  # not-a-number is not below it either
            spreads = f"by {error:.2g} spreads, more than {slack * self._tolerance:.2g}"
            raise UnsupportedModelError(f"logits of the {runner.name} path are off {spreads}")
        return error

    def _rows(self, runner: Runner) -> Iterator[tuple[int, int, Tensor]]:
        """Text, position and logits, as the runner computes them."""
        scheduler = Scheduler(
            3,
            _TOKENS,
            pool=BlockPool(runner.blocks),
            block_tokens=_BLOCK,
            share_from=_BLOCK,
            pace=Pace(first=_CHUNK, least=_CHUNK, most=_CHUNK),
            idle_budget=_CHUNK,
            chunks=runner.chunks,
        )
        sequences = {str(text): self._sequence(text) for text in range(len(self._texts))}
        scheduler.add(sequences["2"])
        scheduler.add(sequences["0"])
        late = [sequences["1"]]
        while late or scheduler.running or scheduler.waiting:
            batch = scheduler.plan()
            logits = runner.run(batch)
            scheduler.advance(batch)
            yield from self._deliver(batch, logits, scheduler, sequences)
            if late:
                scheduler.add(late.pop())

    def _deliver(
        self, batch: Batch, logits: Tensor, scheduler: Scheduler, sequences: dict[str, Sequence]
    ) -> Iterator[tuple[int, int, Tensor]]:
        at = 0
        for piece in batch.all:
            sequence, text = sequences[piece.request_id], int(piece.request_id)
            for position in range(piece.stop - piece.wanted, piece.stop):
                yield text, position, logits[at]
                at += 1
            if piece.stop == _TOKENS - (_FORCED - 1 if text == 2 else 0):
                scheduler.end(sequence)
            elif piece.wanted:
                sequence.report(piece.stop - 1)
                sequence.append(self._texts[text][piece.stop])

    def _sequence(self, text: int) -> Sequence:
        prompt = tuple(self._texts[text][: _TOKENS - _FORCED])
        sampling = SamplingParams(max_new_tokens=_FORCED)
        return Sequence(GenerationRequest(str(text), prompt, sampling, source_ids=self._sources[text]))

    def _shape_noise(self, model: Any) -> float:
        text, source, wanted = self._texts[0], self._sources[0], self._wanted[0]
        lengths = (len(text) // 2, len(text) - 3, len(text) - 2, len(text) - 1)
        return fmean(_error(_plain_logits(model, text[:n], source)[-1], wanted[n - 1]) for n in lengths)

    def _order_noise(self, model: Any) -> float:
        current = model.config._attn_implementation
        try:
            model.set_attn_implementation("sdpa" if current == "eager" else "eager")
            return _error(_plain_logits(model, self._texts[0], self._sources[0]), self._wanted[0])
        except (ValueError, ImportError):  # the model has no other
            return _UNKNOWN_ORDER[model.dtype]
        finally:
            model.set_attn_implementation(current)


def _try_flat(model: Any, config: EngineConfig, window: int, test: SelfTest) -> Chosen:
    with _faults_refuse():
        layers = _probe(model)
        runner = FlatRunner(model, _test_store(model, layers))
        error = test.check(runner)
    modules: dict[str, int] = {}
    if config.accelerate:
        try:
            modules = accelerate(model)
            error = test.check(runner, slack=_SWAPPED_FACTOR) if modules else error
        except Exception as fault:
            raise SwappedModulesError(f"with faster modules, {fault}") from fault
    runner = FlatRunner(model, _store(model, config, window, layers))
    return Chosen(runner, runner.slot_tokens, error, modules=modules)


def _test_store(model: Any, layers: tuple[LayerShape, ...]) -> KVStore:
    blocks = 3 * _TOKENS // _BLOCK
    return KVStore(layers, 3, _TOKENS, model.dtype, model.device, blocks=blocks, block_tokens=_BLOCK)


def _store(model: Any, config: EngineConfig, window: int, layers: tuple[LayerShape, ...]) -> KVStore:
    """The cache within its budgets."""
    size = token_bytes(layers, model.dtype)
    fitting = config.cache_bytes // (size * config.max_running)
    if not fitting:
        raise ValueError(f"cache_bytes {config.cache_bytes} is too little for {config.max_running} requests")
    blocks = 0 if config.sharing == "none" else config.prefix_bytes // (size * config.block_tokens)
    return KVStore(
        layers,
        config.max_running,
        min(window, fitting),
        model.dtype,
        model.device,
        blocks=min(blocks, _MOST_BLOCKS),
        block_tokens=config.block_tokens,
    )


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


@torch.inference_mode()
def _plain_logits(model: Any, text: list[int], source: tuple[int, ...]) -> Tensor:
    ids = torch.tensor([text], device=model.device)
    inputs = {"input_ids": ids}
    if source:
        inputs = {"input_ids": torch.tensor([source], device=model.device), "decoder_input_ids": ids}
    logits: Tensor = model(**inputs, use_cache=False).logits[0]
    return logits.float()


def _error(logits: Tensor, wanted: Tensor) -> float:
    return float((logits - wanted).square().mean().sqrt() / wanted.std())
