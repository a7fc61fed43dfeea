"""Sentinel spans: every kind of answer a model may give, the trained one's included."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from inference.encoder_decoder import start_ids
from inference.loader import load_model
from inference.spans import Alignment, Sentinels
from tests.inference.tiny import build_tiny_tokenizer
from tests.inference.tiny_families import CAPITALS, build_sentinel_tokenizer, build_wordpiece

SOURCE = "the <extra_id_0> of peru is <extra_id_1>"
BOTH = "the capital of peru is lima"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return build_sentinel_tokenizer()


@pytest.fixture(scope="module")
def sentinels(tokenizer: Tokenizer) -> Sentinels:
    return Sentinels(tokenizer, end_ids={1})


def encoded(tokenizer: Tokenizer, text: str) -> list[int]:
    """Special tokens in the text are taken as such, as a model writes them."""
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def texts(alignment: Alignment) -> list[str | None]:
    return [span.text for span in alignment.spans]


def test_sentinels_are_found_in_the_tokenizer(sentinels: Sentinels) -> None:
    assert list(sentinels.names.values()) == [f"<extra_id_{number}>" for number in range(4)]


def test_other_names_are_found_too() -> None:
    tokenizer = build_tiny_tokenizer()
    tokenizer.add_special_tokens(["<|gap1|>", "<|gap10|>", "<|gap2|>", "<only_7>"])
    sentinels = Sentinels(tokenizer)
    assert sorted(sentinels.names.values()) == ["<|gap10|>", "<|gap1|>", "<|gap2|>"]
    ids = tokenizer.encode("<|gap10|> film<|gap1|> 東京 🙂").ids
    alignment = sentinels.align("a <|gap1|> and <|gap10|>.", ids)
    assert alignment.filled == "a 東京 🙂 and film."


def test_tokenizer_without_sentinels_aligns_nothing() -> None:
    sentinels = Sentinels(build_wordpiece())
    assert sentinels.names == {}
    assert sentinels.align("my dog", "barks") == Alignment((), "my dog", ("barks",))


@pytest.mark.parametrize(
    ("answer", "wanted", "filled", "unused"),
    [
        ("<extra_id_0>capital<extra_id_1>lima<extra_id_2></s>", ["capital", "lima"], BOTH, ()),
        ("<pad><extra_id_0>capital<extra_id_1>lima", ["capital", "lima"], BOTH, ()),
        # out of order
        ("<extra_id_1>lima<extra_id_0>capital</s>", ["capital", "lima"], BOTH, ()),
        # missing: its sentinel stays
        ("<extra_id_1>lima</s>", [None, "lima"], "the <extra_id_0> of peru is lima", ()),
        ("", [None, None], SOURCE, ()),
        # repeated: the first counts
        ("<extra_id_0>capital<extra_id_1>lima<extra_id_0>rome", ["capital", "lima"], BOTH, ("rome",)),
        # not asked for, and before any sentinel
        (
            "rome<extra_id_0>capital<extra_id_3>egypt<extra_id_1>lima",
            ["capital", "lima"],
            BOTH,
            ("rome", "egypt"),
        ),
        # nothing comes after the end
        (
            "<extra_id_0>capital</s><extra_id_1>lima",
            ["capital", None],
            "the capital of peru is <extra_id_1>",
            (),
        ),
        # an empty span takes one space along
        ("<extra_id_0><extra_id_1>lima</s>", ["", "lima"], "the of peru is lima", ()),
    ],
)
def test_answers_are_aligned(
    sentinels: Sentinels,
    tokenizer: Tokenizer,
    answer: str,
    wanted: list[str | None],
    filled: str,
    unused: tuple[str, ...],
) -> None:
    alignment = sentinels.align(SOURCE, encoded(tokenizer, answer))
    assert (texts(alignment), alignment.filled, alignment.unused) == (wanted, filled, unused)
    assert [SOURCE[span.start : span.end] for span in alignment.spans] == ["<extra_id_0>", "<extra_id_1>"]


def test_text_is_aligned_like_ids(sentinels: Sentinels) -> None:
    alignment = sentinels.align(SOURCE, "so <extra_id_1> lima <extra_id_0> capital <extra_id_2>")
    assert (texts(alignment), alignment.filled) == (["capital", "lima"], BOTH)
    assert alignment.unused == ("so",)


def test_sentinel_that_the_source_repeats_has_one_text(sentinels: Sentinels) -> None:
    alignment = sentinels.align("<extra_id_0>, <extra_id_0>!", "<extra_id_0> rome")
    assert alignment.filled == "rome, rome!"


def test_partial_answers_grow(sentinels: Sentinels, tokenizer: Tokenizer) -> None:
    ids = encoded(tokenizer, "<extra_id_0>capital of<extra_id_1>lima</s>")
    steps = [texts(sentinels.align(SOURCE, ids[:count])) for count in range(len(ids) + 1)]
    assert steps == [
        [None, None],
        ["", None],
        ["capital", None],
        ["capital of", None],
        ["capital of", ""],
        ["capital of", "lima"],
        ["capital of", "lima"],
    ]


def test_part_of_a_character_is_not_shown() -> None:
    tokenizer = build_tiny_tokenizer(270)
    tokenizer.add_special_tokens(["<1>", "<2>"])
    sentinels = Sentinels(tokenizer)
    ids = tokenizer.encode("<1>a🙂").ids
    assert len(ids) == 6
    shown = [texts(sentinels.align("<1>", ids[:count]))[0] for count in range(1, 7)]
    assert shown == ["", "a", "a", "a", "a", "a🙂"]


def test_trained_model_fills_the_spans(sentinels: Sentinels, t5_folder: Path) -> None:
    loaded = load_model(t5_folder, dtype="float32", device="cpu", family="encoder-decoder")
    assert start_ids(loaded.model) == (0,)
    for country, city in CAPITALS.items():
        for gap, wanted in ((country, "<extra_id_0>"), (city, "<extra_id_0>")):
            fact = f"the capital of {country} is {city}"
            source = fact.replace(gap, wanted)
            ids = torch.tensor([loaded.tokenizer.encode(source).ids])
            answer = loaded.model.generate(ids, max_new_tokens=8, do_sample=False)[0].tolist()
            assert sentinels.align(source, answer).filled == fact
