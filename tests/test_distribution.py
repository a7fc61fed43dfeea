"""The page's own sampling maths (static/js/models/distribution.js) against transformers' processors."""

import json
import math
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from inference.processors import kept
from inference.types import SamplingParams

SCRIPT = Path(__file__).parent / "js" / "steps_by_line.mjs"
NO_IDS = torch.empty(1, 0, dtype=torch.int64)
Ask = Callable[[Tensor, dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Gives logits and settings to the page's module, in one node for all tests."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed: the page's distribution is not compared")
    pipe = subprocess.PIPE
    with subprocess.Popen([node, str(SCRIPT)], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        send, receive = process.stdin, process.stdout

        def asked(logits: Tensor, wanted: dict[str, Any]) -> dict[str, Any]:
            halves = logits.half().numpy().view(numpy.uint16).tolist()
            print(json.dumps({"halves": halves, "settings": wanted}), file=send, flush=True)
            found: dict[str, Any] = json.loads(receive.readline())
            return found

        yield asked
        send.close()


def settings_of(temperature: float, top_k: int, top_p: float, min_p: float = 0.0) -> dict[str, Any]:
    samplers = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    return {"mode": "sample"} | samplers


def steps_of_transformers(logits: Tensor, wanted: dict[str, Any]) -> dict[str, Tensor]:
    """Probabilities after every step; a sampler that is off is left out, as ``generate`` does."""
    scores = logits.half().float()[None]
    steps = {"raw": scores, "temperature": TemperatureLogitsWarper(wanted["temperature"])(NO_IDS, scores)}
    steps["top_k"] = steps["top_p"] = steps["temperature"]
    if wanted["top_k"]:
        steps["top_k"] = steps["top_p"] = TopKLogitsWarper(wanted["top_k"])(NO_IDS, steps["temperature"])
    if wanted["top_p"] < 1:
        steps["top_p"] = TopPLogitsWarper(wanted["top_p"])(NO_IDS, steps["top_k"])
    if wanted["min_p"]:
        steps["min_p"] = MinPLogitsWarper(wanted["min_p"])(NO_IDS, steps["top_p"])
    return {name: step[0].softmax(-1).double() for name, step in steps.items()}


def assert_equal(found: dict[str, Any], logits: Tensor, wanted: dict[str, Any]) -> None:
    """Each step is that of transformers, and the last one has the very tokens that the engine draws from."""
    expected = steps_of_transformers(logits, wanted)
    assert [step["name"] for step in found["steps"]] == list(expected)
    everything = expected["temperature"]
    for step in found["steps"]:
        truth = expected[step["name"]]
        shares = torch.tensor(step["shares"], dtype=torch.float64)
        assert float((in_order(shares, logits) - in_order(truth, logits)).abs().max()) < 1e-4, step["name"]
        entropy = -sum(p * math.log2(p) for p in truth.tolist() if p > 0)
        assert step["entropy"] == pytest.approx(entropy, abs=1e-3)
        if step["name"] != "raw":
            assert step["cut"] == pytest.approx(float(everything[truth == 0].sum()), abs=1e-4)
    samplers = {name: value for name, value in wanted.items() if name != "mode"}
    ids, drawn_from = kept(logits.half().float(), SamplingParams(greedy=False, **samplers))
    assert float((shares[ids] - drawn_from).abs().max()) < 1e-4
    assert float(shares.sum()) == pytest.approx(1)


def in_order(shares: Tensor, logits: Tensor) -> Tensor:
    """The shares by logit: of tokens that tie at the edge, transformers' sort leaves open which stay."""
    order = numpy.lexsort((shares.numpy(), logits.half().numpy()))
    return shares[torch.from_numpy(order)]


def normal(width: int, seed: int) -> Tensor:
    return torch.randn(width, generator=torch.Generator().manual_seed(seed)) * 4


def tied(width: int, seed: int) -> Tensor:
    return (normal(width, seed) / 2).round()


def equal(width: int, seed: int) -> Tensor:
    return torch.full((width,), float(seed % 7))


def extreme(width: int, seed: int) -> Tensor:
    """Tokens that cannot come, both zeros, almost equal ones, and some that are certain."""
    choices = torch.tensor([-math.inf, -65504.0, -6e-5, -0.0, 0.0, 6e-5, 1.0, 65504.0])
    logits = choices[torch.randint(8, (width,), generator=torch.Generator().manual_seed(seed))]
    logits[0] = 0.0
    return logits


kinds = st.sampled_from([normal, tied, equal, extreme])
temperatures = st.sampled_from([0.05, 0.7, 1.0, 2.0, 5.0]) | st.floats(0.01, 5)
least = st.sampled_from([0.0, 0.0, 0.05, 0.5, 1.0]) | st.floats(0.001, 1)
shares = st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0]) | st.floats(0.001, 1)


@settings(max_examples=250, deadline=None)
@given(kinds, st.integers(1, 60), st.integers(0, 10**6), temperatures, st.integers(0, 70), shares, least)
def test_every_step_is_that_of_transformers(
    ask: Ask,
    kind: Callable[[int, int], Tensor],
    width: int,
    seed: int,
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
) -> None:
    logits, wanted = kind(width, seed), settings_of(temperature, top_k, top_p, min_p)
    assert_equal(ask(logits, wanted), logits, wanted)


@pytest.mark.parametrize("kind", [normal, tied])
def test_a_whole_vocabulary(ask: Ask, kind: Callable[[int, int], Tensor]) -> None:
    logits = kind(49152, 1)
    for wanted in (settings_of(0.7, 50, 0.9), settings_of(1.6, 0, 0.95), settings_of(1.0, 1000, 1.0, 0.01)):
        assert_equal(ask(logits, wanted), logits, wanted)


def test_greedy_ignores_the_samplers_and_takes_the_first_of_the_best(ask: Ask) -> None:
    logits = torch.tensor([1.0, 3.0, -2.0, 3.0])
    found = ask(logits, settings_of(0.1, 1, 0.1, 0.9) | {"mode": "greedy"})
    assert [step["name"] for step in found["steps"]] == ["raw"]
    assert torch.tensor(found["steps"][0]["shares"]).allclose(logits.softmax(-1), atol=1e-6)
    assert found["greedy"] == int(logits.argmax()) == 1
