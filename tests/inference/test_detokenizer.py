from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from inference.detokenizer import Detokenizer, TokenTexts
from tests.inference.tokenizer_kinds import (
    ADDED,
    BYTE_FALLBACK,
    BYTE_LEVEL,
    CORPUS,
    EVERY_CHARACTER,
    KINDS,
    SPECIAL,
)

BROKEN = "\N{REPLACEMENT CHARACTER}"
every_kind = pytest.mark.parametrize("kind", KINDS)

scripts = st.sampled_from(
    [*CORPUS, "👩‍👩‍👧", "e\u0301", "שלום", "\u202e", BROKEN, "▁", "##", "  ", "\x01", "€"]
)
texts = st.lists(scripts | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=5).map(
    "".join
)


@cache
def ids_of(kind: str) -> st.SearchStrategy[list[int]]:
    """Any ids, also ones without an entry; half of them such as hold a part of a character."""
    tokenizer = KINDS[kind]
    everything = range(tokenizer.get_vocab_size() + 3)
    parts = [index for index in everything if re.search(r"<0x[^0-7]|<0x20", TokenTexts(tokenizer)[index])]
    return st.lists(st.sampled_from(parts or everything) | st.sampled_from(everything), max_size=25)


def ids(tokenizer: Tokenizer, *tokens: str) -> list[int]:
    found = [tokenizer.token_to_id(token) for token in tokens]
    known = [token_id for token_id in found if token_id is not None]
    assert len(known) == len(tokens)
    return known


def pieces(tokenizer: Tokenizer, prompt: Sequence[int], answer: Sequence[int]) -> list[str]:
    target = Detokenizer(tokenizer, prompt)
    pushed = [target.push(token_id) for token_id in answer]
    rest = target.flush()
    return [*pushed, rest] if rest else pushed


def decode(kind: str, token_ids: Sequence[int]) -> str:
    """The library's text, but a run of byte tokens keeps its whole characters when another is broken."""
    tokenizer = KINDS[kind]
    if kind not in BYTE_FALLBACK:
        return tokenizer.decode(token_ids)
    entries = [tokenizer.id_to_token(index) for index in token_ids]
    visible = [entry for entry in entries if entry is not None and entry not in SPECIAL]
    joined: list[str] = []
    for is_byte, run in groupby(visible, lambda entry: re.fullmatch("<0x..>", entry) is not None):
        entries_of_run = list(run)
        data = bytes(int(entry[3:5], 16) for entry in entries_of_run if is_byte)
        joined += characters(data) if is_byte else entries_of_run
    return str(tokenizer.decoder.decode(joined))


def characters(data: bytes) -> Iterator[str]:
    """SentencePiece's reading: whole characters, and U+FFFD for each byte that belongs to none."""
    while data:
        whole = [end for end in range(1, 5) if is_character(data[:end])]
        yield data[: whole[0]].decode() if whole else BROKEN
        data = data[whole[0] if whole else 1 :]


def is_character(data: bytes) -> bool:
    try:
        return len(data.decode()) == 1
    except UnicodeDecodeError:
        return False


def added(before: str, whole: str) -> str:
    """What ``whole`` has after ``before``; a character that it completes is all its own."""
    common = next(
        (at for at, pair in enumerate(zip(before, whole, strict=False)) if len({*pair}) > 1), len(before)
    )
    return whole[common:]


# --- every kind of tokenizer


@every_kind
@settings(max_examples=40, deadline=None)
@given(prompt=texts, answer=texts, data=st.data())
def test_pieces_of_any_text_add_up(kind: str, prompt: str, answer: str, data: st.DataObject) -> None:
    tokenizer = KINDS[kind]
    prompt_ids, answer_ids = tokenizer.encode(prompt).ids, tokenizer.encode(answer).ids
    if data.draw(st.booleans()):
        prompt_ids += ids(tokenizer, "<|end|>", "<|user|>")
    got = pieces(tokenizer, prompt_ids, answer_ids)
    assert "".join(got) == added(tokenizer.decode(prompt_ids), tokenizer.decode(prompt_ids + answer_ids))
    assert answer.count(BROKEN) >= "".join(got).count(BROKEN)


@every_kind
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_pieces_of_any_ids_are_whole_and_in_time(kind: str, data: st.DataObject) -> None:
    prompt, answer = data.draw(ids_of(kind)), data.draw(ids_of(kind))
    before = decode(kind, prompt)
    target = Detokenizer(KINDS[kind], prompt)
    sent = ""
    for count, token_id in enumerate(answer, 1):
        sent += target.push(token_id)
        due = added(before, decode(kind, [*prompt, *answer[:count]]))
        if target.complete:
            assert sent == due
        else:
            assert due.startswith(sent)
            assert set(due[len(sent) :]) <= {BROKEN}
    assert sent + target.flush() == added(before, decode(kind, [*prompt, *answer]))
    assert target.complete
    assert target.flush() == ""


