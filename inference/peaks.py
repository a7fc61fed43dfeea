"""Large values of a vocabulary, found without a second look at the small ones."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

_LONGEST_BLOCK = 128


class Peaks:
    """Rows of values [R, V] with the maximum of each block of them.

    A next-token distribution has few values that matter. One pass over the vocabulary finds the
    maxima of blocks; after it only blocks that can hold an answer are read.
    """

    def __init__(self, rows: Tensor) -> None:
        self.size = block_size(rows.shape[1])
        self._blocks = rows.view(len(rows), -1, self.size)  # [R, V / size, size]
        self._maxima = self._blocks.amax(dim=-1)

    def highest(self) -> Tensor:
        """The maximum of each row [R]; not-a-number if there is one in the row."""
        return self._maxima.amax(dim=-1)

    def argmax(self) -> Tensor:
        """The first id of the maximum of each row [R]."""
        block = self._maxima.argmax(dim=-1)
        inside = self._read(block[:, None])[:, 0].argmax(dim=-1)
        return block * self.size + inside

    def largest(self, count: int) -> tuple[Tensor, Tensor]:
        """The largest values, in descending order, and their ids, both [R, min(count, V)]."""
        # A value that is not in the ``count`` blocks of the highest maxima has ``count`` above it.
        blocks = self._maxima.topk(min(count, self._maxima.shape[1])).indices
        near = self._read(blocks).flatten(1)
        values, at = near.topk(min(count, near.shape[1]))
        return values, blocks.gather(1, at // self.size) * self.size + at % self.size

    def kth(self, count: int) -> Tensor:
        """The ``count``-th largest value [1] of a single row."""
        blocks = self._maxima[0].topk(min(count, self._maxima.shape[1])).indices
        near = self._blocks[0].index_select(0, blocks).flatten()
        return near.topk(min(count, len(near))).values[-1:]

    def at_least(self, floor: Tensor) -> Tensor:
        """The ids [N], ascending, of the values of a single row that are not below ``floor`` [1]."""
        blocks = (self._maxima[0] >= floor).nonzero()[:, 0]
        near = self._blocks[0].index_select(0, blocks)
        at = (near >= floor).flatten().nonzero()[:, 0]
        return blocks.index_select(0, at // self.size) * self.size + at % self.size

    def count_above(self, values: Tensor) -> Tensor:
        """How many values of each row exceed the one given for it [R]."""
        blocks = (self._maxima > values[:, None]).flatten().nonzero()[:, 0]
        near = self._blocks.flatten(0, 1).index_select(0, blocks)
        rows = blocks // self._maxima.shape[1]
        found = (near > values.index_select(0, rows)[:, None]).sum(dim=-1)
        return torch.zeros_like(values, dtype=torch.int64).index_add_(0, rows, found)

    def _read(self, blocks: Tensor) -> Tensor:
        """The blocks [R, N] of each row: [R, N, size]."""
        return self._blocks.gather(1, blocks[..., None].expand(-1, -1, self.size))


@cache
def block_size(width: int) -> int:
    """The longest block that divides the width. Vocabularies are padded; a prime one is only slower."""
    return max(size for size in range(1, _LONGEST_BLOCK + 1) if width % size == 0)
