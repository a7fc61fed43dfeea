"""What a request's settings make of its logits, in the order and with the ties of transformers.

Each step follows the class of that name in transformers' ``generation/logits_process.py``, but reads
as little of the vocabulary as it can.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from inference.peaks import Peaks
from inference.types import SamplingParams

# Settings are float64 and logits float32: beyond this, products and quotients could overflow.
_LARGEST = 1e9
# Rounding may move a logit or its bound by less than this; what is let in too much is cut later.
_MARGIN = 1.0


def alters(s: SamplingParams) -> bool:
    """Whether penalties or a bias change the logits."""
    repeats = s.repetition_penalty != 1 or s.presence_penalty != 0 or s.frequency_penalty != 0
    return repeats or bool(s.logit_bias)


def narrows(s: SamplingParams) -> bool:
    """Whether top-k, top-p or min-p may leave out a token."""
    return s.top_k > 0 or s.top_p < 1 or s.min_p > 0


def alter(scores: Tensor, s: SamplingParams, prompt: Sequence[int], generated: Sequence[int]) -> None:
    """Change the logits [vocabulary] in place: repetition, presence and frequency penalty, then bias.

    The repetition penalty looks at prompt and answer (Keskar et al. 2019), the other two at the
    answer alone, as in OpenAI's interface.
    """
    if s.repetition_penalty != 1:
        _discourage(scores, {*prompt, *generated}, tame(s.repetition_penalty))
    if s.presence_penalty or s.frequency_penalty:
        counts = Counter(generated)
        _add(scores, {id: -s.presence_penalty - s.frequency_penalty * n for id, n in counts.items()})
    if s.logit_bias:
        _add(scores, dict(s.logit_bias))


def kept(logits: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    """Token ids [K] that temperature, top-k, top-p and min-p leave, and their probabilities.

    The ids ascend; the probabilities are float64 and sum to 1. At least one token stays. Tokens that
    tie with the k-th all stay; of those that tie at the edge of top-p, the ones with the highest ids.
    """
    scores = logits / tame(params.temperature)
    peaks = Peaks(scores[None])
    _, ids = peaks.at_least(_floor(peaks, params, len(scores)))
    if params.top_p < 1:
        ids = ids[_nucleus(scores, ids, params)]
    if params.min_p > 0:
        ids = ids[_likely(scores[ids].softmax(dim=-1), params.min_p)]
    return ids, scores[ids].double().softmax(dim=-1)


def tame(setting: float) -> float:
    """A temperature or repetition penalty that leaves every logit finite."""
    return min(max(setting, 1 / _LARGEST), _LARGEST)


def _discourage(scores: Tensor, seen: Collection[int], penalty: float) -> None:
    ids = torch.tensor([id for id in seen if id < len(scores)], dtype=torch.int64, device=scores.device)
    found = scores[ids]
    scores[ids] = torch.where(found < 0, found * penalty, found / penalty)


def _add(scores: Tensor, amounts: Mapping[int, float]) -> None:
    known = {id: min(amount, _LARGEST) for id, amount in amounts.items() if id < len(scores)}
    ids = torch.tensor(list(known), dtype=torch.int64, device=scores.device)
    scores[ids] += torch.tensor(list(known.values()), dtype=scores.dtype, device=scores.device)


def _floor(peaks: Peaks, params: SamplingParams, vocabulary: int) -> Tensor:
    """A bound [1] on the scores: nothing below it is kept. That of top-k is exact."""
    if 0 < params.top_k < vocabulary:
        return peaks.largest(params.top_k)[0][:, -1]
    if params.top_p < 1:
        # A token below this share of the most likely one: even all of them together are cut.
        share = (1 - params.top_p) / vocabulary
    else:
        share = params.min_p
    return peaks.highest() + (math.log(share) - _MARGIN if share > 0 else -math.inf)


def _nucleus(scores: Tensor, ids: Tensor, params: SamplingParams) -> Tensor:
    """Which of the ids [K] top-p keeps, as a mask."""
    if 0 < params.top_k < len(scores):
        inside = scores[ids].softmax(dim=-1)
        return _heaviest(inside, params.top_p, total=inside.sum(dtype=torch.float64))
    everything = scores.softmax(dim=-1)
    return _heaviest(everything[ids], params.top_p, total=everything.sum(dtype=torch.float64))


def _heaviest(probabilities: Tensor, top_p: float, total: Tensor) -> Tensor:
    """A mask of the fewest most likely tokens that reach ``top_p`` of the total.

    As in transformers, a token is cut if it and all that come before it in ascending order have at
    most 1 - ``top_p`` together, summed in float64 and compared in float32. Instead of sorting all
    tokens, they are put into classes by exponent and leading bits of the mantissa (16 classes for
    each power of two); only in the class where the cut falls does the order matter.
    """
    allowed = 1 - top_p
    classes = probabilities.view(torch.int32) >> 19
    weights = probabilities.double()
    tails = torch.bincount(classes, weights=weights).cumsum(dim=0)
    tails += total - tails[-1]  # what is below all candidates
    edge = (tails.float() <= allowed).sum().clamp(max=classes.max())
    mask = classes > edge
    (tied,) = (classes == edge).nonzero(as_tuple=True)
    ordered, order = weights[tied].sort(stable=True)
    tail = tails[edge] - ordered.sum() + ordered.cumsum(dim=0)
    keep = tail.float() > allowed
    keep[-1] |= ~mask.any()
    mask[tied[order[keep]]] = True
    return mask


def _likely(probabilities: Tensor, min_p: float) -> Tensor:
    return probabilities >= min_p * probabilities.max()
