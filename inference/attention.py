"""Attention over one flat row that holds the tokens of all requests.

transformers calls :func:`attend` for every layer of a model whose attention implementation is
``ATTENTION``; what to do with the row comes along as the ``plan`` argument of the forward call.
No mask function is registered under the name, so transformers builds no masks of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from inference.kv_store import KVStore, LayerShape
from inference.scheduler import Batch, Piece

ATTENTION = "fewshot_flat_row"
# Lengths of the key views are rounded up to this, so that the kernels meet few distinct shapes.
_LENGTH_STEP = 16


class UnsupportedAttentionError(Exception):
    """The model asks its attention for something the flat row does not do."""


class Plan(Protocol):
    """What :func:`attend` needs from the step: attention of one layer over the flat row."""

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float | None, window: int | None
    ) -> Tensor:
        """query [1, heads, N, size], key and value [1, kv heads, N, size] -> [1, N, heads, size]."""
        ...


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    plan: Plan,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """The function registered with transformers. Raises UnsupportedAttentionError."""
    if attention_mask is not None or softcap is not None or s_aux is not None:
        raise UnsupportedAttentionError("soft caps, attention sinks and own masks are not supported")
    layer = module.layer_idx
    assert isinstance(layer, int)
    return plan.attend(layer, query, key, value, scaling, sliding_window), None


def register() -> None:
    """Make ``ATTENTION`` known to transformers. The function keeps no state, so once is for all engines."""
    AttentionInterface.register(ATTENTION, attend)


class LayerProbe:
    """A plan that only notes what each layer would store; its output is meaningless."""

    def __init__(self) -> None:
        self.layers: dict[int, LayerShape] = {}

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float | None, window: int | None
    ) -> Tensor:
        if layer in self.layers:
            raise UnsupportedAttentionError(f"layer {layer} attends more than once")
        self.layers[layer] = LayerShape(key.shape[1], key.shape[3], value.shape[3])
        return query.new_zeros(1, query.shape[2], query.shape[1], value.shape[3])


class FlatPlan:
    """Attention of one step: single tokens of all requests in one call, then one call a longer piece."""

    def __init__(self, batch: Batch, store: KVStore, dtype: torch.dtype, device: torch.device) -> None:
        self._store = store
        self._dtype, self._device = dtype, device
        self._singles = [piece for piece in batch.pieces if len(piece.ids) == 1]
        self._longer = batch.pieces[len(self._singles) :]
        assert all(len(piece.ids) > 1 for piece in self._longer)
        self._places = self._tensor(
            [p.slot * store.slot_tokens + at for p in batch.pieces for at in range(p.start, p.stop)]
        )
        self._span = _span(self._singles)
        self._rows = self._tensor([piece.slot - self._span.start for piece in self._singles])
        self._length = _rounded(max((p.stop for p in self._singles), default=0), store.slot_tokens)
        self._masks: dict[tuple[int, int | None], Tensor | None] = {}

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float | None, window: int | None
    ) -> Tensor:
        self._store.write(layer, key[0], value[0], self._places)
        parts, start = [], len(self._singles)
        if self._singles:
            parts.append(self._attend_singles(layer, query[0, :, :start], scale, window))
        for index, piece in enumerate(self._longer):
            stop = start + len(piece.ids)
            parts.append(self._attend_piece(layer, index, query[:, :, start:stop], scale, window))
            start = stop
        return (parts[0] if len(parts) == 1 else torch.cat(parts)).unsqueeze(0)

    def _attend_singles(self, layer: int, query: Tensor, scale: float | None, window: int | None) -> Tensor:
        """query [heads, R, size] -> [R, heads, size]; heads of one kv head become rows of a product."""
        keys, values = self._store.read(layer, self._span, self._length)
        grouped = query.reshape(keys.shape[1], -1, *query.shape[1:]).permute(2, 0, 1, 3)
        whole = len(self._singles) == keys.shape[0]
        if not whole:  # slots between ours compute a row that nobody reads
            grouped = grouped.new_zeros(keys.shape[0], *grouped.shape[1:]).index_copy_(0, self._rows, grouped)
        mask = self._mask(-1, window, self._singles_mask)
        out = scaled_dot_product_attention(grouped, keys, values, attn_mask=mask, scale=scale)
        return (out if whole else out[self._rows]).flatten(1, 2)

    def _attend_piece(
        self, layer: int, index: int, query: Tensor, scale: float | None, window: int | None
    ) -> Tensor:
        """query [1, heads, n, size] -> [n, heads, size]."""
        piece = self._longer[index]
        keys, values = self._store.read(layer, slice(piece.slot, piece.slot + 1), piece.stop)
        mask = self._mask(index, window, lambda limit: self._piece_mask(piece, limit))
        causal = mask is None
        out = scaled_dot_product_attention(
            query, keys, values, attn_mask=mask, is_causal=causal, scale=scale, enable_gqa=True
        )
        return out[0].transpose(0, 1)

    def _mask(
        self, index: int, window: int | None, build: Callable[[int | None], Tensor | None]
    ) -> Tensor | None:
        """Masks are the same in all layers with the same window: built once a step."""
        if (index, window) not in self._masks:
            self._masks[index, window] = build(window)
        return self._masks[index, window]

    def _singles_mask(self, window: int | None) -> Tensor:
        """[slots, 1, 1, length]: slots that are not ours see their first token, so that no row is empty."""
        last = torch.zeros(self._span.stop - self._span.start, 1, dtype=torch.int64)
        for piece in self._singles:
            last[piece.slot - self._span.start] = piece.start
        return self._additive(_visible(last, self._length, window))[:, None, None]

    def _piece_mask(self, piece: Piece, window: int | None) -> Tensor | None:
        """[n, stop]; None where the plain causal mask says the same."""
        if piece.start == 0 and (window is None or piece.stop <= window):
            return None
        return self._additive(_visible(torch.arange(piece.start, piece.stop)[:, None], piece.stop, window))

    def _additive(self, visible: Tensor) -> Tensor:
        mask = torch.zeros(visible.shape, dtype=self._dtype).masked_fill_(~visible, float("-inf"))
        return mask.to(self._device)

    def _tensor(self, numbers: list[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int64, device=self._device)


def _visible(positions: Tensor, length: int, window: int | None) -> Tensor:
    """positions [n, 1] -> bool [n, length]: causal, and not further back than the window."""
    distance = positions - torch.arange(length)
    seen = distance >= 0
    return seen if window is None else seen & (distance < window)


def _span(singles: list[Piece]) -> slice:
    if not singles:
        return slice(0, 0)
    return slice(min(piece.slot for piece in singles), max(piece.slot for piece in singles) + 1)


def _rounded(length: int, limit: int) -> int:
    return min(limit, -(-length // _LENGTH_STEP) * _LENGTH_STEP)
