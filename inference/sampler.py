"""From logits to the next tokens, each request by its own settings and its own random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import torch
from torch import Tensor

from inference.peaks import Peaks, block_size
from inference.processors import alter, alters, kept, narrows, tame
from inference.types import SamplingParams

__all__ = ["Draw", "Row", "kept", "sample", "uniform"]


@dataclass(frozen=True, slots=True)
class Row:
    """What is asked of one row of logits."""

    sampling: SamplingParams
    position: int  # of the token in the answer; -1 for a prompt token that is scored
    prompt: Sequence[int] = ()  # token ids of the prompt, for the penalties
    generated: Sequence[int] = ()  # token ids of the answer so far
    given: int | None = None  # the token that is already known: it is only described, nothing is drawn


@dataclass(frozen=True, slots=True)
class Draw:
    """A chosen token; ``logprob``, ``rank`` and ``top`` (id, logprob) are of the raw softmax."""

    id: int
    logprob: float
    rank: int
    top: tuple[tuple[int, float], ...]


@torch.inference_mode()
def sample(logits: Tensor, rows: Sequence[Row]) -> list[Draw | None]:
    """Choose a token for each row of logits [R, vocabulary], float32.

    None where a logit is not-a-number or plus infinity, or no token is left that could be chosen.
    A draw depends on its own logits, settings, seed and position only.
    """
    if not rows:
        return []
    peaks = Peaks(logits)
    logprobs = logits.log_softmax(dim=-1)
    # One bad logit makes the whole row of log-probabilities not-a-number.
    finite = (~logprobs[:, 0].isnan()).tolist()
    ids = peaks.argmax()
    given = [-1 if row.given is None else row.given for row in rows]
    if max(given) >= 0:
        known = torch.tensor(given, device=ids.device)
        ids = torch.where(known < 0, ids, known)
    for at, row in enumerate(rows):
        if finite[at] and given[at] < 0 and _is_special(row.sampling):
            finite[at] = _choose(logits[at], row, ids[at])
    return _describe(logits, logprobs, peaks, rows, finite, ids)


def uniform(seed: int, position: int) -> float:
    """A number in [0, 1) that depends on seed and position alone, the same on every machine."""
    digest = blake2b(seed.to_bytes(8) + position.to_bytes(8), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def _is_special(s: SamplingParams) -> bool:
    """Whether more is wanted than the arg-max of the logits."""
    return not s.greedy or alters(s)


def _choose(logits: Tensor, row: Row, id: Tensor) -> bool:
    """Set ``id`` to the token for one row of logits [vocabulary]; False if none can be chosen."""
    settings = row.sampling
    if alters(settings):
        logits = logits.clone()
        alter(logits, settings, row.prompt, row.generated)
        peaks = Peaks(logits[None])
        id.copy_(peaks.argmax()[0])
        if not peaks.highest().isfinite():
            return False
    if not settings.greedy:
        id.copy_(_draw(logits, settings, uniform(settings.seed, row.position))[0])
    return True


def _draw(logits: Tensor, settings: SamplingParams, number: float) -> Tensor:
    """Inverse transform sampling: the token id [1] at ``number``, from 0 to 1, of all probability."""
    if narrows(settings):
        ids, probabilities = kept(logits, settings)
        return ids[_find(probabilities, number)[0]]
    probabilities = (logits / tame(settings.temperature)).softmax(dim=-1)
    # First the block of tokens, then the token in it: far fewer sums.
    blocks = probabilities.view(-1, block_size(len(probabilities)))
    block, share = _find(blocks.sum(dim=-1), number)
    inside, _ = _find(blocks[block][0], share.clamp(min=0))
    return block * blocks.shape[1] + inside


def _find(weights: Tensor, share: Tensor | float) -> tuple[Tensor, Tensor]:
    """The index [1] at ``share`` of the sum of weights [N], never one without weight.

    Also how far into that weight it is, as a share of it [1].
    """
    edges = weights.cumsum(dim=0, dtype=torch.float64)
    target = edges[-1:] * share
    below_all = edges[-1:].nextafter(edges.new_zeros(()))
    at = torch.searchsorted(edges, torch.minimum(target, below_all), right=True)
    return at, (target - edges[at]) / weights[at] + 1


def _describe(
    logits: Tensor, logprobs: Tensor, raw: Peaks, rows: Sequence[Row], finite: list[bool], ids: Tensor
) -> list[Draw | None]:
    wanted = [row.sampling.alternatives for row in rows]
    top = _top(logprobs, raw, max(wanted)) if any(wanted) else [()] * len(rows)
    ranks = raw.count_above(logits.gather(1, ids[:, None])[:, 0]) + 1
    chosen = logprobs.gather(1, ids[:, None])[:, 0]
    described = zip(ids.tolist(), chosen.tolist(), ranks.tolist(), strict=True)
    return [
        Draw(id, logprob, rank, top[at][: wanted[at]]) if finite[at] else None
        for at, (id, logprob, rank) in enumerate(described)
    ]


def _top(logprobs: Tensor, raw: Peaks, count: int) -> list[tuple[tuple[int, float], ...]]:
    _, ids = raw.largest(count)
    values = logprobs.gather(1, ids)
    return [tuple(zip(*row, strict=True)) for row in zip(ids.tolist(), values.tolist(), strict=True)]
