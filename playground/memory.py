"""How much memory there is for models, and how much one needs. No torch: a host never loads it.

The need is an estimate from the files: weights in the type they are computed in, half of the largest
key-value cache, and what Python and torch take before anything is loaded.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from inference.config import EngineConfig
from inference.registry import ModelSpec, RemoteSource

SHARE = 0.75  # of the machine's memory, when nothing is set
RUNTIME = 400 * 10**6  # bytes of a worker without weights
REMOTE = 120 * 10**6  # of one whose model is elsewhere, without torch
MARGIN = 1.2  # weights are for a moment there twice, in part
FILLED = 0.5  # of the cache: it is address space, and used only where tokens were written
UNITS = {"": 10**6, "MB": 10**6, "GB": 10**9, "MIB": 2**20, "GIB": 2**30}
SIXTEEN_BITS = ("avx512_bf16", "amx_bf16", "bf16")  # what Linux calls a CPU that computes in them
SIZES = {"float32": 4, "bfloat16": 2, "float16": 2}


def budget(text: str) -> int:
    """Bytes of "6GB", "6000MB" or "6000"; empty is SHARE of this machine. Raises ValueError."""
    if not text:
        return int(total() * SHARE)
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MB|GB|MIB|GIB|)", text.strip().upper())
    if not found or not float(found[1]):
        raise ValueError(f"{text!r} is no amount of memory; write for example 6GB, 6000MB or 6000.")
    return int(float(found[1]) * UNITS[found[2]])


def total() -> int:
    """Bytes of this machine, or of its container if that has less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no such file, or "max"
        return machine


def in_words(size: int) -> str:
    return f"{size / 10**9:.1f} GB" if size >= 10**8 else f"{size / 10**6:.0f} MB"


def weight_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def needed_by(spec: ModelSpec, slots: int) -> int:
    """Bytes that ``spec`` takes with ``slots`` full runs; a broken folder counts as far as it is read."""
    if isinstance(spec.source, RemoteSource):
        return REMOTE
    config = _config(spec.folder)
    size = _element_size(spec)
    stored = SIZES.get(str(config.get("dtype") or config.get("torch_dtype")), size)
    weights = weight_bytes(spec.folder) * max(size / stored, 1)
    return int(RUNTIME + weights * MARGIN + FILLED * _cache_bytes(config, spec.window, slots, size))


def _cache_bytes(config: dict[str, Any], window: int | None, slots: int, size: int) -> int:
    """Keys and values of ``slots`` full windows, within the engine's own bound."""
    layers = _number(config, "num_hidden_layers", "n_layer", "num_layers")
    heads = _number(config, "num_attention_heads", "n_head")
    width = _number(config, "hidden_size", "n_embd")
    kept = _number(config, "num_key_value_heads") or heads
    head = _number(config, "head_dim") or (width // heads if heads else 0)
    tokens = slots * (window or _number(config, "max_position_embeddings", "n_positions"))
    return min(2 * layers * kept * head * size * tokens, EngineConfig().cache_bytes)


def _number(config: dict[str, Any], *keys: str) -> int:
    found = (config.get(key) for key in keys)
    return next((value for value in found if isinstance(value, int)), 0)


def _config(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    inner = content.get("text_config")  # models of several kinds nest what we want
    return content | inner if isinstance(inner, dict) else content


def _element_size(spec: ModelSpec) -> int:
    """Bytes of one number, as the loader's ``auto`` chooses it."""
    if spec.dtype in SIZES:
        return SIZES[spec.dtype]
    on_gpu = spec.device != "cpu" and Path("/dev/nvidiactl").exists()
    return 2 if on_gpu or _cpu_has_bfloat16() else 4


def _cpu_has_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return any(name in flags for name in SIXTEEN_BITS)
