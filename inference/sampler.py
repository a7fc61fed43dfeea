"""From logits to the next tokens, each request by its own settings and its own random numbers."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import dataclass
from hashlib import blake2b

import torch
from torch import Tensor

from inference.types import SamplingParams


@dataclass(frozen=True, slots=True)
class Draw:
    """A chosen token; ``logprob``, ``rank`` and ``top`` (id, logprob) are of the raw softmax."""

    id: int
    logprob: float
    rank: int
    top: tuple[tuple[int, float], ...]


@torch.inference_mode()
def sample(logits: Tensor, rows: Rows[tuple[SamplingParams, int]]) -> list[Draw | None]:
    """Choose a token for each row of logits [R, vocabulary]; None where the row is not finite.

    ``rows`` has the settings of each row and the position of the token in its answer. A draw
    depends on its own logits, seed and position only.
    """
    # The log of the sum of exponentials is finite exactly if no logit is not-a-number or
    # plus infinity and not all are minus infinity.
    norms = logits.logsumexp(dim=-1)
    ids = logits.argmax(dim=-1).tolist()
    finite = norms.isfinite().tolist()
    for row, (params, position) in enumerate(rows):
        if finite[row] and not params.greedy:
            ids[row] = _choose(logits[row], params, position)
    return _describe(logits - norms[:, None], ids, finite, [params.alternatives for params, _ in rows])


def kept(logits: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    """Token ids [K] that temperature, top-k and top-p leave, and their probabilities (float64, sum 1).

    The order and the treatment of ties are those of transformers' logits processors: all tokens
    that tie with the k-th stay, and the last token kept by top-p is the one that reaches ``top_p``.
    Ids are in order of falling probability.
    """
    scores = logits / params.temperature
    ids = torch.arange(len(scores), device=scores.device)
    if 0 < params.top_k < len(scores):
        ids = (scores >= scores.topk(params.top_k).values[-1]).nonzero()[:, 0]
    ordered, order = scores[ids].sort(descending=True, stable=True)
    probabilities = ordered.double().softmax(dim=-1)
    if params.top_p < 1:
        above = probabilities.cumsum(dim=-1) - probabilities
        order = order[above < params.top_p]
        probabilities = probabilities[: len(order)]
    return ids[order], probabilities / probabilities.sum()


def uniform(seed: int, position: int) -> float:
    """A number in [0, 1) that depends on seed and position alone, the same on every machine."""
    digest = blake2b(seed.to_bytes(8) + position.to_bytes(8), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def _choose(logits: Tensor, params: SamplingParams, position: int) -> int:
    """Inverse transform sampling over the kept tokens."""
    ids, probabilities = kept(logits, params)
    edges = probabilities.cumsum(dim=-1)
    at = torch.searchsorted(edges, uniform(params.seed, position) * edges[-1], right=True)
    return int(ids[min(int(at), len(ids) - 1)])


def _describe(logprobs: Tensor, ids: list[int], finite: list[bool], wanted: list[int]) -> list[Draw | None]:
    chosen = logprobs.gather(1, torch.tensor(ids, device=logprobs.device)[:, None])
    ranks = ((logprobs > chosen).sum(dim=-1) + 1).tolist()
    values, top = logprobs.topk(min(max(wanted), logprobs.shape[1]), dim=-1)
    pairs = [tuple(zip(*row, strict=True)) for row in zip(top.tolist(), values.tolist(), strict=True)]
    return [
        Draw(ids[row], float(logprob), ranks[row], pairs[row][: wanted[row]]) if finite[row] else None
        for row, logprob in enumerate(chosen[:, 0].tolist())
    ]
