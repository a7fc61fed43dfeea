"""Whatever computes before the engine does leaves no team of threads behind."""

import sys
import time
from pathlib import Path

import pytest
import torch

from inference.own_thread import in_own_thread


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads the Linux way")
def test_no_team_is_left() -> None:
    torch.set_num_threads(2)
    before = threads()

    def compute() -> int:
        torch.ones(1 << 20).exp()
        return threads()

    assert in_own_thread(compute) >= before + 2  # the thread and the other member of its team
    for _ in range(100):  # Python joins a thread before the system has ended it
        if threads() <= before:  # an earlier test's may end meanwhile
            return
        time.sleep(0.01)
    pytest.fail(f"{threads()} threads, {before} before")


def test_a_fault_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        in_own_thread(lambda: 1 // 0)
