"""Attention of one step over the flat row: who attends to what, in as few calls as possible.

Every token attends to its own piece or slot, which no other request sees, and to a prefix in the pool
that others may share. Each stretch of the pool is read in one call by all tokens that attend to it;
the parts of a token's attention are merged by their log-sum-exp (``kernels.py``).

The flat row holds the single tokens first (``rows``), then the longer pieces::

    rows    keys and values of their slots, one call for neighbouring slots
    pieces  their own tokens, causal, straight from the row; earlier ones from their slot
    both    groups of the pool
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from inference.attention import Terms
from inference.groups import Group, prefix_groups
from inference.kernels import HIDDEN, Kernel, choose_kernel, plain
from inference.kv_store import KVStore
from inference.parts import Parts, Rows
from inference.scheduler import Batch, Piece

# Lengths of views of slots are rounded up to this, so that the kernels meet few distinct shapes.
_LENGTH_STEP = 16
# Pieces are padded to one length and computed together while this is at most the growth.
_MOST_PADDING = 1.25
# A second call for rows pays if it saves reading this share of the keys.
_SPLIT_BELOW = 0.75


class FlatPlan:
    """The plan of one step, built once and used by all layers; masks are made when first needed."""

    def __init__(self, batch: Batch, store: KVStore, dtype: torch.dtype, device: torch.device) -> None:
        self._store, self._dtype, self._device = store, dtype, device
        self._masks: dict[tuple[str, int, int | None], Tensor | None] = {}
        starts, end = [], 0
        for piece in batch.all:
            starts.append(end)
            end += len(piece.ids)
        self._count = end
        self._places = self.tensor([self._place(p, at) for p in batch.all for at in range(p.start, p.stop)])
        self._lanes = [_Lane(rows, first, self) for rows, first in _lanes(batch.rows)]
        own = list(zip(batch.pieces, starts[len(batch.rows) :], strict=True))
        self._stacks = [_Stack(stack, self) for stack in _stacks(own)]
        histories = [_History(piece, at, self) for piece, at in own if piece.start > piece.prefix]
        spans = list(zip(batch.all, starts, strict=True))
        prefixes = [(piece.blocks, piece.prefix) for piece in batch.all]
        groups = prefix_groups(prefixes, store.block_tokens)
        shared = [_Shared(number, group, spans, self) for number, group in enumerate(groups)]
        self._stored: list[_History | _Shared] = [*histories, *shared]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, terms: Terms) -> Tensor:
        """See attention.Plan."""
        self._store.write(layer, key[0], value[0], self._places)
        kernel = self._kernel(layer, terms)
        # Heads that share a key head become rows of one product: [N, kv heads, heads of each, size].
        rows = query[0].transpose(0, 1).view(self._count, key.shape[1], -1, query.shape[3])
        parts = Parts(self._count)
        for lane in self._lanes:
            parts.set(lane.span, *lane.attend(layer, rows, kernel, terms))
        for stack in self._stacks:
            parts.set(stack.span, *stack.attend(rows, key[0], value[0], kernel, terms))
        for part in self._stored:
            parts.add(part.span, *part.attend(layer, rows, kernel, terms))
        return parts.result(query.dtype, terms.sinks)[None]

    def mask(
        self, kind: str, index: int, terms: Terms, build: Callable[[int | None], Tensor | None]
    ) -> Tensor | None:
        """Masks are the same in all layers with the same window: built once a step.

        ``build`` gives what is visible, as a boolean tensor, or None for everything.
        """
        key = kind, index, terms.window
        if key not in self._masks:
            visible = build(terms.window)
            self._masks[key] = None if visible is None else self._additive(visible)
        return self._masks[key]

    @property
    def store(self) -> KVStore:
        return self._store

    def rows(self, numbers: list[int]) -> Rows:
        """A selection of the flat row: a slice where the numbers allow it."""
        if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            return slice(numbers[0], numbers[0] + len(numbers))
        return self.tensor(numbers)

    def tensor(self, numbers: list[int] | list[list[int]]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int64, device=self._device)

    def _additive(self, visible: Tensor) -> Tensor:
        mask = torch.zeros(visible.shape, dtype=self._dtype).masked_fill_(~visible, HIDDEN[self._dtype])
        return mask.to(self._device)

    def _kernel(self, layer: int, terms: Terms) -> Kernel:
        if terms.softcap is not None:
            return partial(plain, softcap=terms.softcap)
        shape = self._store.layers[layer]
        return choose_kernel(self._device, shape.key_size, shape.value_size)

    def _place(self, piece: Piece, at: int) -> int:
        size = self._store.block_tokens
        if at < len(piece.blocks) * size:
            return self._store.block_place(piece.blocks[at // size], at % size)
        return self._store.slot_place(piece.slot, at - piece.base)


class _Lane:
    """Single tokens of neighbouring slots; a slot between them that is not ours computes a dummy row."""

    def __init__(self, rows: tuple[Piece, ...], first: int, plan: FlatPlan) -> None:
        self.span = slice(first, first + len(rows))
        self._plan, self._first, self._rows = plan, first, rows
        self._slots = slice(rows[0].slot, rows[-1].slot + 1)
        self._length = min(_rounded(max(p.stop - p.base for p in rows)), plan.store.slot_tokens)
        self._holes = len(rows) < self._slots.stop - self._slots.start
        self._at = plan.tensor([piece.slot - self._slots.start for piece in rows])

    def attend(self, layer: int, rows: Tensor, kernel: Kernel, terms: Terms) -> tuple[Tensor, Tensor]:
        keys, values = self._plan.store.read_slots(layer, self._slots, self._length)
        query = rows[self.span]
        if self._holes:
            query = query.new_zeros(keys.shape[0], *query.shape[1:]).index_copy_(0, self._at, query)
        mask = self._plan.mask("lane", self._first, terms, self._visible)
        out, lse = kernel(query, keys, values, mask, scale=terms.scale)
        if self._holes:
            out, lse = out[self._at], lse[self._at]
        return out, lse

    def _visible(self, window: int | None) -> Tensor:
        """[slots, 1, 1, length]."""
        last = torch.full((self._slots.stop - self._slots.start, 1), -1)
        for piece in self._rows:
            last[piece.slot - self._slots.start] = piece.start - piece.base
        return _visible(last, torch.arange(self._length), window)[:, None, None]


class _Stack:
    """Pieces of about the same length, padded to one: what they attend to among their own tokens.

    Padding stands behind the tokens, where causal attention does not look.
    """

    def __init__(self, pieces: list[tuple[Piece, int]], plan: FlatPlan) -> None:
        lengths = [len(piece.ids) for piece, _ in pieces]
        self._plan, self._first, self._longest = plan, pieces[0][1], max(lengths)
        numbers = [
            [at + min(n, length - 1) for n in range(self._longest)]
            for (_, at), length in zip(pieces, lengths, strict=True)
        ]
        self._gather = plan.tensor([at for row in numbers for at in row])  # [B * longest]
        self.span = plan.rows(
            [at + n for (_, at), length in zip(pieces, lengths, strict=True) for n in range(length)]
        )
        self._real = plan.tensor(
            [i * self._longest + n for i, length in enumerate(lengths) for n in range(length)]
        )
        self._alone = slice(self._first, self._first + self._longest) if len(pieces) == 1 else None

    def attend(
        self, rows: Tensor, key: Tensor, value: Tensor, kernel: Kernel, terms: Terms
    ) -> tuple[Tensor, Tensor]:
        """key and value [kv heads, N, size]."""
        kv_heads, each = rows.shape[1:3]
        query = self._take(rows.flatten(1, 2))
        keys, values = (
            self._take(tensor.transpose(0, 1)).repeat_interleave(each, 1) for tensor in (key, value)
        )
        mask = self._plan.mask("stack", self._first, terms, self._visible)
        out, lse = kernel(query, keys, values, mask, causal=mask is None, scale=terms.scale)
        out, lse = out.transpose(1, 2).flatten(0, 1), lse.transpose(1, 2).flatten(0, 1)
        if self._alone is None:
            out, lse = out.index_select(0, self._real), lse.index_select(0, self._real)
        return out.view(-1, kv_heads, each, out.shape[2]), lse.view(-1, kv_heads, each)

    def _take(self, rows: Tensor) -> Tensor:
        """[N, heads, size] -> [B, heads, longest, size]."""
        if self._alone is not None:
            return rows[self._alone].transpose(0, 1)[None]
        padded = rows.index_select(0, self._gather)
        return padded.view(-1, self._longest, *rows.shape[1:]).transpose(1, 2)

    def _visible(self, window: int | None) -> Tensor | None:
        if window is None or self._longest <= window:
            return None  # the plain causal mask says the same
        at = torch.arange(self._longest)
        return _visible(at[:, None], at, window)


class _History:
    """What a piece attends to in its own slot, from earlier steps."""

    def __init__(self, piece: Piece, at: int, plan: FlatPlan) -> None:
        self.span = slice(at, at + len(piece.ids))
        self._plan, self._at, self._piece = plan, at, piece

    def attend(self, layer: int, rows: Tensor, kernel: Kernel, terms: Terms) -> tuple[Tensor, Tensor]:
        piece = self._piece
        slots = slice(piece.slot, piece.slot + 1)
        keys, values = self._plan.store.read_slots(layer, slots, piece.start - piece.base)
        mask = self._plan.mask("history", self._at, terms, self._visible)
        return _folded(rows[self.span], keys, values, mask, kernel, terms)

    def _visible(self, window: int | None) -> Tensor | None:
        piece = self._piece
        positions = torch.arange(piece.start, piece.stop)[:, None]
        return _visible(positions, torch.arange(piece.base, piece.start), window) if window else None


class _Shared:
    """A stretch of the pool and all tokens of the row that attend to it."""

    def __init__(self, number: int, group: Group, spans: list[tuple[Piece, int]], plan: FlatPlan) -> None:
        members = [spans[member] for member in group.members]
        self._plan, self._number, self._group = plan, number, group
        self._positions = [at for piece, _ in members for at in range(piece.start, piece.stop)]
        self.span = plan.rows([at + n for piece, at in members for n in range(len(piece.ids))])

    def attend(self, layer: int, rows: Tensor, kernel: Kernel, terms: Terms) -> tuple[Tensor, Tensor]:
        keys, values = self._plan.store.read_pool(layer, self._group.start, self._group.length)
        mask = self._plan.mask("shared", self._number, terms, self._visible)
        return _folded(rows[self.span], keys, values, mask, kernel, terms)

    def _visible(self, window: int | None) -> Tensor | None:
        first, length = self._group.position, self._group.length
        if window is None or max(self._positions) - first < window:
            return None
        positions = torch.tensor(self._positions)[:, None]
        return _visible(positions, torch.arange(first, first + length), window)


def _folded(
    rows: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, kernel: Kernel, terms: Terms
) -> tuple[Tensor, Tensor]:
    """rows [n, kv heads, heads of each, size], keys and values [1, kv heads, L, size], mask [n, L] or None.

    Gives the attention [n, kv heads, heads of each, size] and its log-sum-exp.
    """
    count, kv_heads, each, _ = rows.shape
    if mask is not None:
        mask = mask.repeat_interleave(each, 0)
    query = rows.transpose(0, 1).flatten(1, 2)[None]
    out, lse = kernel(query, keys, values, mask, scale=terms.scale)
    out = out[0].view(kv_heads, count, each, -1).transpose(0, 1)
    return out, lse[0].view(kv_heads, count, each).transpose(0, 1)


def _visible(positions: Tensor, keys: Tensor, window: int | None) -> Tensor:
    """positions [n, 1] and key positions [L] -> bool [n, L]: causal, not further back than the window."""
    distance = positions - keys
    seen = distance >= 0
    return seen if window is None else seen & (distance < window)


def _lanes(rows: tuple[Piece, ...]) -> list[tuple[tuple[Piece, ...], int]]:
    """Rows by slot, in one call or, where long and short texts are far apart, in two; with their place."""
    cut = min(range(len(rows) + 1), key=lambda at: _cost(rows[:at]) + _cost(rows[at:]), default=0)
    if _cost(rows[:cut]) + _cost(rows[cut:]) > _SPLIT_BELOW * _cost(rows):
        cut = 0
    return [(part, first) for part, first in ((rows[:cut], 0), (rows[cut:], cut)) if part]


def _cost(rows: tuple[Piece, ...]) -> int:
    """Keys that one call over the slots of these rows reads."""
    if not rows:
        return 0
    return (rows[-1].slot - rows[0].slot + 1) * max(piece.stop - piece.base for piece in rows)


def _stacks(pieces: list[tuple[Piece, int]]) -> list[list[tuple[Piece, int]]]:
    """Pieces of similar length together, each with its place in the row."""
    stacks: list[list[tuple[Piece, int]]] = []
    for piece, at in sorted(pieces, key=lambda pair: -len(pair[0].ids)):
        if stacks and len(stacks[-1][0][0].ids) <= _MOST_PADDING * len(piece.ids):
            stacks[-1].append((piece, at))
        else:
            stacks.append([(piece, at)])
    return stacks


def _rounded(length: int) -> int:
    return -(-length // _LENGTH_STEP) * _LENGTH_STEP
