"""Encoder-decoder models: a request is read once, then its decoder row is computed beside others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from inference.scheduler import Batch, Piece


class Sharing(StrEnum):
    """Which decoder rows may share a forward pass; the most first."""

    ANY_LENGTH = "padded"  # all, shorter ones padded on the left: for decoders that know distances only
    SAME_LENGTH = "same length"  # those at the same position: for decoders that count positions
    NONE = "one at a time"


class EncoderDecoderRunner:
    """A Runner for T5- and BART-shaped models, through their own forward and with transformers' cache.

    Requests that begin in a step go through the encoder in one padded batch. After that the rows of a
    step are one batch too, as far as ``sharing`` allows; whether it is right for a model has to be
    tested. A cache is copied only when rows join or leave.
    """

    chunks = False
    repeatable = False
    blocks = 0

    def __init__(self, model: Any, sharing: Sharing) -> None:
        self.name = f"encoder-decoder, {sharing}"
        self._model = model
        self._sharing = sharing
        self._device: torch.device = model.device
        self._crowds: dict[int, _Crowd] = {}  # by slot; several slots have the same one

    @torch.inference_mode()
    def run(self, batch: Batch) -> Tensor:
        """Logits [sum of wanted, vocabulary] in float32, by piece."""
        groups = defaultdict(list)
        for piece in batch.all:
            groups[self._group(piece)].append(piece)
        logits: dict[int, Tensor] = {}
        for pieces in groups.values():
            logits |= self._compute({piece.slot: piece for piece in pieces})
        wanted = [logits[piece.slot] for piece in batch.all if piece.wanted]
        return torch.cat(wanted) if wanted else torch.empty(0, 0)

    def clear(self, slot: int, length: int) -> None:
        self._crowds.pop(slot, None)

    def _group(self, piece: Piece) -> tuple[int, ...]:
        if self._sharing is Sharing.NONE:
            return (piece.slot,)
        position = min(piece.start, 1) if self._sharing is Sharing.ANY_LENGTH else piece.start
        return (position, len(piece.ids))

    def _compute(self, pieces: dict[int, Piece]) -> dict[int, Tensor]:
        """The forward pass of pieces of the same length; logits [wanted, vocabulary] by slot."""
        begins = all(piece.start == 0 for piece in pieces.values())
        crowd = self._begin(pieces.values()) if begins else self._gather(pieces.keys())
        ids = torch.tensor([pieces[slot].ids for slot in crowd.slots], device=self._device)
        known = torch.cat([crowd.known, torch.ones_like(ids)], dim=1)
        output = self._model(
            encoder_outputs=BaseModelOutput(last_hidden_state=crowd.hidden),
            attention_mask=crowd.read,
            decoder_input_ids=ids,
            decoder_attention_mask=known,
            past_key_values=crowd.cache,
            use_cache=True,
        )
        crowd.known, crowd.cache = known, output.past_key_values
        self._check_cache(crowd.cache)
        self._crowds |= dict.fromkeys(crowd.slots, crowd)
        rows = dict(zip(crowd.slots, output.logits, strict=True))
        return {slot: rows[slot][-piece.wanted :].float() for slot, piece in pieces.items()}

    def _begin(self, pieces: Iterable[Piece]) -> _Crowd:
        """Encode the sources [rows, longest source], padded on the right."""
        pieces = list(pieces)
        longest = max(len(piece.source) for piece in pieces)
        ids = [(*piece.source, *[0] * (longest - len(piece.source))) for piece in pieces]
        read = [[1] * len(piece.source) + [0] * (longest - len(piece.source)) for piece in pieces]
        mask = torch.tensor(read, device=self._device)
        encoder = self._model.get_encoder()
        hidden = encoder(input_ids=torch.tensor(ids, device=self._device), attention_mask=mask)[0]
        return _Crowd([piece.slot for piece in pieces], hidden, mask, mask[:, :0])

    def _gather(self, slots: Iterable[int]) -> _Crowd:
        """One crowd of exactly these slots."""
        members: dict[_Crowd, list[int]] = defaultdict(list)
        for slot in slots:
            members[self._crowds[slot]].append(slot)
        parts = [crowd.only(chosen) for crowd, chosen in members.items()]
        return _join(parts) if len(parts) > 1 else parts[0]

    def _check_cache(self, cache: Any) -> None:
        """Rows cannot be moved between caches that forget tokens."""
        if self._sharing is not Sharing.NONE and any(cache.is_sliding):
            raise TypeError("the cache of the decoder has a sliding window")


@dataclass(eq=False)
class _Crowd:
    """Rows that are computed together: what the encoder made of their sources, and the cache."""

    slots: list[int]
    hidden: Tensor  # [rows, source, width], padded on the right
    read: Tensor  # [rows, source], 1 for a token, 0 for padding
    known: Tensor  # [rows, length], 1 for a token in the cache, 0 for padding on the left
    cache: Any = None  # EncoderDecoderCache

    def only(self, slots: Seq[int]) -> _Crowd:
        """These rows, without padding that none of them needs; itself if that is all."""
        if sorted(slots) == sorted(self.slots):
            return self
        rows = torch.tensor([self.slots.index(slot) for slot in slots], device=self.read.device)
        source = int(self.read[rows].sum(dim=1).max())
        left = self.known.shape[1] - int(self.known[rows].sum(dim=1).max())
        own, cross = _tensors(self.cache)
        return _Crowd(
            list(slots),
            self.hidden[rows, :source],
            self.read[rows, :source],
            self.known[rows, left:],
            _cache([t[rows, :, left:] for t in own], [t[rows, :, :source] for t in cross]),
        )


def _join(crowds: Seq[_Crowd]) -> _Crowd:
    """All rows in one crowd, padded to the longest source and the longest row."""
    own, cross = zip(*(_tensors(crowd.cache) for crowd in crowds), strict=True)
    return _Crowd(
        [slot for crowd in crowds for slot in crowd.slots],
        _stacked([crowd.hidden for crowd in crowds], dim=1),
        _stacked([crowd.read for crowd in crowds], dim=1),
        _stacked([crowd.known for crowd in crowds], dim=1, left=True),
        _cache(
            [_stacked(layer, dim=2, left=True) for layer in zip(*own, strict=True)],
            [_stacked(layer, dim=2) for layer in zip(*cross, strict=True)],
        ),
    )


def _stacked(tensors: Seq[Tensor], dim: int, *, left: bool = False) -> Tensor:
    """The rows of all tensors; ``dim`` is padded with zeros to the longest."""
    longest = max(tensor.shape[dim] for tensor in tensors)
    inner = [0, 0] * (tensors[0].ndim - 1 - dim)
    missing = [longest - tensor.shape[dim] for tensor in tensors]
    sides = [(count, 0) if left else (0, count) for count in missing]
    return torch.cat([functional.pad(t, [*inner, *side]) for t, side in zip(tensors, sides, strict=True)])


def _tensors(cache: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Keys and values by turns [rows, heads, tokens, size], of the decoder's own and of its sources."""
    halves = (cache.self_attention_cache, cache.cross_attention_cache)
    own, cross = ([t for layer in half.layers for t in (layer.keys, layer.values)] for half in halves)
    return own, cross


def _cache(own: Seq[Tensor], cross: Seq[Tensor]) -> Any:
    """The opposite of :func:`_tensors`."""
    halves = [DynamicCache(list(zip(half[::2], half[1::2], strict=True))) for half in (own, cross)]
    return EncoderDecoderCache(*halves)


def start_ids(model: Any) -> tuple[int, ...]:
    """What a decoder's text begins with, by the model's generation settings: ``prompt_ids`` of a request."""
    settings = model.generation_config
    start = settings.decoder_start_token_id
    ids = (settings.bos_token_id if start is None else start, settings.forced_bos_token_id)
    return tuple(id for id in ids if id is not None)
