from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from inference.peaks import Peaks


@st.composite
def matrices(draw: st.DrawFn) -> Tensor:
    """Rows with many ties, and widths that blocks divide well, badly and not at all.

    Some hold tokens that cannot come, or are of these alone; some have one value above all.
    """
    width = draw(st.sampled_from((1, 6, 127, 128, 1024, 1031)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    values = torch.randn(draw(st.integers(1, 4)), width, generator=generator)
    values = (values * draw(st.sampled_from((0.0, 0.5, 3.0, 1000.0)))).round()
    possible = draw(st.sampled_from((1.0, 1.0, 0.5, 0.01, 0.0)))
    values[torch.rand(values.shape, generator=generator) >= possible] = -float("inf")
    if draw(st.booleans()):
        values[:, draw(st.integers(0, width - 1))] = 1e30
    return values


@settings(max_examples=200, derandomize=True, deadline=None)
@given(matrices(), st.sampled_from((1, 5, 100, 5000)))
def test_all_answers_are_those_of_plain_searches(values: Tensor, count: int) -> None:
    peaks, width = Peaks(values), values.shape[1]
    assert torch.equal(peaks.argmax(), values.argmax(dim=-1))
    assert torch.equal(peaks.highest(), values.amax(dim=-1))
    largest, ids = peaks.largest(count)
    assert torch.equal(largest, values.topk(min(count, width)).values)
    assert torch.equal(values.gather(1, ids), largest)
    assert all(len(set(row)) == len(row) for row in ids.tolist())
    bounds = largest[:, -1]
    assert torch.equal(peaks.count_above(bounds), (values > bounds[:, None]).sum(dim=-1))
    assert torch.equal(Peaks(values[:1]).kth(count), bounds[:1])
    assert torch.equal(Peaks(values[:1]).at_least(bounds[:1]), (values[0] >= bounds[0]).nonzero()[:, 0])


@pytest.mark.parametrize("place", [0, 700, 1023])
def test_a_value_that_is_not_a_number_is_seen(place: int) -> None:
    values = torch.zeros(2, 1024)
    values[1, place] = float("nan")
    assert Peaks(values).highest().isnan().tolist() == [False, True]
