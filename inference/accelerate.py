"""Faster modules in the place of a loaded model's own; each one is checked against what it replaces.

Nothing here knows an architecture by name: modules are recognised by type and shape. On a CPU the
layout of the weights is the first loss, because plain ones are laid out anew at every call. What is
not recognised, not faster or not equal on random input stays as it is.

* Linear layers whose weights survive rounding to 16 bits, computing in float32: half the memory traffic
  with the same result (FBGEMM). Also in bfloat16 on processors that cannot multiply it.
* All other linear layers: weights packed once in oneDNN's own layout.
* Query, key and value of an attention: one product of either kind; small ones cost little but the call.
* Gated MLPs on packed layers: activation and product belong to the products themselves. On 16-bit ones gate
  and up are one product.
* RMS norms: one call instead of six.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, silu
from transformers.pytorch_utils import Conv1D

# Of the rows that a swap is tried on: an epsilon shows on small numbers, a clamp on large ones.
_TEST_SIZES = (1.0, 2**-8, 2**4)
# Of the largest output of a row. Rounding of sums over a few thousand products stays well below.
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 4e-2, torch.float16: 1e-2}
# Half precision keeps 11 bits down to 6e-5 and the same steps below it: of a matrix, 1e-6 of the largest
# weight is what float32 sums lose anyway.
_SAME_WEIGHT = 1e-6
_ONEDNN_ROWS = 8  # a hint for the layout: as many rows as answers that usually stream together


@torch.inference_mode()
def accelerate(model: nn.Module) -> dict[str, int]:
    """Swap what can be swapped; gives the number of swapped modules by kind. Only for CPUs.

    A model that was accelerated before is left as it is. Originals are freed one by one, those of a joint
    product together, so the memory in use grows by one replacement at most, and by a copy of an embedding
    that is also the head.
    """
    first = next(model.parameters())
    if first.device.type != "cpu":
        return {}
    swapped: Counter[str] = Counter()
    for module in model.modules():
        for name, joint in _joint(module, first.dtype).items():
            setattr(module, name, joint)
            swapped[joint.kind] += 1
    for replacement in (_packed, _fused_mlp, _norm):
        for parent, name, module in _children(model):
            faster = replacement(module)
            if faster is not None and _agree(module, faster, first.dtype):
                setattr(parent, name, faster)
                swapped[faster.kind] += 1
    return dict(swapped)


class Faster(nn.Module):
    """Takes the place of another module; ``width`` is the size of its input's last dimension."""

    kind: str
    width: int


class HalfLinear(Faster):
    """Weights in float16, products and sums in float32."""

    kind = "linear, 16-bit weights"

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.width, self.has_bias = int(weight.shape[1]), bias is not None
        self._packed = torch.ops.quantized.linear_prepack_fp16(
            weight.float().contiguous(), None if bias is None else bias.float()
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.quantized.linear_dynamic_fp16(x.float(), self._packed)
        return out.to(x.dtype)

    def unpacked(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias in float32."""
        weight, bias = torch.ops.quantized.linear_unpack_fp16(self._packed)
        return weight, bias


class PackedLinear(Faster):
    """Weights in oneDNN's own layout."""

    kind = "linear, packed"

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.width = int(weight.shape[1])
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _ONEDNN_ROWS)
        self.bias = bias

    def forward(self, x: Tensor, activation: str = "none", algorithm: str = "") -> Tensor:
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, activation, [], algorithm)
        return out

    def times(self, x: Tensor, other: Tensor) -> Tensor:
        """The layer's output multiplied by ``other``."""
        out: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, other, self.packed, self.bias, "mul")
        return out


class JointLinear(Faster):
    """One of several layers that one product computes, ``number`` of them in its order."""

    kind = "linear, joint"

    def __init__(self, product: JointProduct, number: int) -> None:
        super().__init__()
        self._product, self._number, self.width = product, number, product.width

    def forward(self, x: Tensor) -> Tensor:
        return self._product.share(x, self._number)