@pytest.mark.parametrize("kind", EVERY_CHARACTER)
@settings(max_examples=40, deadline=None)
@example(prompt=BROKEN, answer="0")
@example(prompt="", answer=BROKEN)
@given(prompt=texts, answer=texts.filter(lambda text: not any(token in text for token in ADDED)))
def test_no_character_and_no_space_is_changed(kind: str, prompt: str, answer: str) -> None:
    tokenizer = KINDS[kind]
    prompt_ids = [*tokenizer.encode(prompt).ids, *tokenizer.encode("x").ids]
    text = "".join(pieces(tokenizer, prompt_ids, tokenizer.encode(answer).ids))
    expected = answer if kind in BYTE_LEVEL else answer.replace("▁", " ")
    # Some kinds put a space before every text that they encode.
    assert text in (expected, f" {expected}")


@every_kind
def test_decoding_costs_the_same_at_any_length(kind: str) -> None:
    counting = CountingTokenizer(KINDS[kind])
    tokenizer = cast(Tokenizer, counting)
    line = KINDS[kind].encode(CORPUS[0] + CORPUS[1]).ids
    target = Detokenizer(tokenizer, line * 50)
    answer = (line * 3000)[:3000]
    counting.lengths.clear()
    for token_id in answer:
        target.push(token_id)
    assert max(counting.lengths) <= 2
    assert len(counting.lengths) <= 3 * len(answer)


