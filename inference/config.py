"""What an engine is allowed to use. Checked when built, never changed. No torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Budgets of one engine.

    ``max_running`` requests share a batch and ``max_waiting`` more may queue behind them.
    ``window`` limits prompt plus completion in tokens; 0 takes the model's own limit.
    ``cache_bytes`` bounds the key-value cache. On a CPU this is address space: memory is used only
    where tokens were written.
    While answers stream, a step computes at most ``prefill_budget`` prompt tokens beside them, so
    that a long prompt does not stall them; ``idle_prefill_budget`` holds when nothing streams.
    ``threads`` is the number of CPU threads of the forward pass; 0 leaves torch's choice.

    Raises ValueError for a number that makes no sense.
    """

    max_running: int = 16
    max_waiting: int = 1024
    window: int = 0
    cache_bytes: int = 4 * 1024**3
    prefill_budget: int = 32
    idle_prefill_budget: int = 512
    threads: int = 0

    def __post_init__(self) -> None:
        for name in ("max_running", "cache_bytes", "prefill_budget", "idle_prefill_budget"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("max_waiting", "window", "threads"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, but is {getattr(self, name)}")