class JointProduct:
    """Layers with one input as one product: whoever is asked first computes for all, the others take theirs.

    Each result is given once and for the same tensor only, so layers that are asked for different
    inputs, or by two threads, are slower but right.
    """

    def __init__(self, layer: HalfLinear | PackedLinear, sizes: list[int]) -> None:
        self.width = layer.width
        self._layer, self._sizes = layer, sizes
        # Replaced as a whole: another thread must not find the input of one call beside results of another.
        self._last: tuple[Tensor | None, dict[int, Tensor]] = (None, {})

    def share(self, x: Tensor, number: int) -> Tensor:
        """What layer ``number`` gives for x [..., width]."""
        asked, shares = self._last
        if asked is not x or number not in shares:
            shares = dict(enumerate(self._layer(x).split(self._sizes, dim=-1)))
            self._last = x, shares
        share = shares.pop(number)
        if not shares:
            self._last = None, shares  # holds no memory between steps
        return share


class FusedMLP(Faster):
    """down(activation(gate(x)) * up(x)) in three calls."""

    kind = "mlp, fused"

    def __init__(self, mlp: Any, activation: str, algorithm: str) -> None:
        super().__init__()
        self.gate_proj: PackedLinear = mlp.gate_proj
        self.up_proj: PackedLinear = mlp.up_proj
        self.down_proj: PackedLinear = mlp.down_proj
        self._activation, self._algorithm, self.width = activation, algorithm, mlp.gate_proj.width

    def forward(self, x: Tensor) -> Tensor:
        gate = self.gate_proj(x, self._activation, self._algorithm)
        out: Tensor = self.down_proj(self.up_proj.times(x, gate))
        return out


class HalfMLP(Faster):
    """The same with 16-bit weights in two calls; between them everything is float32."""

    kind = "mlp, 16-bit weights"

    def __init__(self, mlp: Any) -> None:
        super().__init__()
        (gate, gate_bias), (up, up_bias) = mlp.gate_proj.unpacked(), mlp.up_proj.unpacked()
        bias = None if gate_bias is None else torch.cat([gate_bias, up_bias])
        self.gate_and_up = HalfLinear(torch.cat([gate, up]), bias)
        self.down_proj: HalfLinear = mlp.down_proj
        self.width = mlp.gate_proj.width

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_and_up(x.float()).chunk(2, dim=-1)
        out: Tensor = self.down_proj(silu(gate).mul_(up))
        return out.to(x.dtype)


class OneCallNorm(Faster):
    """RMS norm: x / sqrt(mean(x**2) + eps) * weight."""

    kind = "norm, one call"

    def __init__(self, weight: Tensor, eps: float) -> None:
        super().__init__()
        self.weight, self._eps, self.width = weight, eps, len(weight)

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight.shape, self.weight, self._eps)


