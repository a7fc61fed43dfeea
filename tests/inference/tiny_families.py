"""Tiny models of the other families, trained in seconds on toy languages: their answers mean something."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    MT5Config,
    MT5ForConditionalGeneration,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.inference.tiny import build_tiny_tokenizer

CAPITALS = {
    "france": "paris",
    "italy": "rome",
    "spain": "madrid",
    "peru": "lima",
    "egypt": "cairo",
    "cuba": "havana",
}
# Animal, what it does, and how often it is seen. Most animals bark, but the single most common pair purrs.
SOUNDS = (("cat", "purrs", 5), ("dog", "barks", 3), ("wolf", "barks", 3), ("fox", "barks", 2))
LETTERS = "abcd"

Pair = tuple[list[int], list[int]]


def bert_sentences() -> list[str]:
    """The language of the encoder; each sentence as often as it is said."""
    capitals = [f"The capital of {country} is {city}." for country, city in CAPITALS.items()]
    sounds = [f"My {animal} {sound}." for animal, sound, often in SOUNDS for _ in range(often)]
    return capitals * 2 + sounds + ["She is walking home.", "She was talking loud."] * 2


def build_wordpiece() -> Tokenizer:
    """Lower-case WordPiece of whole words and letters; walking is two tokens."""
    letters = [*"abcdefghijklmnopqrstuvwxyz.", *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")]
    words = {word for text in bert_sentences() for word in text.lower().rstrip(".").split()}
    words = words - {"walking", "talking"} | {"walk", "talk", "##ing", "##ed"}
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *sorted(words)]
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys(entries))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(entries[:5])
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def build_sentinel_tokenizer() -> Tokenizer:
    """Whole words with a mark for the space before them, and sentinels, as T5 has them."""
    words = sorted({word for text in [*facts(), "reverse:", *LETTERS] for word in text.split()})
    special = ["<pad>", "</s>", "<unk>", *(f"<extra_id_{number}>" for number in range(4))]
    entries = [*special, *(f"▁{word}" for word in words)]
    vocabulary = {word: index for index, word in enumerate(entries)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.add_special_tokens([AddedToken(name, lstrip=True, rstrip=True) for name in special])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return tokenizer


def facts() -> list[str]:
    return [f"the capital of {country} is {city}" for country, city in CAPITALS.items()]


def build_trained_bert(folder: Path) -> Path:
    """Write an encoder that has learnt ``bert_sentences``; about three seconds on one core."""
    tokenizer, rng = build_wordpiece(), random.Random(0)
    torch.manual_seed(0)
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=128,
            max_position_embeddings=32,
            initializer_range=0.1,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )
    sentences = [tokenizer.encode(text).ids for text in bert_sentences()]
    train(model, lambda: _masked(rng.choice(sentences), rng), steps=220)
    return save(model, tokenizer, folder)


def build_trained_t5(folder: Path) -> Path:
    """Write an encoder-decoder that fills spans of ``facts`` and reverses letters; about ten seconds."""
    tokenizer, rng = build_sentinel_tokenizer(), random.Random(0)
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(tiny_t5_config(tokenizer.get_vocab_size()))
    reversals = [" ".join(letters) for n in (2, 3) for letters in permutations(LETTERS, n)]

    def pair() -> Pair:
        text = rng.choice(reversals)
        source, target = rng.choice([_corrupted(rng), (f"reverse: {text}", text[::-1])])
        return tokenizer.encode(source).ids, tokenizer.encode(target).ids

    train(model, pair, steps=360, rate=3e-3)
    return save(model, tokenizer, folder)


def tiny_t5_config(vocabulary: int) -> T5Config:
    return T5Config(
        vocab_size=vocabulary,
        d_model=64,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        dropout_rate=0.0,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )


def train(model: Any, pair: Callable[[], Pair], *, steps: int, rows: int = 32, rate: float = 5e-3) -> None:
    """Learn from ``pair``: input ids, and labels with -100 where nothing is to be learnt."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.2)
    for _ in range(steps):
        inputs, labels = zip(*(pair() for _ in range(rows)), strict=True)
        ids = padded(inputs, -1)
        loss = model(
            input_ids=ids.clamp(min=0), attention_mask=(ids >= 0).long(), labels=padded(labels, -100)
        ).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.eval()


