"""Turns a GGUF file into a folder of safetensors, configuration and tokenizer.

Loading such a folder takes a second where the GGUF file takes many, and its tokenizer is exactly
the model's own. torch and transformers are imported only while a conversion runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference import gguf_tokenizer
from inference.gguf_tokenizer import ConversionError

if TYPE_CHECKING:
    from torch import nn

Say = Callable[[str], None]


def convert_gguf(gguf: Path, folder: Path, say: Say) -> None:
    """Writes the model of ``gguf`` into the existing ``folder``; weights become bfloat16.

    Raises ConversionError, with one sentence, for a file or a tokenizer kind that is not supported.
    """
    say(f"reading {gguf.name}")
    metadata = read_metadata(gguf)
    gguf_tokenizer.write(metadata, folder)
    say("unpacking the weights")
    model = _load(gguf)
    _check_weights(model)
    say("writing safetensors")
    _write_model(model, metadata, folder)


def read_metadata(gguf: Path) -> Mapping[str, Any]:
    """Every key and value in front of the weights.

    Raises ConversionError when it is no GGUF file, or one whose weights cannot be taken over.
    """
    from gguf import GGUFReader

    try:
        reader = GGUFReader(gguf)
    except (ValueError, IndexError, KeyError, OSError) as error:
        raise ConversionError(f"{gguf.name} is not a GGUF file that can be read ({error}).") from error
    if any(tensor.name.startswith(("rope_freqs", "rope_factors")) for tensor in reader.tensors):
        # transformers passes over these: the model would go wrong in long prompts, without a sign.
        raise ConversionError(
            f"{gguf.name} stretches its window by factors that cannot be converted; "
            "use the model's safetensors folder instead."
        )
    return {key: field.contents() for key, field in reader.fields.items()}


def _load(gguf: Path) -> nn.Module:
    """The model with the file's weights.

    ``from_pretrained`` does the same, but wants a further package only to place empty weights,
    and leaves weights the file does not have at random values.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    try:
        config = AutoConfig.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        loaded = load_gguf_checkpoint(
            str(gguf), return_tensors=True, model_to_load=model, torch_dtype=torch.bfloat16
        )
        model.load_state_dict(loaded["tensors"], strict=False, assign=True)
    except (ValueError, KeyError, NotImplementedError, RuntimeError) as error:
        raise ConversionError(f"The weights of {gguf.name} cannot be converted: {error}") from error
    model.tie_weights()
    assert isinstance(model, torch.nn.Module)
    return model


def _check_weights(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if parameter.is_meta:
            raise ConversionError(f"The GGUF file has no weights for {name}.")
        if not parameter.isfinite().all():
            raise ConversionError(f"The weights of {name} are not finite.")


def _write_model(model: Any, metadata: Mapping[str, Any], folder: Path) -> None:
    from transformers import GenerationConfig

    ids = gguf_tokenizer.special_ids(metadata)
    # Both files name the end tokens; programs that read only one of them must stop all the same.
    model.generation_config = GenerationConfig(**ids)
    for key, value in ids.items():
        setattr(model.config, key, value)
    model.config.name_or_path = ""  # where the GGUF file lay is nobody's business
    model.save_pretrained(folder)
