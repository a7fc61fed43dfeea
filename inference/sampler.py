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
    raw = Peaks(logits)
    logprobs = logits.log_softmax(dim=-1)
    altered = _alter(logits, rows)
    peaks = raw if altered is logits else Peaks(altered)
    # One bad logit makes the whole row of log-probabilities not-a-number.
    finite = (peaks.highest().isfinite() & ~logprobs[:, 0].isnan()).tolist()
    ids = peaks.argmax()
    _draw(altered, rows, finite, ids)
    _put_given(rows, ids)
    return _describe(logits, logprobs, raw, rows, finite, ids)


def uniform(seed: int, position: int) -> float:
    """A number in [0, 1) that depends on seed and position alone, the same on every machine."""
    digest = blake2b(seed.to_bytes(8) + position.to_bytes(8), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def _alter(logits: Tensor, rows: Sequence[Row]) -> Tensor:
    """The logits after penalties and bias: the same tensor if nobody asked for them."""
    wanted = [at for at, row in enumerate(rows) if row.given is None and alters(row.sampling)]
    altered = logits.clone() if wanted else logits
    for at in wanted:
        alter(altered[at], rows[at].sampling, rows[at].prompt, rows[at].generated)
    return altered


def _put_given(rows: Sequence[Row], ids: Tensor) -> None:
    given = [(at, row.given) for at, row in enumerate(rows) if row.given is not None]
    if given:
        at, known = torch.tensor(given, device=ids.device).unbind(dim=1)
        ids[at] = known


def _draw(logits: Tensor, rows: Sequence[Row], finite: list[bool], ids: Tensor) -> None:
    """Put a random token in the place of the arg-max where one is wanted."""
    whole = []
    for at, row in enumerate(rows):
        if row.given is not None or row.sampling.greedy or not finite[at]:
            continue
        if narrows(row.sampling):
            ids[at] = _choose(logits[at], row)
        else:
            whole.append(at)
    if whole:
        ids[whole] = _choose_from_all(logits[whole], [rows[at] for at in whole])


def _choose(logits: Tensor, row: Row) -> Tensor:
    """Inverse transform sampling over the tokens that the settings leave."""
    ids, probabilities = kept(logits, row.sampling)
    edges = probabilities.cumsum(dim=-1)
    return ids[_find(edges, edges[-1:] * uniform(row.sampling.seed, row.position))[0]]


def _choose_from_all(logits: Tensor, rows: Sequence[Row]) -> Tensor:
    """The same over the whole vocabulary for many rows [R]: first the block, then the token in it."""
    settings = [(tame(row.sampling.temperature), uniform(row.sampling.seed, row.position)) for row in rows]
    temperatures, numbers = torch.tensor(settings, dtype=torch.float64, device=logits.device).unbind(dim=1)
    probabilities = (logits / temperatures.float()[:, None]).softmax(dim=-1)
    blocks = probabilities.unflatten(1, (-1, block_size(logits.shape[1])))
    sums = blocks.sum(dim=-1, dtype=torch.float64)
    edges = sums.cumsum(dim=-1)
    targets = edges[:, -1:] * numbers[:, None]
    block = _find(edges, targets)
    inside = blocks.gather(1, block[..., None].expand(-1, -1, blocks.shape[2]))[:, 0]
    targets -= (edges - sums).gather(1, block)
    at = _find(inside.cumsum(dim=-1, dtype=torch.float64), targets.clamp(min=0))
    return (block * blocks.shape[2] + at)[:, 0]


def _find(edges: Tensor, targets: Tensor) -> Tensor:
    """The first index whose edge is above the target; one that adds nothing is never found."""
    below_all = edges[..., -1:].nextafter(edges.new_zeros(()))
    return torch.searchsorted(edges, torch.minimum(targets, below_all), right=True)


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
