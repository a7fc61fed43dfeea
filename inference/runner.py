"""From the plan of a step to logits: the only room that calls the model."""

from __future__ import annotations

import inspect
from typing import Any, Protocol

import torch
from torch import Tensor

from inference.attention import FlatPlan
from inference.kv_store import KVStore
from inference.scheduler import Batch, Piece


class Runner(Protocol):
    """Computes a batch and remembers keys and values by slot.

    A piece that starts at 0 replaces whatever its slot held before.
    """

    name: str
    chunks: bool  # may a prompt be computed in several pieces?

    def run(self, batch: Batch) -> Tensor:
        """Logits [len(batch.samples), vocabulary] in float32, in the order of ``batch.samples``."""
        ...

    def clear(self, slot: int, length: int) -> None:
        """Wipe the ``length`` tokens that a slot holds; else its next owner could meet faulty numbers."""
        ...


class FlatRunner:
    """All tokens of a step in one forward call over one flat row."""

    name = "flat"
    chunks = True

    def __init__(self, model: Any, store: KVStore) -> None:
        self._model = model
        self._store = store
        self._device: torch.device = model.device

    @torch.inference_mode()
    def run(self, batch: Batch) -> Tensor:
        positions = [at for piece in batch.pieces for at in range(piece.start, piece.stop)]
        output = self._model(
            input_ids=self._row([token for piece in batch.pieces for token in piece.ids]),
            position_ids=self._row(positions),
            plan=FlatPlan(batch, self._store, self._model.dtype, self._device),
            # The head is a large product: only rows that choose a token go through it.
            logits_to_keep=self._row(_sample_rows(batch))[0],
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

    def __init__(self, model: Any) -> None:
        self._model = model
        self._device: torch.device = model.device
        self._caches: dict[int, Any] = {}
        self._head = {"logits_to_keep": 1} if _takes(model, "logits_to_keep") else {}

    @torch.inference_mode()
    def run(self, batch: Batch) -> Tensor:
        logits = [self._forward(piece) for piece in batch.pieces]
        chosen = [row for row, piece in zip(logits, batch.pieces, strict=True) if piece.sample]
        return torch.stack(chosen) if chosen else torch.empty(0, 0)

    def clear(self, slot: int, length: int) -> None:
        self._caches.pop(slot, None)

    def _forward(self, piece: Piece) -> Tensor:
        cache = self._caches.pop(piece.slot, None) if piece.start else None
        assert (cache is None) == (piece.start == 0)
        ids = torch.tensor([piece.ids], dtype=torch.int64, device=self._device)
        output = self._model(input_ids=ids, past_key_values=cache, use_cache=True, **self._head)
        self._caches[piece.slot] = output.past_key_values
        last: Tensor = output.logits[0, -1]
        return last.float()


def _sample_rows(batch: Batch) -> list[int]:
    rows, end = [], 0
    for piece in batch.pieces:
        end += len(piece.ids)
        if piece.sample:
            rows.append(end - 1)
    return rows


def _takes(model: Any, argument: str) -> bool:
    return argument in inspect.signature(model.forward).parameters
