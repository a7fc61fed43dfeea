"""Which tokens of a step attend to the same stored stretch of a prompt. Pure bookkeeping: no torch."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Prefixes
from dataclasses import dataclass
from itertools import takewhile

Prefix = tuple[tuple[int, ...], int]  # blocks in order, and how many of their tokens count


@dataclass(frozen=True, slots=True)
class Group:
    """``length`` neighbouring tokens of the pool, from place ``start`` on, that all ``members`` attend to.

    They stand at ``position`` and the following ones of the members' texts.
    """

    start: int
    length: int
    position: int
    members: tuple[int, ...]


def prefix_groups(prefixes: Prefixes[Prefix], block_tokens: int) -> list[Group]:
    """Groups over the given prefixes; every token of every prefix is in exactly one group of its owner.

    Prefixes that begin with the same blocks share a group as far as they agree, then split: one level
    for an instruction, the next for examples, the next for an input, as they arise.
    """
    return list(_split(prefixes, tuple(range(len(prefixes))), 0, block_tokens))


def _split(prefixes: Prefixes[Prefix], members: tuple[int, ...], at: int, size: int) -> Iterator[Group]:
    """Groups of the members, which agree in all blocks before number ``at``."""
    heirs: dict[int, list[int]] = {}
    for member in members:
        blocks, tokens = prefixes[member]
        if tokens >= (at + 1) * size:
            heirs.setdefault(blocks[at], []).append(member)
        elif tokens > at * size:  # computed up to within a block: only its owner does that
            yield Group(blocks[at] * size, tokens - at * size, at * size, (member,))
    for same in heirs.values():
        whole = [prefixes[member][0][: prefixes[member][1] // size] for member in same]
        stop = at + sum(
            1 for _ in takewhile(_all_equal, zip(*(blocks[at:] for blocks in whole), strict=False))
        )
        yield from _runs(whole[0][at:stop], at, size, tuple(same))
        yield from _split(prefixes, tuple(same), stop, size)


def _all_equal(blocks: tuple[int, ...]) -> bool:
    return blocks.count(blocks[0]) == len(blocks)


def _runs(blocks: tuple[int, ...], at: int, size: int, members: tuple[int, ...]) -> Iterator[Group]:
    """One group for each run of neighbouring blocks."""
    first = 0
    for index in range(1, len(blocks) + 1):
        if index == len(blocks) or blocks[index] != blocks[index - 1] + 1:
            yield Group(blocks[first] * size, (index - first) * size, (at + first) * size, members)
            first = index
