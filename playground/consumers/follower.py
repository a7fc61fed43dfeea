"""Whoever follows runs over HTTP: waits until they move, and is stopped when its right is gone."""

import asyncio
from collections.abc import Callable, Set

from playground.consumers.database import in_database
from playground.consumers.rights import Ground


class Follower:
    """``moved`` is what reels set. Once rights.py doubts its ``grounds`` it must ``prove`` its right anew."""

    def __init__(self, grounds: Set[Ground], prove: Callable[[], object]) -> None:
        self.moved = asyncio.Event()
        self._grounds, self._prove = grounds, prove
        self._doubted = False

    async def move(self, patience: float) -> bool:
        """Waits until a run may have moved; False when nothing did for ``patience`` seconds.

        Raises what ``prove`` does, a Refusal, once the right is gone.
        """
        try:
            await asyncio.wait_for(self.moved.wait(), patience)
        except TimeoutError:
            return False
        self.moved.clear()
        if self._doubted:
            self._doubted = False
            await in_database(self._prove)()
        return True

    def grounds(self) -> Set[Ground]:
        return self._grounds

    def doubt(self, changed: Set[Ground]) -> None:
        self._doubted = True
        self.moved.set()
