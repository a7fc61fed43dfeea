"""The attention of the tokens of a step, merged from parts by their log-sum-exp (see ``kernels.py``)."""

from __future__ import annotations

import torch
from torch import Tensor

Rows = slice | Tensor  # a selection of the flat row


class Parts:
    """The attention [N, kv heads, heads of each, size] of all N tokens, and its log-sum-exp without size.

    Merged in float32: rounding each merge would add up.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._out: Tensor | None = None
        self._lse: Tensor | None = None

    def set(self, rows: Rows, out: Tensor, lse: Tensor) -> None:
        """The first part of these rows."""
        out, lse = out.float(), lse.float()
        if self._are_all(rows):  # as when answers with one prefix stream and nothing else is computed
            self._out, self._lse = out, lse
            return
        if self._out is None or self._lse is None:
            self._out = out.new_empty(self._count, *out.shape[1:])
            self._lse = lse.new_empty(self._count, *lse.shape[1:])
        self._out[rows], self._lse[rows] = out, lse

    def add(self, rows: Rows, out: Tensor, lse: Tensor) -> None:
        """Another part of rows that have one: the weight of the old is sigmoid(its lse - the new one's)."""
        assert self._out is not None
        assert self._lse is not None
        old_out, old_lse = self._out, self._lse
        if not self._are_all(rows):
            old_out, old_lse = old_out[rows], old_lse[rows]
        share = torch.sigmoid(old_lse - lse)[..., None]
        self.set(rows, torch.lerp(out.float(), old_out, share), torch.logaddexp(old_lse, lse))

    def result(self, dtype: torch.dtype, sinks: Tensor | None) -> Tensor:
        """[N, heads, size]; a sink [heads] takes its share of the weight and gives nothing."""
        assert self._out is not None
        assert self._lse is not None
        out = self._out
        if sinks is not None:
            share = torch.sigmoid(self._lse - sinks.float().view(self._lse.shape[1:]))
            out = out * share[..., None]
        return out.to(dtype, memory_format=torch.contiguous_format).flatten(1, 2)

    def _are_all(self, rows: Rows) -> bool:
        return isinstance(rows, slice) and rows.start == 0 and rows.stop == self._count
