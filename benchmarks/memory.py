"""What models, caches and processes hold, in bytes unless said."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def pss(pid: int) -> float:
    """Proportional set size of a process in MB (2**20 bytes): its own pages, and its share of shared ones."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def weight_bytes(model: Any) -> int:
    """Of a transformers model as loaded; tied weights are counted once."""
    return sum(parameter.nbytes for parameter in model.parameters())


def token_bytes(model: Any) -> int:
    """Keys and values of one token in all layers, in the model's dtype."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * size * model.dtype.itemsize)
