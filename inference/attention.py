"""The attention of any transformers model, taken over: one flat row that holds the tokens of all requests.

transformers calls :func:`attend` for every layer of a model whose attention implementation is
``ATTENTION``; what to do with the row comes along as the ``plan`` argument of the forward call.
No mask function is registered under the name, so transformers builds no masks of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn
from transformers import AttentionInterface

from inference.kv_store import LayerShape

ATTENTION = "fewshot_flat_row"


class UnsupportedAttentionError(Exception):
    """The model asks its attention for something the flat row does not do."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a layer asks of its attention.

    ``window``: how many tokens back a token sees, itself included. ``softcap``: scores become
    softcap * tanh(score / softcap). ``sinks`` [heads]: scores of a key that has no value.
    """

    scale: float | None = None
    window: int | None = None
    softcap: float | None = None
    sinks: Tensor | None = None


class Plan(Protocol):
    """What :func:`attend` needs from the step: attention of one layer over the flat row."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, terms: Terms) -> Tensor:
        """query [1, heads, N, size], key and value [1, kv heads, N, size] -> [1, N, heads, size]."""
        ...


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    plan: Plan,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """The function registered with transformers. Raises UnsupportedAttentionError."""
    if attention_mask is not None:
        raise UnsupportedAttentionError("own masks are not supported")
    layer = module.layer_idx
    assert isinstance(layer, int)
    return plan.attend(layer, query, key, value, Terms(scaling, sliding_window, softcap, s_aux)), None


def register() -> None:
    """Make ``ATTENTION`` known to transformers. The function keeps no state, so once is for all engines."""
    AttentionInterface.register(ATTENTION, attend)


class LayerProbe:
    """A plan that only notes what each layer would store; its output is meaningless."""

    def __init__(self) -> None:
        self.layers: dict[int, LayerShape] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, terms: Terms) -> Tensor:
        if layer in self.layers:
            raise UnsupportedAttentionError(f"layer {layer} attends more than once")
        self.layers[layer] = LayerShape(key.shape[1], key.shape[3], value.shape[3])
        return query.new_zeros(1, query.shape[2], query.shape[1], value.shape[3])
