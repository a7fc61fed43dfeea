"""Work in a thread that ends with it. No torch.

OpenMP gives every thread that ever computed in parallel a team of its own, and keeps it as long as
the thread lives. With more members of teams than processors, libgomp (torch's on Linux) lets idle
members sleep at once instead of waiting actively; each of the hundreds of parallel parts of a step
then begins with a call of the kernel. On two cores a step of the default model took 74 ms with a second
team and 42 without.
So only the engine's thread may keep a team: whatever computes before it does so here.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_own_thread(work: Callable[[], T]) -> T:
    """What ``work`` returns or raises; its thread, and the team of that thread, are gone by then."""
    with ThreadPoolExecutor(1, thread_name_prefix="own") as pool:
        return pool.submit(work).result()
