"""The prefix cache as bookkeeping: which block of tokens is stored where, and who uses it. No torch.

A block is a fixed number of consecutive prompt tokens. Its key is a hash over its own tokens and
all before them, so equal keys mean equal text from the beginning on, and a block can be shared by
everybody whose prompt begins with that text. A block is in one of three states::

    free  --take-->  used (references > 0)  --release-->  idle (filled, still found by its key)
      ^                 |                                    |  taken again: used
      +--- release of a block that was never filled          |
      +--- eviction, the least recently released first ------+
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterable
from collections.abc import Sequence as Ids
from hashlib import blake2b


def keys_of(ids: Ids[int], block_tokens: int, secret: bytes = b"") -> list[bytes]:
    """One key for each whole block of ``ids``; only equal ``secret`` values can meet in the cache."""
    key, keys = secret, []
    for start in range(0, len(ids) - block_tokens + 1, block_tokens):
        text = b"".join(id.to_bytes(4) for id in ids[start : start + block_tokens])
        key = blake2b(key + text, digest_size=16).digest()
        keys.append(key)
    return keys


class BlockPool:
    """Numbers of blocks from 0 on. Neighbours in a prompt get neighbouring numbers where there is room."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self._free = list(range(blocks))  # ascending
        self._idle: OrderedDict[int, None] = OrderedDict()  # least recently released first
        self._references = [0] * blocks
        self._filled = [False] * blocks
        self._keys: list[bytes | None] = [None] * blocks
        self._by_key: dict[bytes, int] = {}

    @property
    def held(self) -> int:
        """Blocks whose contents can be found, in use or not."""
        return sum(self._filled)

    def references(self, block: int) -> int:
        return self._references[block]

    def is_filled(self, block: int) -> bool:
        return self._filled[block]

    def take(self, keys: Iterable[bytes]) -> list[int]:
        """A reference to a block for each key, known ones first, then new ones that must be filled.

        The result is shorter than ``keys`` if the pool has no more room.
        """
        keys = list(keys)
        taken = self._take_known(keys)
        missing = keys[len(taken) :]
        for key, block in zip(
            missing, self._new(len(missing), after=taken[-1] if taken else -1), strict=False
        ):
            self._disown(key)
            self._keys[block], self._by_key[key] = key, block
            self._references[block] = 1
            taken.append(block)
        return taken

    def fill(self, block: int) -> None:
        """All tokens of a used block have been computed."""
        assert self._references[block] > 0
        self._filled[block] = True

    def forget(self, blocks: Iterable[int]) -> None:
        """Let nobody find these used blocks any more; their contents may be faulty."""
        for block in blocks:
            assert self._references[block] > 0
            self._drop_key(block)

    def release(self, blocks: Ids[int]) -> None:
        """Give references back. Later blocks of a prompt are evicted before earlier ones."""
        for block in reversed(blocks):
            assert self._references[block] > 0
            self._references[block] -= 1
            if self._references[block] == 0:
                if self._filled[block] and self._keys[block] is not None:
                    self._idle[block] = None
                else:
                    self._make_free(block)

    def check_integrity(self) -> None:
        """Raise AssertionError unless every block is free, idle or used, and found by its own key only."""
        used = [block for block in range(self.blocks) if self._references[block]]
        assert sorted([*self._free, *self._idle, *used]) == list(range(self.blocks))
        assert self._free == sorted(self._free)
        assert all(self._keys[b] is None and not self._filled[b] for b in self._free)
        assert all(self._filled[b] and self._keys[b] is not None for b in self._idle)
        assert self._by_key == {key: b for b, key in enumerate(self._keys) if key is not None}

    def _take_known(self, keys: list[bytes]) -> list[int]:
        taken: list[int] = []
        for key in keys:
            block = self._by_key.get(key)
            if block is None:
                break
            self._idle.pop(block, None)
            self._references[block] += 1
            taken.append(block)
        return taken

    def _new(self, count: int, after: int) -> list[int]:
        """Up to ``count`` free blocks, evicting idle ones; behind ``after`` or in one run where possible."""
        while len(self._free) < count and self._idle:
            block, _ = self._idle.popitem(last=False)
            self._make_free(block)
        count = min(count, len(self._free))
        start = _best_start(self._free, count, after)
        blocks = [self._free[(start + n) % len(self._free)] for n in range(count)]
        chosen = set(blocks)
        self._free = [block for block in self._free if block not in chosen]
        return blocks

    def _make_free(self, block: int) -> None:
        self._drop_key(block)
        self._filled[block] = False
        insort(self._free, block)

    def _disown(self, key: bytes) -> None:
        """A block whose predecessors were evicted is out of reach: a new one takes over its key."""
        orphan = self._by_key.get(key)
        if orphan is None:
            return
        self._drop_key(orphan)
        if orphan in self._idle:
            del self._idle[orphan]
            self._make_free(orphan)

    def _drop_key(self, block: int) -> None:
        key = self._keys[block]
        if key is not None:
            del self._by_key[key]
            self._keys[block] = None


def _best_start(free: list[int], count: int, after: int) -> int:
    """Where in the ascending ``free`` numbers to begin: behind ``after``, or in a run long enough."""
    at = bisect_left(free, after + 1)
    if after >= 0 and at < len(free) and free[at] == after + 1:
        return at
    start = 0
    for index in range(1, len(free)):
        if free[index] != free[index - 1] + 1:
            start = index
        if index - start + 1 >= count:
            return start
    return 0
