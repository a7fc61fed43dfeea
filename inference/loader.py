"""A model folder to a model and a tokenizer in memory: safetensors only, no code from the folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer

from inference.own_thread import in_own_thread
from inference.registry import Family

# Weights that unpickle and modules that run are code; no model of ours needs either.
_FORBIDDEN = {".py", ".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".so"}
_CLASSES: dict[Family, Any] = {
    "decoder": transformers.AutoModelForCausalLM,
    "encoder": transformers.AutoModelForMaskedLM,
    "encoder-decoder": transformers.AutoModelForSeq2SeqLM,
}
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class ModelFolderError(Exception):
    """The folder is not a model that may be loaded; the message says why."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A transformers model with its language head, in evaluation mode, and its fast tokenizer."""

    model: Any
    tokenizer: Tokenizer


def load_model(
    folder: Path, *, dtype: str = "auto", device: str = "auto", family: Family = "decoder"
) -> LoadedModel:
    """Load a local folder of safetensors, config.json and tokenizer.json.

    dtype: auto, float32, bfloat16 or float16; auto is bfloat16 where the device computes in it, else
    float32. device: auto, cpu, cuda, cuda:1 ...; auto is cuda when present.
    Raises ModelFolderError.
    """
    check_folder(folder)
    return in_own_thread(lambda: _load(folder, dtype, device, family))


def _load(folder: Path, dtype: str, device: str, family: Family) -> LoadedModel:
    transformers.utils.logging.disable_progress_bar()  # it would fill the worker's log
    target = torch.device(choose_device(device))
    model = _model(folder, choose_dtype(dtype, target), family)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()  # some files cut a text in silence
    tokenizer.no_padding()
    return LoadedModel(model.to(target).eval(), tokenizer)


def check_folder(folder: Path) -> None:
    """Raise ModelFolderError unless the folder holds a model and nothing that could run."""
    for name in ("config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            raise ModelFolderError(f"{folder} has no {name}")
    for path in folder.rglob("*"):
        if path.suffix.lower() in _FORBIDDEN:
            raise ModelFolderError(f"{path.name} in {folder} could run code; only safetensors are loaded")
    for path in folder.glob("*.json"):
        if "auto_map" in _json_object(path):
            raise ModelFolderError(f"{path.name} in {folder} names code (auto_map), which is never run")
    if not any(folder.glob("*.safetensors")):
        raise ModelFolderError(f"{folder} has no .safetensors file")


def choose_device(device: str) -> str:
    """Resolve auto."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Resolve auto for a device. Raises ModelFolderError for an unknown name."""
    if dtype == "auto":
        native = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bfloat16()
        return torch.bfloat16 if native else torch.float32
    if dtype not in _DTYPES:
        raise ModelFolderError(f"dtype {dtype!r} is unknown; choose auto, {', '.join(_DTYPES)}")
    return _DTYPES[dtype]


def eos_ids(model: Any) -> frozenset[int]:
    """Token ids that end an answer, by the model's generation settings."""
    ids = model.generation_config.eos_token_id
    if ids is None:
        ids = model.config.get_text_config().eos_token_id
    if ids is None:
        return frozenset()
    return frozenset([ids] if isinstance(ids, int) else ids)


def context_window(model: Any) -> int:
    """Most tokens of prompt and completion together by the model's configuration; 0 if it has no limit."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or 0


def _model(folder: Path, dtype: torch.dtype, family: Family) -> Any:
    """Most models would load as another family, at least in part, and write fluent nonsense."""
    safely = {"trust_remote_code": False, "local_files_only": True}
    config = transformers.AutoConfig.from_pretrained(folder, **safely)
    chosen = _CLASSES[family]
    masked = any(name.endswith("ForMaskedLM") for name in config.architectures or ())
    good = bool(config.is_encoder_decoder) == (family == "encoder-decoder")
    if not good or (masked and family == "decoder") or type(config) not in chosen._model_mapping:
        raise ModelFolderError(f"{folder} holds a {config.model_type} model, which is no {family}")
    model, report = chosen.from_pretrained(
        folder, config=config, dtype=dtype, use_safetensors=True, output_loading_info=True, **safely
    )
    if missing := sorted(report["missing_keys"]):
        raise ModelFolderError(f"{folder} lacks weights of a {family} {config.model_type}: {missing[0]}")
    return model


def _cpu_has_bfloat16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def _json_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise ModelFolderError(f"{path.name} in {path.parent} is not JSON: {fault}") from None
    return content if isinstance(content, dict) else {}
