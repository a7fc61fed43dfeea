"""A tiny model with random weights, made in a second: its text means nothing, its shape is real."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_CORPUS = (
    "The sentiment of this review is positive. The film was a joy from the first minute to the last.",
    "The sentiment of this review is negative. I waited an hour and the soup was cold.",
    "Translate to French: good morning, where is the station? Bonjour, où est la gare ?",
    "Größe, naïve, señor, 東京, 你好, emoji 🙂🚀 and numbers 0123456789.",
)


def build_tiny_tokenizer(size: int = 400) -> Tokenizer:
    """A byte-level BPE tokenizer: every text can be written, characters may span tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_CORPUS, trainer)
    return tokenizer


def tiny_config(vocabulary: int, window: int = 512) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=window,
        bos_token_id=1,
        eos_token_id=2,
        tie_word_embeddings=False,
    )


def build_tiny_model(folder: Path, *, seed: int = 0, window: int = 512) -> Path:
    """Write a seeded random Llama with tokenizer and chat template; returns ``folder``."""
    tokenizer = build_tiny_tokenizer()
    torch.manual_seed(seed)
    model = LlamaForCausalLM(tiny_config(tokenizer.get_vocab_size(), window))
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.mul_(4)  # else the answer hardly depends on the prompt
    model.save_pretrained(folder)
    wrapper = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    wrapper.chat_template = CHAT_TEMPLATE
    wrapper.save_pretrained(folder)
    return folder
