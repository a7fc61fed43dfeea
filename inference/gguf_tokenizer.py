"""Builds tokenizer.json from the metadata of a GGUF file.

GGUF names the rule that cuts text into words by a short word (``tokenizer.ggml.pre``) and leaves
the rule itself to the reader. The table here has the rules whose published tokenizers are known;
every other kind is refused, because a nearly right tokenizer silently makes a worse model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE

# Kinds of entries in ``tokenizer.ggml.token_type``.
_CONTROL = 3
_USER_DEFINED = 4

# Tokens that end a text or a turn, by their published names. A file declares one end token, but
# instruct models also write the others.
_END_TOKENS = ("<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|eom_id|>", "<|end|>")

_LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2_WORDS = _LLAMA3_WORDS.replace(r"\p{N}{1,3}", r"\p{N}")


class ConversionError(Exception):
    """The file cannot become a model folder; the message is one sentence."""


def write(metadata: Mapping[str, Any], folder: Path) -> None:
    """Writes tokenizer.json, tokenizer_config.json and, if there is one, chat_template.jinja.

    Raises ConversionError for a tokenizer kind that is not known.
    """
    build(metadata).save(str(folder / "tokenizer.json"))
    config = json.dumps(_config(metadata), indent=2, ensure_ascii=False)
    (folder / "tokenizer_config.json").write_text(config + "\n", encoding="utf-8")
    if template := metadata.get("tokenizer.chat_template"):
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")


def build(metadata: Mapping[str, Any]) -> Tokenizer:
    """The byte-level BPE tokenizer that ``metadata`` describes. Raises ConversionError."""
    kind = metadata.get("tokenizer.ggml.model", "none")
    if kind != "gpt2":
        raise ConversionError(
            f"The tokenizer kind {kind!r} of this GGUF file is not supported, only byte-level BPE is; "
            "use the model's safetensors folder instead."
        )
    pre = metadata.get("tokenizer.ggml.pre", "none")
    words = metadata["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ", 1)) for pair in metadata["tokenizer.ggml.merges"]]
    vocabulary = {word: index for index, word in enumerate(words)}
    if len(vocabulary) != len(words):
        raise ConversionError("The vocabulary of this GGUF file has the same token twice.")
    # Llama 3 takes a whole word from the vocabulary even where no merges lead to it.
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges, ignore_merges=pre == "llama-bpe"))
    tokenizer.pre_tokenizer = _pre_tokenizer(pre)
    tokenizer.decoder = decoders.ByteLevel()
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    _add_tokens(tokenizer, metadata)
    _add_bos(tokenizer, metadata)
    return tokenizer


def special_ids(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """``bos_token_id``, ``eos_token_id`` (a list: each of them ends a text) and ``pad_token_id``."""
    words, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    declared = [metadata.get(f"tokenizer.ggml.{name}_token_id") for name in ("eos", "eot", "eom")]
    known = [words.index(word) for word in _END_TOKENS if word in words]
    ends = [index for index in declared if index is not None]
    ends += [index for index in known if types[index] == _CONTROL]
    if not ends:
        raise ConversionError("This GGUF file names no token that ends a text.")
    pad = metadata.get("tokenizer.ggml.padding_token_id", ends[0])
    return {
        "bos_token_id": metadata.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": list(dict.fromkeys(ends)),
        "pad_token_id": pad,
    }


def _pre_tokenizer(pre: str) -> pre_tokenizers.PreTokenizer:
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    match pre:
        case "gpt-2":
            return byte_level
        case "smollm" | "starcoder" | "refact":
            return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
        case "llama-bpe":
            return _split(_LLAMA3_WORDS)
        case "qwen2":
            return _split(_QWEN2_WORDS)
    raise ConversionError(
        f"The word rule {pre!r} of this GGUF file is not known; use the model's safetensors folder instead."
    )


def _split(words: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(words), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _add_tokens(tokenizer: Tokenizer, metadata: Mapping[str, Any]) -> None:
    """Control tokens become special, user-defined ones plain added tokens; both keep their ids."""
    for word, kind in zip(
        metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"], strict=True
    ):
        if kind == _CONTROL:
            tokenizer.add_special_tokens([AddedToken(word, special=True, normalized=False)])
        elif kind == _USER_DEFINED:
            tokenizer.add_tokens([AddedToken(word, special=False, normalized=False)])


def _add_bos(tokenizer: Tokenizer, metadata: Mapping[str, Any]) -> None:
    if not metadata.get("tokenizer.ggml.add_bos_token", False):
        return
    index = metadata["tokenizer.ggml.bos_token_id"]
    word = metadata["tokenizer.ggml.tokens"][index]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{word} $A", pair=f"{word} $A {word} $B", special_tokens=[(word, index)]
    )


def _config(metadata: Mapping[str, Any]) -> dict[str, Any]:
    words = metadata["tokenizer.ggml.tokens"]
    names = {"bos": "bos_token", "eos": "eos_token", "unknown": "unk_token", "padding": "pad_token"}
    roles = {name: metadata.get(f"tokenizer.ggml.{key}_token_id") for key, name in names.items()}
    return {
        # Any other class would rebuild the tokenizer by its own rules.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **{name: words[index] for name, index in roles.items() if index is not None},
    }