def _children(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    """Every module with its parent, as the model is at the beginning; none is held after its turn."""
    left = deque(
        (parent, name, child) for parent in model.modules() for name, child in parent.named_children()
    )
    while left:
        yield left.popleft()


def _joint(attention: nn.Module, dtype: torch.dtype) -> dict[str, JointLinear]:
    """Faster layers by name for the three products that an attention begins with."""
    layers: list[Any] = [getattr(attention, name, None) for name in _QUERY_KEY_VALUE]
    if not all(type(layer) is nn.Linear and layer.weight.numel() for layer in layers):
        return {}
    if len({(layer.in_features, layer.bias is None) for layer in layers}) > 1:
        return {}
    biases = [layer.bias for layer in layers if layer.bias is not None]
    packed = _pack(torch.cat([layer.weight for layer in layers]), torch.cat(biases) if biases else None)
    if packed is None:
        return {}
    product = JointProduct(packed, [layer.out_features for layer in layers])
    faster = [JointLinear(product, number) for number in range(len(layers))]
    if not all(_agree(layer, swap, dtype) for layer, swap in zip(layers, faster, strict=True)):
        return {}
    return dict(zip(_QUERY_KEY_VALUE, faster, strict=True))


# As transformers names them in every model that keeps them apart.
_QUERY_KEY_VALUE = ("q_proj", "k_proj", "v_proj")


def _packed(module: Any) -> HalfLinear | PackedLinear | None:
    if type(module) not in (nn.Linear, Conv1D) or not module.weight.numel():
        return None
    return _pack(module.weight if type(module) is nn.Linear else module.weight.t(), module.bias)


def _pack(weight: Tensor, bias: Tensor | None) -> HalfLinear | PackedLinear | None:
    kind = HalfLinear if _halves_do(weight) else PackedLinear
    if kind is PackedLinear and weight.dtype is torch.bfloat16 and not _multiplies_bfloat16():
        return None
    try:
        return kind(weight.detach(), None if bias is None else bias.detach())
    except (RuntimeError, AttributeError, NotImplementedError):
        return None  # this build of torch or this processor does not have it


def _halves_do(weight: Tensor) -> bool:
    """May the weights be kept in float16? Only where the processor does not do better in bfloat16."""
    if weight.dtype is torch.bfloat16 and _multiplies_bfloat16():
        return False
    if not {"fbgemm", "x86"} & set(torch.backends.quantized.supported_engines):
        return False
    exact, largest = weight.float(), weight.abs().max()
    return bool((exact - exact.half().float()).abs().max() <= _SAME_WEIGHT * largest)


def _multiplies_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _fused_mlp(module: Any) -> FusedMLP | HalfMLP | None:
    layers = [getattr(module, name, None) for name in ("gate_proj", "up_proj", "down_proj")]
    activation = _ACTIVATIONS.get(type(getattr(module, "act_fn", None)).__name__)
    if activation is None or len(list(module.children())) != 4:
        return None
    if all(isinstance(layer, PackedLinear) for layer in layers):
        return FusedMLP(module, *activation)
    if activation[0] != "swish" or not all(isinstance(layer, HalfLinear) for layer in layers):
        return None
    return HalfMLP(module) if module.gate_proj.has_bias == module.up_proj.has_bias else None


# Class of transformers' activation module: oneDNN's name and algorithm.
_ACTIVATIONS: dict[str, tuple[str, str]] = {
    "SiLUActivation": ("swish", ""),
    "SiLU": ("swish", ""),
    "GELUTanh": ("gelu", "tanh"),
    "GELUActivation": ("gelu", "none"),
}


def _norm(module: Any) -> OneCallNorm | None:
    if not type(module).__name__.endswith("RMSNorm"):
        return None
    weight, eps = getattr(module, "weight", None), getattr(module, "variance_epsilon", None)
    eps = getattr(module, "eps", None) if eps is None else eps
    return OneCallNorm(weight, eps) if isinstance(weight, Tensor) and isinstance(eps, float) else None


def _agree(original: nn.Module, faster: Faster, dtype: torch.dtype) -> bool:
    """Do both give the same on random rows, small and large, up to rounding?"""
    sizes = torch.tensor(_TEST_SIZES)[:, None]
    rows = torch.randn(len(sizes), faster.width, generator=torch.Generator().manual_seed(0)) * sizes
    x = rows[None].to(dtype)
    try:
        wanted = original(x).float()
        error = (faster(x).float() - wanted).abs().amax(dim=-1)
    except (RuntimeError, TypeError):  # one of them takes other input
        return False
    # Below its smallest normal number a dtype rounds more coarsely. Not-a-number is not below it either.
    allowed = _TOLERANCE[dtype] * wanted.abs().amax(dim=-1) + torch.finfo(dtype).tiny
    compared = wanted.isfinite().all(dim=-1)  # what is large may be too large for float16
    return bool(compared[0, 0] and (error <= allowed)[compared].all())
