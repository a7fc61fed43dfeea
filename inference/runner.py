"""From the plan of a step to logits: the only room that calls the model."""

from __future__ import annotations

import inspect
from typing import Any, Protocol

import torch
from torch import Tensor

from inference.flat_plan import FlatPlan
from inference.kv_store import KVStore
from inference.scheduler import Batch, Piece


class Runner(Protocol):
    """Computes a batch and remembers keys and values.

    A piece that starts at 0 replaces whatever its slot held before.
    """

    name: str
    chunks: bool  # may a prompt be computed in several pieces?
    repeatable: bool  # may a batch be run again after a fault?
    blocks: int  # of the pool for shared prefixes

    def run(self, batch: Batch) -> Tensor:
        """Logits [rows, vocabulary] in float32: the last ``wanted`` tokens of each piece of ``batch.all``."""
        ...

    def clear(self, slot: int, length: int) -> None:
        """Wipe the ``length`` tokens that a slot holds; else its next owner could meet faulty numbers."""
        ...


class FlatRunner:
    """All tokens of a step in one forward call over one flat row."""

    name = "flat"
    chunks = True
    repeatable = True  # everything is written in place

    def __init__(self, model: Any, store: KVStore) -> None:
        self.blocks, self.slot_tokens = store.blocks, store.slot_tokens
        self._model = model
        self._store = store
        self._device: torch.device = model.device

    @torch.inference_mode()
    def run(self, batch: Batch) -> Tensor:
        for copy in batch.copies:
            self._store.copy_to_slot(copy.slot, copy.blocks)
        positions = [at for piece in batch.all for at in range(piece.start, piece.stop)]
        output = self._model(
            input_ids=self._row([token for piece in batch.all for token in piece.ids]),
            position_ids=self._row(positions),
            plan=FlatPlan(batch, self._store, self._model.dtype, self._device),
            # The head is a large product: only rows that somebody wants go through it.
            logits_to_keep=self._row(_wanted_rows(batch))[0],
            use_cache=False,
        )
        logits: Tensor = output.logits[0]
        return logits.float()

    @torch.inference_mode()
    def clear(self, slot: int, length: int) -> None:
        self._store.clear(slot, length)

    def _row(self, numbers: list[int]) -> Tensor:
        return torch.tensor([numbers], dtype=torch.int64, device=self._device)


class SequentialRunner:
    """One forward call for each piece with transformers' own cache: slow, for what the flat row cannot."""

    name = "sequential"
    chunks = False
    repeatable = False
    blocks = 0

    def __init__(self, model: Any) -> None:
        self._model = model
        self._device: torch.device = model.device
        self._caches: dict[int, tuple[int, Any]] = {}  # by slot: tokens that it holds, and the cache
        self._keeps = _takes(model, "logits_to_keep")

    @torch.inference_mode()
    def run(self, batch: Batch) -> Tensor:
        rows = [self._forward(piece)[len(piece.ids) - piece.wanted :] for piece in batch.all]
        return torch.cat(rows)

    def clear(self, slot: int, length: int) -> None:
        self._caches.pop(slot, None)

    def _forward(self, piece: Piece) -> Tensor:
        """Logits [n, vocabulary], of which at least the last ``wanted`` are right."""
        held, cache = self._caches.pop(piece.slot, (0, None)) if piece.start else (0, None)
        assert held == piece.start
        ids = torch.tensor([piece.ids], dtype=torch.int64, device=self._device)
        keep = {"logits_to_keep": max(1, piece.wanted)} if self._keeps else {}
        output = self._model(input_ids=ids, past_key_values=cache, use_cache=True, **keep)
        self._caches[piece.slot] = piece.stop, output.past_key_values
        logits: Tensor = output.logits[0].float()
        return torch.cat([logits.new_zeros(len(piece.ids) - len(logits), logits.shape[1]), logits])


def _wanted_rows(batch: Batch) -> list[int]:
    rows: list[int] = []
    end = 0
    for piece in batch.all:
        end += len(piece.ids)
        rows.extend(range(end - piece.wanted, end))
    return rows


def _takes(model: Any, argument: str) -> bool:
    return argument in inspect.signature(model.forward).parameters
