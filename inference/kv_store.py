"""Keys and values of all requests, preallocated and written in place."""

from __future__ import annotations

import math
import mmap
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class LayerShape:
    """What one attention layer stores for a token: heads x (key size + value size) numbers."""

    heads: int
    key_size: int
    value_size: int


def token_bytes(layers: tuple[LayerShape, ...], dtype: torch.dtype) -> int:
    """Bytes one token takes in the cache of all layers."""
    return sum(layer.heads * (layer.key_size + layer.value_size) for layer in layers) * dtype.itemsize


class KVStore:
    """``slots`` rows of ``slot_tokens`` tokens for each layer.

    Keys of a layer are one tensor [heads, slots, slot_tokens, size]; values likewise. A slot is
    never moved or grown, so that a step costs one write of its new tokens and no copy of old ones.
    Whoever reads beyond what a request has written must mask it.
    """

    def __init__(
        self,
        layers: tuple[LayerShape, ...],
        slots: int,
        slot_tokens: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.slots = slots
        self.slot_tokens = slot_tokens
        self._keys = [_zeros((s.heads, slots, slot_tokens, s.key_size), dtype, device) for s in layers]
        self._values = [_zeros((s.heads, slots, slot_tokens, s.value_size), dtype, device) for s in layers]

    def write(self, layer: int, keys: Tensor, values: Tensor, places: Tensor) -> None:
        """Store keys and values [heads, N, size] at ``places`` [N] (slot * slot_tokens + position)."""
        self._keys[layer].flatten(1, 2).index_copy_(1, places, keys)
        self._values[layer].flatten(1, 2).index_copy_(1, places, values)

    def read(self, layer: int, slots: slice, length: int) -> tuple[Tensor, Tensor]:
        """Views of keys and values [slots, heads, length, size] of a range of slots."""
        keys = self._keys[layer][:, slots, :length].transpose(0, 1)
        values = self._values[layer][:, slots, :length].transpose(0, 1)
        return keys, values

    def clear(self, slot: int, length: int) -> None:
        """Overwrite the first ``length`` tokens of a slot with zeros.

        Needed where numbers may not be finite: a masked value counts zero times, and zero times
        not-a-number would poison the next owner of the slot.
        """
        for tensor in (*self._keys, *self._values):
            tensor[:, slot, :length].zero_()


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    # Fresh pages of the system are zero and take memory only when first written; torch.zeros would
    # touch all of them now. Huge pages would take 2 MiB for the first token of every row.
    pages = mmap.mmap(-1, math.prod(shape) * dtype.itemsize)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):  # Linux only
        pages.madvise(mmap.MADV_NOHUGEPAGE)
    return torch.frombuffer(pages, dtype=dtype).view(shape)
