"""Attention that also gives the log-sum-exp of its scores, so that parts of it can be merged.

Softmax attention over a set of keys is the mean of the attention over its parts, weighted by the
sums of their exponentials (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018;
Dao et al., "FlashAttention", 2022). All functions here have the same signature, :class:`Kernel`.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

# Instead of minus infinity, which would make a row without visible keys not-a-number. Its log-sum-exp
# becomes so small that its weight in a merge is exactly zero.
HIDDEN = {torch.float32: -1e30, torch.bfloat16: -1e30, torch.float16: -6e4}


class Kernel(Protocol):
    """query [B, H, n, d], key [B, H, L, d], value [B, H, L, e], mask [.., n, L] of the query's type or None.

    Gives the attention [B, H, n, e] and the log-sum-exp [B, H, n] in float32. ``causal`` is for n = L
    without a mask. ``scale`` None means one over the root of d.
    """

    def __call__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        scale: float | None = None,
    ) -> tuple[Tensor, Tensor]: ...


def flash_cpu(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The operator behind torch's scaled dot product attention on a CPU."""
    out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, is_causal=causal, attn_mask=mask, scale=scale
    )
    return out, lse


def flash_cuda(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    """FlashAttention where it can (half precision, no mask), else the memory-efficient operator."""
    count = query.shape[2]
    if mask is None and query.dtype is not torch.float32 and query.shape[3] == value.shape[3]:
        out, lse, *_ = torch.ops.aten._scaled_dot_product_flash_attention(
            query, key, value, is_causal=causal, scale=scale
        )
        return out, lse[..., :count].float()
    if mask is not None:
        mask = _aligned(mask, key.shape[2]).expand(*query.shape[:3], key.shape[2])
    out, lse, *_ = torch.ops.aten._scaled_dot_product_efficient_attention(
        query, key, value, mask, True, is_causal=causal, scale=scale
    )
    return out, lse[..., :count].float()  # the operator rounds the length up


def plain(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    softcap: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Product, softmax, product: for soft caps, heads of unequal size, and devices without the others."""
    scores = (query @ key.transpose(-2, -1)).float() * (query.shape[-1] ** -0.5 if scale is None else scale)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if causal:
        hidden = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(hidden, HIDDEN[torch.float32])
    if mask is not None:
        scores = scores + mask
    lse = scores.logsumexp(dim=-1)
    return (scores - lse[..., None]).exp().to(value.dtype) @ value, lse


def choose_kernel(device: torch.device, key_size: int, value_size: int) -> Kernel:
    """The fastest one for a device and the sizes of a layer's heads."""
    if device.type == "cuda":
        return flash_cuda
    return flash_cpu if device.type == "cpu" and key_size == value_size else plain


def _aligned(mask: Tensor, length: int) -> Tensor:
    """The operator wants rows of a mask to begin at multiples of 16 bytes."""
    padded = mask.new_empty(*mask.shape[:-1], -(-length // 16) * 16)[..., :length]
    return padded.copy_(mask)
