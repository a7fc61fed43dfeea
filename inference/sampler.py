"""From logits to the next tokens, each request by its own settings and its own random numbers."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import dataclass
from hashlib import blake2b

import torch
from torch import Tensor

from inference.types import SamplingParams

# Top-p mostly keeps few tokens; sorting a whole vocabulary takes as long as several layers.
_NUCLEUS_SIZES = (512, 8192)


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
    """
    scores = logits / params.temperature
    ids = torch.arange(len(scores), device=scores.device)
    if 0 < params.top_k < len(scores):
        ids = (scores >= scores.topk(params.top_k).values[-1]).nonzero()[:, 0]
    probabilities = scores[ids].double().softmax(dim=-1)
    if params.top_p < 1:
        nucleus = _nucleus(probabilities, params.top_p)
        ids, probabilities = ids[nucleus], probabilities[nucleus]
    return ids, probabilities / probabilities.sum()


def uniform(seed: int, position: int) -> float:
    """A number in [0, 1) that depends on seed and position alone, the same on every machine."""
    digest = blake2b(seed.to_bytes(8) + position.to_bytes(8), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def _nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Indices of the fewest most likely tokens that reach ``top_p``, the most likely first."""
    for size in _NUCLEUS_SIZES:
        ordered, order = probabilities.topk(min(size, len(probabilities)))
        if ordered.sum() >= top_p:
            break
    else:
        ordered, order = probabilities.sort(descending=True, stable=True)
    return order[ordered.cumsum(dim=-1) - ordered < top_p]


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
