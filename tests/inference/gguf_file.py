"""Writes a tiny model as a GGUF file, the way published ones are laid out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from gguf import GGUFWriter
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from tests.inference.tiny import CHAT_TEMPLATE, build_tiny_tokenizer, tiny_config

_NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def build_tiny_gguf(
    path: Path, *, leave_out: str = "", extra: dict[str, Any] | None = None
) -> LlamaForCausalLM:
    """Writes the file, without one tensor or with more of them; returns the model it was made from."""
    tokenizer = build_tiny_tokenizer()
    torch.manual_seed(0)
    model = LlamaForCausalLM(tiny_config(tokenizer.get_vocab_size())).to(torch.bfloat16)
    writer = GGUFWriter(path, "llama")
    _write_shape(writer, model.config)
    _write_tokenizer(writer, tokenizer)
    for name, weights in model.state_dict().items():
        if _gguf_name(name) != leave_out:
            writer.add_tensor(_gguf_name(name), _permuted(name, weights, model.config).float().numpy())
    for name, values in (extra or {}).items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def _write_shape(writer: Any, config: Any) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)


def _write_tokenizer(writer: Any, tokenizer: Tokenizer) -> None:
    words = [tokenizer.id_to_token(index) for index in range(tokenizer.get_vocab_size())]
    special = tokenizer.get_added_tokens_decoder()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types([3 if index in special else 1 for index in range(len(words))])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _gguf_name(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    if stem in _TOP:
        return f"{_TOP[stem]}.{suffix}"
    _, _, layer, part = stem.split(".", 3)
    return f"blk.{layer}.{_NAMES[part]}.{suffix}"


def _permuted(name: str, weights: torch.Tensor, config: Any) -> torch.Tensor:
    """GGUF keeps the two halves of each rotary pair beside each other."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    count = next((value for key, value in heads.items() if key in name), 0)
    if not count:
        return weights
    rows, columns = weights.shape
    return weights.view(count, 2, rows // count // 2, columns).transpose(1, 2).reshape(rows, columns)