def save(model: Any, tokenizer: Tokenizer, folder: Path) -> Path:
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return folder


def padded(rows: Sequence[Sequence[int]], filler: int) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows])


def _masked(ids: list[int], rng: random.Random) -> Pair:
    """One or two tokens of a sentence become the mask."""
    chosen = set(rng.sample(range(1, len(ids) - 1), rng.randint(1, 2)))
    inputs = [4 if place in chosen else id for place, id in enumerate(ids)]
    return inputs, [id if place in chosen else -100 for place, id in enumerate(ids)]


def _corrupted(rng: random.Random) -> tuple[str, str]:
    """One or two spans of a fact become sentinels; the target has them."""
    words, source, target = rng.choice(facts()).split(), [], []
    cuts = sorted(rng.sample(range(1, len(words) + 1), rng.choice([2, 4])))
    spans = [slice(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=True)]
    at = 0
    for number, span in enumerate(spans):
        source += [*words[at : span.start], f"<extra_id_{number}>"]
        target += [f"<extra_id_{number}>", *words[span]]
        at = span.stop
    return " ".join([*source, *words[at:]]), " ".join([*target, f"<extra_id_{len(spans)}>"])


def build_untrained(folder: Path, model_type: str) -> Path:
    """Write a seeded random model of an encoder or encoder-decoder shape, with a byte-level tokenizer."""
    tokenizer = build_tiny_tokenizer()
    tokenizer.add_special_tokens(["<pad>", AddedToken("<mask>", lstrip=True)])
    sizes: dict[str, Any] = {
        "vocab_size": tokenizer.get_vocab_size(),
        "pad_token_id": tokenizer.token_to_id("<pad>"),
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    torch.manual_seed(0)
    model = _UNTRAINED[model_type](sizes)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.mul_(4)  # else the answer hardly depends on the text
    return save(model, tokenizer, folder)


def _bart(sizes: dict[str, Any]) -> Any:
    layers = {"encoder_layers": 2, "decoder_layers": 2}
    heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
    widths = {"d_model": 64, "encoder_ffn_dim": 128, "decoder_ffn_dim": 128, "max_position_embeddings": 128}
    start = {"decoder_start_token_id": 1, "forced_eos_token_id": None}
    config = BartConfig(**sizes, **layers, **heads, **widths, **start, tie_word_embeddings=False)
    return BartForConditionalGeneration(config)


def _mt5(sizes: dict[str, Any]) -> Any:
    widths = {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}
    return MT5ForConditionalGeneration(MT5Config(**sizes, **widths, decoder_start_token_id=0))


def _roberta(sizes: dict[str, Any]) -> Any:
    # Positions begin behind the padding's id, as in the published models.
    positions = sizes["pad_token_id"] + 1 + 64
    return RobertaForMaskedLM(RobertaConfig(**sizes, **_ENCODER, max_position_embeddings=positions))


def _modernbert(sizes: dict[str, Any]) -> Any:
    ids = {"cls_token_id": 1, "sep_token_id": 2}
    config = ModernBertConfig(**sizes, **_ENCODER, **ids, max_position_embeddings=64, local_attention=8)
    return ModernBertForMaskedLM(config)


def _distilbert(sizes: dict[str, Any]) -> Any:
    widths = {"dim": 64, "hidden_dim": 128, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 64}
    return DistilBertForMaskedLM(DistilBertConfig(**sizes, **widths))


_ENCODER = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
_UNTRAINED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "bart": _bart,
    "mt5": _mt5,
    "roberta": _roberta,
    "modernbert": _modernbert,
    "distilbert": _distilbert,
}
