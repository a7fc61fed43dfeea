"""What an engine is allowed to use. Checked when built, never changed. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

# Who may profit from whose text in the prefix cache: everybody, one user, or nobody.
Sharing = Literal["all", "user", "none"]


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Budgets of one engine.

    ``max_running`` requests share a batch and ``max_waiting`` more may queue behind them.
    ``window`` limits prompt plus completion in tokens; 0 takes the model's own limit.
    ``cache_bytes`` bounds the keys and values of running requests, ``prefix_bytes`` those of shared
    prefixes. On a CPU this is address space: memory is used only where tokens were written.
    ``sharing`` says whose requests may share prefixes; ``block_tokens`` is the unit of sharing.
    ``share_from``: a stretch of L prompt tokens that R requests share is attended to in one call for
    all of them if (R - 1) * L reaches this number; else each one reads a copy of its own.
    While answers stream, a step computes at most ``prefill_budget`` prompt tokens beside them, so
    that a long prompt does not stall them; 0 measures how many keep a step below twice a plain one.
    ``idle_prefill_budget`` holds when nothing streams.
    ``threads`` is the number of CPU threads of the forward pass; 0 leaves torch's choice.
    ``accelerate`` swaps modules for faster ones on a CPU.

    Raises ValueError for a number that makes no sense.
    """

    max_running: int = 16
    max_waiting: int = 1024
    window: int = 0
    cache_bytes: int = 4 * 1024**3
    prefix_bytes: int = 512 * 1024**2
    sharing: Sharing = "all"
    block_tokens: int = 16
    share_from: int = 512
    prefill_budget: int = 0
    idle_prefill_budget: int = 768
    threads: int = 0
    accelerate: bool = True

    def __post_init__(self) -> None:
        for name in ("max_running", "cache_bytes", "idle_prefill_budget", "block_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("max_waiting", "window", "threads", "prefix_bytes", "share_from", "prefill_budget"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, but is {getattr(self, name)}")
        if self.sharing not in get_args(Sharing):
            raise ValueError(f"sharing must be one of {', '.join(get_args(Sharing))}, not {self.sharing!r}")
