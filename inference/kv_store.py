"""Keys and values of all layers, in fixed memory and written in place."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterable
from collections.abc import Sequence as Blocks
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
    """``slots`` rows of ``slot_tokens`` tokens and a pool of ``blocks`` for each layer.

    Keys of a layer are one tensor [heads, places, size], values likewise; the first slots * slot_tokens
    places are the slots, the rest is the pool. A slot is never moved or grown, so a step costs one
    write of its new tokens and no copy of old ones. Whoever reads beyond what was written must mask it.
    """

    def __init__(
        self,
        layers: tuple[LayerShape, ...],
        slots: int,
        slot_tokens: int,
        dtype: torch.dtype,
        device: torch.device,
        *,
        blocks: int = 0,
        block_tokens: int = 16,
    ) -> None:
        self.layers = layers
        self.slots, self.slot_tokens = slots, slot_tokens
        self.blocks, self.block_tokens = blocks, block_tokens
        self.pool_start = slots * slot_tokens
        places = self.pool_start + blocks * block_tokens
        self._keys = [_zeros((s.heads, places, s.key_size), dtype, device) for s in layers]
        self._values = [_zeros((s.heads, places, s.value_size), dtype, device) for s in layers]
        # Views that every step of every layer begins with; making them costs more than reading a short text.
        pairs = list(zip(self._keys, self._values, strict=True))
        self._slot_views = [(self._slots_of(keys), self._slots_of(values)) for keys, values in pairs]
        self._pool_views = [(self._pool_of(keys), self._pool_of(values)) for keys, values in pairs]

    def slot_place(self, slot: int, offset: int) -> int:
        """The place of a slot's token."""
        assert offset < self.slot_tokens
        return slot * self.slot_tokens + offset

    def block_place(self, block: int, offset: int) -> int:
        """The place of a block's token."""
        return self.pool_start + block * self.block_tokens + offset

    def write(self, layer: int, keys: Tensor, values: Tensor, places: Tensor) -> None:
        """Store keys and values [heads, N, size] at ``places`` [N]."""
        self._keys[layer].index_copy_(1, places, keys)
        self._values[layer].index_copy_(1, places, values)

    def read_slots(self, layer: int, slots: slice, length: int) -> tuple[Tensor, Tensor]:
        """Views of keys and values [slots, heads, length, size] of a range of slots."""
        keys, values = self._slot_views[layer]
        return keys[slots, :, :length], values[slots, :, :length]

    def read_pool(self, layer: int, start: int, length: int) -> tuple[Tensor, Tensor]:
        """Views of keys and values [1, heads, length, size] of neighbouring tokens of the pool."""
        keys, values = self._pool_views[layer]
        return keys.narrow(2, start, length), values.narrow(2, start, length)

    def copy_to_slot(self, slot: int, blocks: Blocks[int]) -> None:
        """The contents of the blocks, in their order, to the first places of a slot."""
        at = self.slot_place(slot, 0)
        for first, count in _runs(blocks):
            start, length = self.block_place(first, 0), count * self.block_tokens
            for tensor in (*self._keys, *self._values):
                tensor[:, at : at + length] = tensor[:, start : start + length]
            at += length

    def clear(self, slot: int, length: int) -> None:
        """Overwrite the first ``length`` tokens of a slot with zeros.

        Needed where numbers may not be finite: a masked value counts zero times, and zero times
        not-a-number would poison the next owner of the slot.
        """
        start = self.slot_place(slot, 0)
        for tensor in (*self._keys, *self._values):
            tensor[:, start : start + length].zero_()

    def _slots_of(self, tensor: Tensor) -> Tensor:
        """[heads, places, size] -> [slots, heads, slot tokens, size]."""
        slots = tensor[:, : self.pool_start].view(len(tensor), self.slots, self.slot_tokens, -1)
        return slots.transpose(0, 1)

    def _pool_of(self, tensor: Tensor) -> Tensor:
        """[heads, places, size] -> [1, heads, tokens of the pool, size]."""
        return tensor[None, :, self.pool_start :]


def _runs(blocks: Blocks[int]) -> Iterable[tuple[int, int]]:
    """Runs of neighbouring blocks: the first one and how many."""
    start = 0
    for index in range(1, len(blocks) + 1):
        if index == len(blocks) or blocks[index] != blocks[index - 1] + 1:
            yield blocks[start], index - start
            start = index


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    # Fresh pages of the system are zero and take memory only when first written; torch.zeros would
    # touch all of them now. Huge pages would take 2 MiB for the first token of every row.
    pages = mmap.mmap(-1, math.prod(shape) * dtype.itemsize)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):  # Linux only
        pages.madvise(mmap.MADV_NOHUGEPAGE)
    return torch.frombuffer(pages, dtype=dtype).view(shape)
