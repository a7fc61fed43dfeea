"""What a request's settings make of its logits, in the order and with the ties of transformers.

Each step follows the class of that name in transformers' ``generation/logits_process.py``, but reads
as little of the vocabulary as it can.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from inference.peaks import Peaks
from inference.types import SamplingParams

# Settings are float64 and logits float32: beyond this, products and quotients could overflow.
_LARGEST = 1e9
# Tokens less likely than this rarely matter for top-p.
_COMMON = 1e-4
_MANY = 4096
# Rounding moves a bound on logits by less than this; what is let in too much is cut later.
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
    tie with the k-th all stay. Of those that tie at the edge of top-p as many stay as in transformers,
    whose sort leaves open which: here the ones with the highest ids.
    """
    scores = logits / tame(params.temperature)
    ids = None  # all
    if 0 < params.top_k < len(scores):
        ids = _top_k(scores, params.top_k)
    if params.top_p < 1:
        ids = _top_p(scores, ids, params.top_p)
    if params.min_p > 0:
        ids = _min_p(scores, ids, params.min_p)
    if ids is None:
        ids = torch.arange(len(scores), device=scores.device)
    return ids, scores[ids].double().softmax(dim=-1)


def tame(setting: float) -> float:
    """A temperature or repetition penalty that leaves every logit finite."""
    return min(max(setting, 1 / _LARGEST), _LARGEST)


def _discourage(scores: Tensor, seen: Collection[int], penalty: float) -> None:
    ids = _ids(seen, scores)
    ids = ids[ids < len(scores)]
    found = scores[ids]
    scores[ids] = torch.where(found < 0, found * penalty, found / penalty)


def _add(scores: Tensor, amounts: Mapping[int, float]) -> None:
    ids = _ids(amounts, scores)
    values = torch.tensor(list(amounts.values()), dtype=scores.dtype, device=scores.device)
    known = ids < len(scores)
    scores[ids[known]] += values[known].clamp(max=_LARGEST)


def _ids(ids: Collection[int], scores: Tensor) -> Tensor:
    """The ids as a tensor, in a fraction of the time that a list takes.

    Some may be outside of the scores: a model may have more embeddings than logits.
    """
    if not ids:
        return torch.empty(0, dtype=torch.int64, device=scores.device)
    return torch.frombuffer(array("q", ids), dtype=torch.int64).to(scores.device)


def _top_k(scores: Tensor, top_k: int) -> Tensor:
    peaks = Peaks(scores[None])
    return peaks.at_least(peaks.kth(top_k))


def _top_p(scores: Tensor, ids: Tensor | None, top_p: float) -> Tensor:
    if ids is not None:
        return ids[_nucleus(scores[ids].softmax(dim=-1), top_p)]
    everything = scores.softmax(dim=-1)
    ids = _bulk(everything, top_p)
    inside = everything[ids]
    rest = everything.sum(dtype=torch.float64) - inside.sum(dtype=torch.float64)
    return ids[_nucleus(inside, top_p, rest)]


def _bulk(probabilities: Tensor, top_p: float) -> Tensor:
    """Ids of the most likely tokens: more than top-p keeps, and mostly far fewer than all."""
    peaks = Peaks(probabilities[None])
    ids = peaks.at_least(probabilities.new_tensor([_COMMON]))
    if probabilities[ids].sum() > top_p + _COMMON:
        return ids
    # Tokens below this share are cut even if that is all of them.
    return peaks.at_least(probabilities.new_tensor([(1 - top_p) / len(probabilities) / 2]))


def _nucleus(probabilities: Tensor, top_p: float, rest: Tensor | float = 0.0) -> Tensor:
    """A mask of the fewest most likely tokens that reach ``top_p``; ``rest`` is less likely than all.

    As in transformers, a token is cut if it and all that come before it in ascending order have at
    most 1 - ``top_p`` together, summed in float64 and compared in float32.
    """
    # Up to a few thousand numbers are sorted faster than they are put into classes.
    cut = _cut_sorted if len(probabilities) <= _MANY else _cut_classes
    return cut(probabilities.double(), 1 - top_p, rest)


def _cut_sorted(weights: Tensor, allowed: float, rest: Tensor | float) -> Tensor:
    ordered, order = weights.sort(stable=True)
    stays = (ordered.cumsum(dim=0) + rest).float() > allowed
    stays[-1] = True
    return torch.empty_like(stays).scatter_(0, order, stays)


def _cut_classes(weights: Tensor, allowed: float, rest: Tensor | float) -> Tensor:
    """The same without sorting all.

    Classes by exponent and leading bits of the mantissa, 16 for each power of two, are in order
    already. Only in the class where the cut falls the order of its tokens matters.
    """
    classes = weights.float().view(torch.int32) >> 19
    tails = torch.bincount(classes, weights=weights).cumsum(dim=0) + rest
    edge = int((tails.float() <= allowed).sum().clamp(max=classes.max()))
    at = (classes == edge).nonzero()[:, 0]
    stays = classes > edge
    if len(at):  # none if rounding lets the rest alone exceed what is allowed
        stays[at] = _cut_sorted(weights[at], allowed, tails[edge - 1] if edge else rest)
    return stays


def _min_p(scores: Tensor, ids: Tensor | None, min_p: float) -> Tensor:
    if ids is None:
        peaks = Peaks(scores[None])
        ids = peaks.at_least(peaks.highest() + (math.log(min_p) - _MARGIN))
    probabilities = scores[ids].softmax(dim=-1)
    return ids[probabilities >= min_p * probabilities.max()]
