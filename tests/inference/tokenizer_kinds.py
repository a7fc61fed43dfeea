"""A small tokenizer of every kind that transformers builds, with the added tokens that models have."""

from __future__ import annotations

import json
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CORPUS = (
    "The city of Paris is nice. The film isn't a joy, it was cold ; do not go !",
    "Größe, naïve, señor, où est la gare ?  東京, 你好, שלום, مرحبا, emoji 🙂🚀👩‍👩‍👧 and e\u0301.",
    "def f(x):\n    return x\n\n\tprint(0123456789)",
)
SPECIAL = ("<s>", "</s>", "<|user|>", "<|end|>")
PLAIN = ("    ", "\n\n", "<think>")
ADDED = (*SPECIAL, *PLAIN)
_BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
_LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
Pieces = tuple[dict[str, int], list[tuple[str, str]]]


def _trained(pre_tokenizer: pre_tokenizers.PreTokenizer, *first: str, suffix: str | None = None) -> Pieces:
    """Vocabulary and merges learnt from the corpus; ``first`` are entries before the learnt ones."""
    ending: dict[str, Any] = {"end_of_word_suffix": suffix} if suffix else {}
    tokenizer = Tokenizer(models.BPE(**ending))
    tokenizer.pre_tokenizer = pre_tokenizer
    alphabet = pre_tokenizers.ByteLevel.alphabet() if "ByteLevel" in repr(pre_tokenizer) else []
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False, **ending)
    tokenizer.train_from_iterator(CORPUS, trainer)
    learnt = json.loads(tokenizer.to_str())["model"]
    words = dict.fromkeys([*first, *sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)])
    return {word: index for index, word in enumerate(words)}, [tuple(pair) for pair in learnt["merges"]]


def _finished(tokenizer: Tokenizer, decoder: decoders.Decoder | None) -> Tokenizer:
    if decoder is not None:
        tokenizer.decoder = decoder
    tokenizer.add_special_tokens([*SPECIAL[:2], AddedToken(SPECIAL[2], rstrip=True, special=True)])
    tokenizer.add_special_tokens([AddedToken(SPECIAL[3], lstrip=True, special=True)])
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in PLAIN[:2]])
    tokenizer.add_tokens([AddedToken(PLAIN[2], lstrip=True, normalized=False)])
    return tokenizer


def byte_level(*, add_prefix_space: bool = False) -> Tokenizer:
    """GPT-2, GPT-NeoX, SmolLM."""
    words = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer = Tokenizer(models.BPE(*_trained(words)))
    tokenizer.pre_tokenizer = words
    return _finished(tokenizer, decoders.ByteLevel())


def byte_level_split() -> Tokenizer:
    """Llama 3, Qwen."""
    split = pre_tokenizers.Split(Regex(_LLAMA3_WORDS), behavior="isolated")
    cut = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer = Tokenizer(models.BPE(*_trained(cut), ignore_merges=True))
    tokenizer.pre_tokenizer = cut
    return _finished(tokenizer, decoders.ByteLevel())


def byte_level_ragged(size: int = 3) -> Tokenizer:
    """A vocabulary whose tokens cut characters anywhere, with an id that has no entry."""
    encode = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str
    spelled = "".join(encode(line)[0][0] for line in CORPUS)
    chunks = [spelled[at : at + size] for at in range(0, len(spelled), size)]
    words = dict.fromkeys([*pre_tokenizers.ByteLevel.alphabet(), *chunks])
    tokenizer = Tokenizer(models.BPE({word: index + (index > 9) for index, word in enumerate(words)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return _finished(tokenizer, decoders.ByteLevel())


def _byte_fallback(first: decoders.Decoder, *last: decoders.Decoder) -> Tokenizer:
    vocabulary, merges = _trained(pre_tokenizers.Metaspace(prepend_scheme="never"), "<unk>", *_BYTES, "▁")
    for rare in "東京你好שלוםمرحبا🙂🚀👩👧éß":  # these become bytes
        vocabulary.pop(rare, None)
    known = [pair for pair in merges if {*pair, "".join(pair)} <= vocabulary.keys()]
    words = {word: index for index, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.BPE(words, known, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    decoder = decoders.Sequence([first, decoders.ByteFallback(), decoders.Fuse(), *last])
    return _finished(tokenizer, decoder)


def llama2() -> Tokenizer:
    """Llama 2 and Mistral as first published: a space is put before every text."""
    tokenizer = _byte_fallback(decoders.Replace("▁", " "), decoders.Strip(" ", 1, 0))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return tokenizer


def mistral() -> Tokenizer:
    """Llama 2 and Mistral later: only the first word gets a space."""
    tokenizer = _byte_fallback(decoders.Replace("▁", " "), decoders.Strip(" ", 1, 0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return tokenizer


def gemma() -> Tokenizer:
    tokenizer = _byte_fallback(decoders.Replace("▁", " "))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    return tokenizer


def metaspace_with_bytes() -> Tokenizer:
    """TIPS v2."""
    tokenizer = _byte_fallback(decoders.Metaspace(prepend_scheme="always"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return tokenizer


def unigram(scheme: str) -> Tokenizer:
    """T5, XLM-RoBERTa, ALBERT."""
    words = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    vocabulary, _ = _trained(words, "<unk>", "▁", "▁▁")
    tokenizer = Tokenizer(models.Unigram([(word, -float(i)) for word, i in vocabulary.items()], unk_id=0))
    tokenizer.pre_tokenizer = words
    return _finished(tokenizer, decoders.Metaspace(prepend_scheme=scheme))


def word_piece(*, cleanup: bool) -> Tokenizer:
    """BERT."""
    words = dict.fromkeys(["[UNK]", "the", "is", "nice", "do", "not", "n't", "'s", "##ing", "##s", "##"])
    letters = {letter for line in CORPUS for letter in line if letter.isprintable() and letter != " "}
    words |= dict.fromkeys([*sorted(letters), *(f"##{letter}" for letter in sorted(letters))])
    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return _finished(tokenizer, decoders.WordPiece(cleanup=cleanup))


def end_of_word() -> Tokenizer:
    """OpenAI GPT, HerBERT: words end with a mark instead of beginning with a space."""
    words = pre_tokenizers.BertPreTokenizer()
    vocabulary, merges = _trained(words, "<unk>", "</w>", suffix="</w>")
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = words
    return _finished(tokenizer, decoders.BPEDecoder(suffix="</w>"))


def word_level() -> Tokenizer:
    """Without a decoder: tokens are joined by spaces."""
    words = dict.fromkeys(["<unk>", *" ".join(CORPUS).split()])
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _finished(tokenizer, None)


KINDS = {
    "byte level": byte_level(),
    "byte level, space before": byte_level(add_prefix_space=True),
    "byte level, split": byte_level_split(),
    "byte level, ragged": byte_level_ragged(),
    "llama 2": llama2(),
    "mistral": mistral(),
    "gemma": gemma(),
    "metaspace with bytes": metaspace_with_bytes(),
    "unigram, always": unigram("always"),
    "unigram, first": unigram("first"),
    "unigram, never": unigram("never"),
    "word piece": word_piece(cleanup=True),
    "word piece as it is": word_piece(cleanup=False),
    "end of word": end_of_word(),
    "word level": word_level(),
}
BYTE_LEVEL = tuple(name for name in KINDS if name.startswith("byte level"))
BYTE_FALLBACK = ("llama 2", "mistral", "gemma", "metaspace with bytes")
EVERY_CHARACTER = (*BYTE_LEVEL, *BYTE_FALLBACK)  # kinds that can write any text
