"""Which modules are swapped for faster ones, that they compute the same, and which are left alone."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.activations import ACT2FN
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.pytorch_utils import Conv1D

from inference import accelerate as accelerating
from inference.accelerate import Faster, _children, accelerate
from tests.inference.tiny import tiny_config

WIDTH, INNER = 48, 80
HALF, PACKED, JOINT = "linear, 16-bit weights", "linear, packed", "linear, joint"
FUSED, HALF_MLP, NORM = "mlp, fused", "mlp, 16-bit weights", "norm, one call"
needs_halves = pytest.mark.skipif(
    not {"fbgemm", "x86"} & set(torch.backends.quantized.supported_engines), reason="no FBGEMM here"
)
needs_bfloat16 = pytest.mark.skipif(
    not accelerating._multiplies_bfloat16(), reason="this processor does not multiply bfloat16"
)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def multiplies_bfloat16(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    def say(answer: bool) -> None:
        monkeypatch.setattr(accelerating, "_multiplies_bfloat16", lambda: answer)

    return say


class GatedMLP(nn.Module):
    """As Llama, Qwen and Gemma have it."""

    def __init__(self, activation: str = "silu", *, bias: bool = False) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(WIDTH, INNER, bias=bias)
        self.up_proj = nn.Linear(WIDTH, INNER, bias=bias)
        self.down_proj = nn.Linear(INNER, WIDTH, bias=bias)
        self.act_fn = ACT2FN[activation]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))
        return out


class SummedMLP(GatedMLP):
    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(self.act_fn(self.gate_proj(x)) + self.up_proj(x))
        return out


class CrossedMLP(GatedMLP):
    """The activation is on the other branch."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(self.gate_proj(x) * self.act_fn(self.up_proj(x)))
        return out


class ClampedMLP(GatedMLP):
    """Differs from the usual one on large numbers only."""

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_proj(x).clamp(max=7), self.up_proj(x).clamp(-7, 7)
        out: Tensor = self.down_proj(self.act_fn(gate) * up)
        return out


class ScaledLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 2


class Products(nn.Module):
    """What an attention with two query heads for each key head begins with."""

    def __init__(self, *, biases: tuple[bool, bool, bool] = (True, True, True), width: int = WIDTH) -> None:
        super().__init__()
        self.q_proj = nn.Linear(WIDTH, 32, bias=biases[0])
        self.k_proj = nn.Linear(WIDTH, 16, bias=biases[1])
        self.v_proj = nn.Linear(width, 16, bias=biases[2])

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.v_proj(x), self.q_proj(x), self.k_proj(x * 2), self.k_proj(x)], -1)


class OutsideRMSNorm(LlamaRMSNorm):
    """Differs from the usual one on small numbers only."""

    def forward(self, x: Tensor) -> Tensor:
        norm: Tensor = self.weight * x / (x.square().mean(-1, keepdim=True).sqrt() + self.variance_epsilon)
        return norm


class BareRMSNorm(nn.Module):
    eps = 1e-6

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + self.eps).sqrt()


