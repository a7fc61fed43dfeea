"""Attention over the flat row and the cache against plain attention over whole texts, without a model."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from inference.attention import Terms
from inference.flat_plan import FlatPlan
from inference.kernels import flash_cpu, plain
from inference.kv_store import KVStore, LayerShape
from inference.scheduler import Batch
from tests.inference.crowd import LONGEST, Crowd, Shape, request

HEADS, KV_HEADS, SIZE = 4, 2, 8
TERMS = (
    Terms(),
    Terms(scale=0.3, window=7),
    Terms(softcap=1.5),
    Terms(window=5, sinks=torch.tensor([0.5, -1.0, 2.0, 0.0])),
)
CPU = torch.device("cpu")
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 0.05, torch.float16: 0.01}


def vectors(text: tuple[int, ...], heads: int, seed: int) -> Tensor:
    """[1, heads, tokens, SIZE], each a function of its token and its place; exact in every type."""
    rows = []
    for position, token in enumerate(text):
        generator = torch.Generator().manual_seed(seed + 1000 * token + 7 * position)
        rows.append(torch.randn(heads, SIZE, generator=generator).clamp(-3.5, 3.5).mul(16).round() / 16)
    return torch.stack(rows, 1)[None]


def naive(text: tuple[int, ...], terms: Terms) -> Tensor:
    """[tokens, heads, SIZE] by the definition."""
    query = vectors(text, HEADS, 1)[0]
    key, value = (vectors(text, KV_HEADS, seed)[0].repeat_interleave(HEADS // KV_HEADS, 0) for seed in (2, 3))
    scores = query @ key.transpose(1, 2) * (SIZE**-0.5 if terms.scale is None else terms.scale)
    if terms.softcap is not None:
        scores = terms.softcap * torch.tanh(scores / terms.softcap)
    at = torch.arange(len(text))
    distance = at[:, None] - at
    hidden = (distance < 0) | (distance >= (terms.window or len(text)))
    scores = scores.masked_fill(hidden, -torch.inf)
    if terms.sinks is not None:
        scores = torch.cat([scores, terms.sinks[:, None, None].expand(-1, len(text), 1)], -1)
    return (scores.softmax(-1)[..., : len(text)] @ value).transpose(0, 1)


class Attending:
    """The forward pass of a crowd: one attention layer, compared with the definition."""

    def __init__(self, shape: Shape, terms: Terms, dtype: torch.dtype = torch.float32) -> None:
        layers = (LayerShape(KV_HEADS, SIZE, SIZE),)
        size = {"blocks": shape.blocks, "block_tokens": shape.block_tokens}
        self.store = KVStore(layers, shape.slots, shape.slot_tokens, dtype, CPU, **size)
        self.terms, self.dtype = terms, dtype
        self.crowd = Crowd(shape.scheduler(), self.compute)
        self.compared = 0

    def compute(self, batch: Batch) -> None:
        for copy in batch.copies:
            self.store.copy_to_slot(copy.slot, copy.blocks)
        if not batch.all:
            return
        texts = [self.crowd.text(piece.request_id)[: piece.stop] for piece in batch.all]
        spans = [slice(piece.start, piece.stop) for piece in batch.all]
        query, key, value = (
            torch.cat([vectors(t, heads, seed)[:, :, s] for t, s in zip(texts, spans, strict=True)], 2).to(
                self.dtype
            )
            for heads, seed in ((HEADS, 1), (KV_HEADS, 2), (KV_HEADS, 3))
        )
        out = FlatPlan(batch, self.store, self.dtype, CPU).attend(0, query, key, value, self.terms)
        wanted = [naive(text, self.terms)[span] for text, span in zip(texts, spans, strict=True)]
        torch.testing.assert_close(out[0].float(), torch.cat(wanted), rtol=0, atol=TOLERANCE[self.dtype])
        self.compared += out.shape[1]


@pytest.mark.parametrize("terms", TERMS, ids=["plain", "window", "softcap", "sinks"])
@settings(max_examples=25, deadline=None)
@given(data=st.data(), dtype=st.sampled_from(list(TOLERANCE)))
def test_every_step_attends_as_defined(terms: Terms, data: st.DataObject, dtype: torch.dtype) -> None:
    shape = Shape(
        blocks=data.draw(st.sampled_from([0, 3, 16])),
        share_from=data.draw(st.sampled_from([0, 8, 1000])),
        budget=data.draw(st.integers(1, 9)),
        idle_budget=data.draw(st.integers(5, 30)),
    )
    attending = Attending(shape, terms, dtype)
    stem = tuple(data.draw(st.lists(st.integers(1, 3), min_size=0, max_size=24)))
    for number in range(data.draw(st.integers(1, 6))):
        own = tuple(data.draw(st.lists(st.integers(4, 9), min_size=1, max_size=12)))
        cut = data.draw(st.integers(0, len(stem)))
        new = data.draw(st.integers(1, LONGEST - 40))
        attending.crowd.add(request(str(number), stem[:cut] + own, new))
        if data.draw(st.booleans()):
            attending.crowd.step()
    attending.crowd.drain()
    assert attending.compared


def test_kernels_agree_with_each_other() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, n, 16) for n in (5, 9, 9))
    mask = torch.randn(5, 9)
    for extra in (None, mask):
        one, other = (
            flash_cpu(query, key, value, extra, scale=0.2),
            plain(query, key, value, extra, scale=0.2),
        )
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    one, other = flash_cpu(key, key, value, causal=True), plain(key, key, value, causal=True)
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