class CountingTokenizer:
    """Notes how many ids each decoding had."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.decoder = tokenizer.decoder
        self.id_to_token = tokenizer.id_to_token
        self.lengths: list[int] = []
        self._tokenizer = tokenizer

    def decode(self, token_ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        self.lengths.append(len(token_ids))
        return self._tokenizer.decode(token_ids, skip_special_tokens=skip_special_tokens)


@every_kind
def test_special_tokens_have_no_text(kind: str) -> None:
    tokenizer = KINDS[kind]
    marks = ids(tokenizer, *SPECIAL)
    word = tokenizer.encode("is").ids[-1:]
    assert pieces(tokenizer, marks, [*marks, *word, *marks])[4:5] == [tokenizer.decode(word)]
    assert "".join(pieces(tokenizer, marks, marks)) == ""


# --- characters


@pytest.mark.parametrize("kind", ["byte level, ragged", *BYTE_FALLBACK])
def test_half_a_character_is_held_and_completed(kind: str) -> None:
    tokenizer = KINDS[kind]
    face = tokenizer.encode("x🙂").ids[-4:]
    for of_prompt in range(4):
        expected = ["", "", "", "🙂"][of_prompt:]
        assert pieces(tokenizer, face[:of_prompt], face[of_prompt:]) == expected


def test_character_cut_by_the_end_becomes_a_replacement_character() -> None:
    euro = KINDS["byte level"].encode("€").ids
    target = Detokenizer(KINDS["byte level"], ())
    assert [target.push(token_id) for token_id in euro[:2]] == ["", ""]
    assert not target.complete
    assert target.flush() == BROKEN


def test_character_that_the_prompt_cut_is_not_the_answers_when_it_stays_broken() -> None:
    tokenizer = KINDS["byte level"]
    assert pieces(tokenizer, tokenizer.encode("€").ids[:2], tokenizer.encode("a").ids) == ["a"]


def test_special_token_within_a_character_does_not_break_it() -> None:
    tokenizer = KINDS["byte level"]
    first, *rest = tokenizer.encode("€").ids
    assert pieces(tokenizer, [], [first, *ids(tokenizer, "</s>"), *rest])[-1] == "€"


def test_replacement_character_that_was_meant_is_sent_at_once() -> None:
    tokenizer = KINDS["byte level"]
    assert pieces(tokenizer, [], tokenizer.encode(BROKEN + "a").ids)[-2:] == [BROKEN, "a"]


def test_stray_bytes_are_not_held() -> None:
    target = Detokenizer(KINDS["byte level"], ())
    stray = KINDS["byte level"].encode("€").ids[1]
    assert [target.push(stray) for _ in range(20)] == [BROKEN] * 20


def test_broken_byte_token_does_not_take_back_whole_characters() -> None:
    tokenizer = KINDS["llama 2"]
    run = ids(tokenizer, "<0xE2>", "<0x82>", "<0xAC>", "<0xE2>", "a")
    assert pieces(tokenizer, [], run) == ["", "", "€", "", f"{BROKEN}a"]


# --- spaces


@pytest.mark.parametrize("kind", ["llama 2", "mistral", "gemma", "metaspace with bytes", "unigram, always"])
@pytest.mark.parametrize("prompt", [["▁city"], ["▁city", "</s>", "<|user|>"], ["<s>", "▁", "<|end|>"]])
def test_leading_space_of_the_first_word_is_kept(kind: str, prompt: list[str]) -> None:
    tokenizer = KINDS[kind]
    answer = ids(tokenizer, "▁is", "</s>", "▁is", "s")
    assert pieces(tokenizer, ids(tokenizer, *prompt), answer) == [" is", "", " is", "s"]


def test_space_of_the_first_word_is_kept_after_any_number_of_special_tokens() -> None:
    tokenizer = KINDS["mistral"]
    prompt = ids(tokenizer, "▁city", *["</s>"] * 200)
    assert pieces(tokenizer, prompt, ids(tokenizer, "▁is")) == [" is"]


@pytest.mark.parametrize(("prompt", "first"), [([], ""), (["</s>"], ""), (["s"], " ")])
def test_space_that_begins_all_text_is_the_decoders_matter(prompt: list[str], first: str) -> None:
    answer = ids(KINDS["mistral"], "<0x20>", "▁is")
    assert pieces(KINDS["mistral"], ids(KINDS["mistral"], *prompt), answer) == [first, " is"]


def test_words_of_bert_are_joined() -> None:
    tokenizer = KINDS["word piece"]
    answer = ids(tokenizer, "is", "##ing", "the", ".", "n't")
    assert pieces(tokenizer, ids(tokenizer, "nice"), answer) == [" is", "ing", " the", ".", "n't"]


def test_space_after_a_finished_word_comes_with_the_next() -> None:
    tokenizer = KINDS["end of word"]
    answer = ids(tokenizer, "is</w>", "</s>", "i", "s</w>")
    assert pieces(tokenizer, ids(tokenizer, "is</w>"), answer) == [" is", "", " i", "s"]


# --- text of single tokens


@every_kind
def test_every_id_has_a_text_to_show(kind: str) -> None:
    tokenizer = KINDS[kind]
    shown = TokenTexts(tokenizer)
    for token_id in range(tokenizer.get_vocab_size() + 64):
        entry = tokenizer.id_to_token(token_id)
        if entry is None:
            assert shown[token_id] == f"<id {token_id}>"
        elif entry in SPECIAL:
            assert shown[token_id] == entry
        else:
            check_shown(kind, token_id, shown[token_id])


def check_shown(kind: str, token_id: int, shown: str) -> None:
    """Stray bytes put back, it is what the token adds after a whole word."""
    tokenizer = KINDS[kind]
    word = tokenizer.encode("is").ids[-1:]
    before = decode(kind, word)
    stray = r"<0x([89A-F][0-9A-F])>"
    expected = decode(kind, [*word, token_id]).removeprefix(before) or str(tokenizer.id_to_token(token_id))
    if kind == "end of word":  # the space is that of the word before
        shown, expected = shown.strip(" "), expected.strip(" ")
    assert re.sub(f"({stray})+", "", shown) == expected.replace(BROKEN, "")
    assert bool(re.search(stray, shown)) == (BROKEN in expected)


@pytest.mark.parametrize("kind", BYTE_LEVEL)
@settings(max_examples=40, deadline=None)
@given(text=texts)
def test_shown_texts_hold_every_byte(kind: str, text: str) -> None:
    tokenizer = KINDS[kind]
    shown = "".join(map(TokenTexts(tokenizer).__getitem__, tokenizer.encode(text).ids)).encode()
    joined = re.sub(rb"<0x([89A-F][0-9A-F])>", lambda byte: bytes.fromhex(byte[1].decode()), shown)
    named = re.sub("|".join(map(re.escape, SPECIAL)), "", joined.decode())
    assert named == tokenizer.decode(tokenizer.encode(text).ids)


@pytest.mark.parametrize(
    ("kind", "token", "shown"),
    [
        ("mistral", "▁is", " is"),
        ("mistral", "s", "s"),
        ("mistral", "▁", " "),
        ("mistral", "<0xE2>", "<0xE2>"),
        ("mistral", "<0x0A>", "\n"),
        ("unigram, always", "▁▁", "  "),
        ("word piece", "##ing", "ing"),
        ("word piece", "nice", " nice"),
        ("byte level", "Ġ", " "),
        ("byte level", "â", "<0xE2>"),
        ("word piece", "##", "##"),
    ],
)
def test_single_tokens_are_shown_as_they_add_to_a_text(kind: str, token: str, shown: str) -> None:
    tokenizer = KINDS[kind]
    assert TokenTexts(tokenizer)[ids(tokenizer, token)[0]] == shown


def test_a_text_is_computed_once() -> None:
    counting = CountingTokenizer(KINDS["mistral"])
    shown = TokenTexts(cast(Tokenizer, counting))
    first = [shown[index] for index in range(300)]
    counting.lengths.clear()
    assert [shown[index] for index in range(300)] == first
    assert counting.lengths == []
