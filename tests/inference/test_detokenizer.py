from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from inference.detokenizer import Detokenizer, TokenTexts
from tests.inference.tiny import build_tiny_tokenizer

BYTES = build_tiny_tokenizer()
BROKEN = "\N{REPLACEMENT CHARACTER}"


def metaspace_tokenizer() -> Tokenizer:
    """The sentencepiece kind: words carry their leading space, unknown characters are byte tokens."""
    words = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    words += ["▁", "▁Paris", "▁is", "▁nice", "▁The", "▁city", "s", ".", "a", "▁a"]
    tokenizer = Tokenizer(
        models.BPE({w: i for i, w in enumerate(words)}, [], byte_fallback=True, fuse_unk=True)
    )
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


METASPACE = metaspace_tokenizer()


def ids(tokenizer: Tokenizer, *tokens: str) -> list[int]:
    found = [tokenizer.token_to_id(token) for token in tokens]
    known = [token_id for token_id in found if token_id is not None]
    assert len(known) == len(tokens)
    return known


def texts(tokenizer: Tokenizer, prompt: list[int], answer: list[int]) -> list[str]:
    target = Detokenizer(tokenizer, prompt)
    pieces = [target.push(token_id) for token_id in answer]
    rest = target.flush()
    return [*pieces, rest] if rest else pieces


@settings(max_examples=300, deadline=None)
@example(prompt="\N{REPLACEMENT CHARACTER}", answer="0")
@example(prompt="", answer="\N{REPLACEMENT CHARACTER}")
@given(prompt=st.text(max_size=30), answer=st.text(max_size=30))
def test_pieces_of_any_text_add_up(prompt: str, answer: str) -> None:
    prompt_ids, answer_ids = BYTES.encode(prompt).ids, BYTES.encode(answer).ids
    pieces = texts(BYTES, prompt_ids, answer_ids)
    assert "".join(pieces) == answer
    assert not any(BROKEN in piece for piece in pieces if BROKEN not in answer)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(3, BYTES.get_vocab_size() - 1), max_size=40))
def test_pieces_of_any_tokens_add_up_to_the_decoded_whole(answer: list[int]) -> None:
    target = Detokenizer(BYTES, ())
    text = "".join([target.push(token_id) for token_id in answer])
    assert text + target.flush() == BYTES.decode(answer)


def test_half_a_character_is_held_and_completed() -> None:
    euro = BYTES.encode("€").ids
    assert len(euro) == 3
    assert texts(BYTES, [], euro) == ["", "", "€"]


def test_character_cut_by_the_end_becomes_a_replacement_character() -> None:
    target = Detokenizer(BYTES, ())
    assert [target.push(token_id) for token_id in BYTES.encode("€").ids[:2]] == ["", ""]
    assert not target.complete
    assert target.flush() == BROKEN
    assert target.flush() == ""


def test_character_begun_by_the_prompt_is_completed() -> None:
    euro = BYTES.encode("€").ids
    assert texts(BYTES, euro[:2], euro[2:]) == ["€"]


def test_long_run_of_broken_bytes_is_not_held_for_ever() -> None:
    target = Detokenizer(BYTES, ())
    stray = BYTES.encode("€").ids[1]
    pieces = [target.push(stray) for _ in range(20)]
    assert "".join(pieces) == BROKEN * 19


def test_special_tokens_have_no_text() -> None:
    (special,) = ids(BYTES, "<|im_end|>")
    assert texts(BYTES, [], [special, *BYTES.encode("a").ids, special]) == ["", "a", ""]


@pytest.mark.parametrize("prompt", [["▁The", "▁city"], ["▁The"], ["<s>", "▁a"]])
def test_leading_space_of_the_first_word_is_kept(prompt: list[str]) -> None:
    answer = ids(METASPACE, "▁Paris", "▁is", "▁nice", ".")
    assert texts(METASPACE, ids(METASPACE, *prompt), answer) == [" Paris", " is", " nice", "."]


def test_space_after_a_special_token_is_kept() -> None:
    answer = ids(METASPACE, "</s>", "▁Paris", "</s>", "▁is")
    assert texts(METASPACE, ids(METASPACE, "▁The"), answer) == ["", " Paris", "", " is"]


def test_byte_tokens_join_into_a_character() -> None:
    euro = ids(METASPACE, "<0xE2>", "<0x82>", "<0xAC>", "s")
    assert texts(METASPACE, ids(METASPACE, "▁The"), euro) == ["", "", "€", "s"]


def test_text_of_single_tokens() -> None:
    shown = TokenTexts(METASPACE)
    assert [shown[i] for i in ids(METASPACE, "▁Paris", "s", "</s>")] == [" Paris", "s", "</s>"]
    assert TokenTexts(BYTES)[BYTES.encode("€").ids[0]] == BROKEN