class Model(nn.Module):
    """One module behind an embedding, which nothing replaces."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, WIDTH)
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.inner(x)
        return out


def halved(module: nn.Module) -> nn.Module:
    """With weights that float16 can hold, as those of a checkpoint in 16 bits mostly are."""
    with torch.no_grad():
        for weights in module.parameters():
            weights.copy_(weights.half())
    return module


def shaken(norm: nn.Module) -> nn.Module:
    """A norm whose weights are not all one."""
    for weights in norm.parameters():
        nn.init.normal_(weights, 1.0, 0.3)
    return norm


def inputs(dtype: torch.dtype = torch.float32) -> Tensor:
    """[2, 5, WIDTH], rows from small to large."""
    sizes = torch.logspace(-2, 1.5, 10).view(2, 5, 1)
    return (torch.randn(2, 5, WIDTH) * sizes).to(dtype)


def swapped(inner: nn.Module, dtype: torch.dtype = torch.float32) -> dict[str, int]:
    """What is swapped around ``inner``, after a check that nothing else changes."""
    model = Model(inner).to(dtype).eval()
    x = inputs(dtype)
    with torch.inference_mode():
        before = model(x).float()
        modules = accelerate(model)
        error = (model(x).float() - before).abs().amax(-1)
    allowed = accelerating._TOLERANCE[dtype] * before.abs().amax(-1) + torch.finfo(dtype).tiny
    assert bool((error <= allowed).all())
    assert accelerate(model) == {}, "a second call changes nothing"
    return modules


def conv1d() -> nn.Module:
    layer: nn.Module = Conv1D(INNER, WIDTH)
    nn.init.normal_(layer.get_parameter("bias"))
    return layer


@needs_halves
@pytest.mark.parametrize("bias", [True, False])
def test_linear_keeps_half_of_each_weight_if_nothing_is_lost(bias: bool) -> None:
    assert swapped(halved(nn.Linear(WIDTH, INNER, bias=bias))) == {HALF: 1}
    assert swapped(nn.Linear(WIDTH, INNER, bias=bias)) == {PACKED: 1}


@needs_halves
def test_layers_of_gpt2_are_linear_ones_on_their_side() -> None:
    assert swapped(halved(conv1d())) == {HALF: 1}
    assert swapped(conv1d()) == {PACKED: 1}


@needs_halves
def test_weights_that_float16_cannot_hold_stay_whole() -> None:
    large = halved(nn.Linear(WIDTH, INNER))
    with torch.no_grad():
        next(large.parameters())[0, 0] = 1e5  # infinite in float16
    assert swapped(large) == {PACKED: 1}


@needs_halves
def test_bfloat16_is_computed_in_float32_where_the_processor_cannot_multiply_it(
    multiplies_bfloat16: Callable[[bool], None],
) -> None:
    multiplies_bfloat16(False)
    assert swapped(nn.Linear(WIDTH, INNER), torch.bfloat16) == {HALF: 1}
    assert swapped(GatedMLP(), torch.bfloat16) == {HALF: 3, HALF_MLP: 1}


@needs_halves
def test_bfloat16_that_float16_cannot_hold_stays_as_it_is(
    multiplies_bfloat16: Callable[[bool], None],
) -> None:
    multiplies_bfloat16(False)
    large = nn.Linear(WIDTH, INNER)
    with torch.no_grad():
        large.weight[0, 0] = 1e5
    assert swapped(large, torch.bfloat16) == {}


@needs_halves
def test_float16_is_helped_too() -> None:
    assert swapped(GatedMLP(), torch.float16) == {HALF: 3, HALF_MLP: 1}
    assert swapped(shaken(LlamaRMSNorm(WIDTH)), torch.float16) == {NORM: 1}


@needs_bfloat16
def test_bfloat16_is_packed_where_the_processor_multiplies_it() -> None:
    assert swapped(nn.Linear(WIDTH, INNER), torch.bfloat16) == {PACKED: 1}
    assert swapped(GatedMLP(), torch.bfloat16) == {PACKED: 3, FUSED: 1}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ["silu", "gelu", "gelu_pytorch_tanh"])
def test_gated_mlp_on_packed_layers_is_three_calls(activation: str, bias: bool) -> None:
    assert swapped(GatedMLP(activation, bias=bias)) == {PACKED: 3, FUSED: 1}


@needs_halves
def test_gated_mlp_on_halved_layers_is_two_calls_for_silu_only() -> None:
    assert swapped(halved(GatedMLP("silu"))) == {HALF: 3, HALF_MLP: 1}
    assert swapped(halved(GatedMLP("gelu"))) == {HALF: 3}


@needs_halves
@pytest.mark.parametrize("kind", [SummedMLP, CrossedMLP, ClampedMLP])
@pytest.mark.parametrize("prepare", [halved, lambda mlp: mlp], ids=["halved", "whole"])
def test_mlp_of_another_formula_stays(
    kind: type[GatedMLP], prepare: Callable[[nn.Module], nn.Module]
) -> None:
    mlp = prepare(kind())
    assert {FUSED, HALF_MLP}.isdisjoint(swapped(mlp))


def test_an_original_is_freed_when_it_was_replaced() -> None:
    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH))
    original, children = weakref.ref(model[0]), _children(model)
    parent, name, child = next(children)
    setattr(parent, name, nn.Identity())
    parent, name, child = next(children)
    assert child is model[1]
    assert original() is None


@pytest.mark.parametrize("activation", ["relu", "gelu_new", "quick_gelu", "tanh"])
def test_mlp_with_an_activation_that_is_not_known_stays(activation: str) -> None:
    assert swapped(GatedMLP(activation)) == {PACKED: 3}


def test_mlp_with_a_part_more_stays() -> None:
    mlp = GatedMLP()
    mlp.dropout = nn.Dropout()
    assert swapped(mlp) == {PACKED: 3}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("eps", [1e-6, 1e-3])
def test_rms_norm_is_one_call(eps: float, dtype: torch.dtype) -> None:
    assert swapped(shaken(LlamaRMSNorm(WIDTH, eps)), dtype) == {NORM: 1}
    assert swapped(shaken(nn.RMSNorm(WIDTH, eps)), dtype) == {NORM: 1}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    "norm",
    [
        lambda: shaken(GemmaRMSNorm(WIDTH)),  # times 1 + weight
        lambda: shaken(OutsideRMSNorm(WIDTH, 1e-3)),
        BareRMSNorm,
        lambda: nn.RMSNorm(WIDTH),  # eps by dtype
        lambda: nn.RMSNorm(WIDTH, 1e-6, elementwise_affine=False),
        lambda: nn.RMSNorm((5, WIDTH), 1e-6),
        lambda: nn.LayerNorm(WIDTH),
    ],
    ids=["gemma", "eps outside", "no weight", "no eps", "not affine", "two dimensions", "layer norm"],
)
def test_norm_that_computes_something_else_stays(norm: Callable[[], nn.Module], dtype: torch.dtype) -> None:
    assert swapped(norm(), dtype) == {}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, pytest.param(torch.bfloat16, marks=needs_bfloat16)])
def test_query_key_and_value_are_one_product_in_any_order_and_for_any_input(
    bias: bool, dtype: torch.dtype
) -> None:
    assert swapped(Products(biases=(bias, bias, bias)), dtype) == {JOINT: 3}


def test_joint_layers_compute_once_for_one_input_and_hold_nothing_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Model(Products())
    accelerate(model)
    layers: Any = model.inner
    product = layers.q_proj._product
    compute = Mock(wraps=product._layer.forward)
    monkeypatch.setattr(product._layer, "forward", compute)
    x = inputs()
    with torch.inference_mode():
        for layer in (layers.q_proj, layers.k_proj, layers.v_proj):
            layer(x)
        assert compute.call_count == 1
        assert product._last == (None, {})
        layers.q_proj(x)
        layers.q_proj(x)  # its first result may have been changed in place by whoever asked
    assert compute.call_count == 3


@needs_halves
def test_layers_that_do_not_fit_together_stay_apart() -> None:
    mixed = Products(biases=(True, True, False))
    assert swapped(halved(mixed)) == {HALF: 3}
    model = Model(Products(width=WIDTH // 2))
    assert accelerate(model) == {PACKED: 3}


def test_subclass_with_a_forward_of_its_own_stays() -> None:
    assert swapped(ScaledLinear(WIDTH, INNER)) == {}


def test_numbers_that_are_not_finite_are_left_to_the_original() -> None:
    layer = nn.Linear(WIDTH, INNER)
    with torch.no_grad():
        layer.weight[0, 0] = float("nan")
    assert accelerate(Model(layer)) == {}


def test_layer_without_rows_is_passed_over() -> None:
    with pytest.warns(UserWarning, match="zero-element"):
        assert accelerate(Model(nn.Linear(WIDTH, 0))) == {}


def test_swap_that_gives_other_numbers_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    right = accelerating.OneCallNorm.forward
    monkeypatch.setattr(accelerating.OneCallNorm, "forward", lambda self, x: right(self, x) * 1.01)
    assert swapped(shaken(LlamaRMSNorm(WIDTH))) == {}


def build(kind: str) -> Any:
    if kind == "llama":
        return LlamaForCausalLM(tiny_config(100))
    if kind == "tied llama":
        return LlamaForCausalLM(LlamaConfig(**tiny_config(100).to_dict() | {"tie_word_embeddings": True}))
    return GPT2LMHeadModel(GPT2Config(vocab_size=100, n_positions=64, n_embd=48, n_layer=2, n_head=4))


@needs_halves
@pytest.mark.parametrize(
    ("kind", "halve", "expected"),
    [
        ("llama", True, {JOINT: 6, HALF: 9, HALF_MLP: 2, NORM: 5}),
        ("llama", False, {JOINT: 6, PACKED: 9, FUSED: 2, NORM: 5}),
        ("tied llama", True, {JOINT: 6, HALF: 9, HALF_MLP: 2, NORM: 5}),
        ("gpt2", True, {HALF: 9}),
        ("gpt2", False, {PACKED: 9}),
    ],
)
def test_whole_models_give_the_same_logits(kind: str, halve: bool, expected: dict[str, int]) -> None:
    model = build(kind).eval()
    if halve:
        halved(model)
    ids = torch.randint(0, 100, (2, 20))
    with torch.inference_mode():
        before = model(ids).logits
        embedding = model.get_input_embeddings().weight.clone()
        assert accelerate(model) == expected
        assert torch.equal(model.get_input_embeddings().weight, embedding)
        after = model(ids).logits
    assert torch.allclose(after, before, rtol=0, atol=1e-4 * float(before.abs().max()))
    faster = [module for module in model.modules() if isinstance(module, Faster)]
    assert accelerate(model) == {}
    assert [module for module in model.modules() if isinstance(module, Faster)] == faster


def test_only_a_processor_is_helped() -> None:
    assert accelerate(Model(nn.Linear(WIDTH, INNER)).to("meta")) == {}
