from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.detokenizer import Detokenizer
from inference.stopping import StopFilter, finish_reason
from inference.types import FinishReason, SamplingParams, Token
from tests.inference.tokenizer_kinds import KINDS


def token(text: str, index: int = 0) -> Token:
    return Token("r", index, 7, text, -0.5, 1, ())


def sent(stops: tuple[str, ...], texts: list[str]) -> tuple[list[list[str]], bool]:
    """Texts released after each push and after the flush; and whether a stop string was met."""
    target, released = StopFilter(stops), []
    for index, text in enumerate(texts):
        release = target.push(token(text, index))
        released.append([t.text for t in release.tokens])
        if release.stopped:
            return released, True
    release = target.flush()
    return [*released, [t.text for t in release.tokens]], release.stopped


def test_without_stop_strings_everything_passes_at_once() -> None:
    assert sent((), ["a", "b"]) == ([["a"], ["b"], []], False)


def test_token_is_held_while_it_could_begin_a_stop_string() -> None:
    assert sent(("END",), ["x", "E", "N", "y"]) == ([["x"], [], [], ["E", "N", "y"], []], False)


def test_stop_string_across_tokens_is_never_sent() -> None:
    assert sent(("END",), ["x", "E", "ND", "y"]) == ([["x"], [], []], True)


def test_cut_token_carries_only_what_precedes_the_stop_string() -> None:
    assert sent(("END",), ["x yEN", "D z"]) == ([[], ["x y"]], True)


def test_stop_string_inside_one_token() -> None:
    assert sent(("\n",), ["a\nb"]) == ([["a"]], True)


@pytest.mark.parametrize("pieces", [["abcd"], ["a", "b", "c", "d"]])
def test_stop_string_that_is_complete_first_wins(pieces: list[str]) -> None:
    released, stopped = sent(("abcd", "bc", "bcx", "c"), pieces)
    assert ("".join(chain.from_iterable(released)), stopped) == ("a", True)


def test_answer_that_ends_within_a_possible_stop_string_is_complete() -> None:
    assert sent(("END",), ["x", "EN"]) == ([["x"], [], ["EN"]], False)


def test_incomplete_character_waits_for_its_rest() -> None:
    target = StopFilter(())
    assert target.push(token(""), complete=False).tokens == ()
    assert [t.text for t in target.push(token("€")).tokens] == ["", "€"]


def test_tail_belongs_to_the_last_token() -> None:
    target = StopFilter(())
    target.push(token(""), complete=False)
    assert [t.text for t in target.flush("\N{REPLACEMENT CHARACTER}").tokens] == ["\N{REPLACEMENT CHARACTER}"]


def test_tail_may_complete_a_stop_string() -> None:
    target = StopFilter(("a!",))
    assert target.push(token("xa"), complete=False).tokens == ()
    release = target.flush("!")
    assert (release.stopped, [t.text for t in release.tokens]) == (True, ["x"])


def test_stop_string_that_can_never_be_complete_first_holds_nothing() -> None:
    assert sent(("b", "xabc"), ["x", "a", "c"]) == ([["x"], ["a"], ["c"], []], False)


def test_tokens_before_an_incomplete_one_are_not_held() -> None:
    target = StopFilter(())
    assert target.push(token("a", 0), complete=False).tokens == ()
    assert [t.text for t in target.push(token("b", 1), complete=False).tokens] == ["a"]


# --- against a reference that sees the whole text

ALPHABET = ("a", "b", "€", "🙂", "\n", "<|end|>", "\N{REPLACEMENT CHARACTER}", "e\u0301")
TOKENIZER = KINDS["byte level, ragged"]


def encoded(text: str) -> list[int]:
    return list(TOKENIZER.encode(text).ids)


answer_ids = st.sampled_from(encoded("".join(ALPHABET))) | st.integers(0, TOKENIZER.get_vocab_size())
written = st.lists(st.sampled_from(ALPHABET), max_size=12).map("".join)


@st.composite
def stops_for(draw: st.DrawFn, text: str) -> tuple[str, ...]:
    """Parts of the text, its end and the whole of it, their beginnings, and strings that may not occur."""
    part = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(
        lambda p: text[min(p) : max(p)]
    )
    stop = part | written | st.just(text) | st.just(text[-3:])
    stops = draw(st.lists(stop.filter(bool), max_size=3))
    beginnings = [stop[:-1] for stop in stops if draw(st.booleans())]
    return tuple(filter(None, stops + beginnings))


def cut(text: str, stops: tuple[str, ...]) -> int | None:
    """Where the stop string begins that is complete first; the longest of several that end together."""
    for end in range(1, len(text) + 1):
        if complete := [stop for stop in stops if text.endswith(stop, 0, end)]:
            return end - max(map(len, complete))
    return None


def may_be_cut(text: str, end: int, stops: tuple[str, ...]) -> bool:
    """Is there a continuation after which a stop string takes a part of ``text[:end]``?"""
    ends = (cut(text + stop[at:], stops) for stop in stops for at in range(len(stop)))
    return any(place is not None and place < end for place in ends)


@settings(max_examples=300, deadline=None)
@given(text=written, lengths=st.lists(st.integers(0, 4), max_size=30), data=st.data())
def test_tokens_leave_whole_and_as_early_as_can_be(
    text: str, lengths: list[int], data: st.DataObject
) -> None:
    stops = data.draw(stops_for(text))
    target, out, ends, so_far = StopFilter(stops), list[str](), list[int](), ""
    for index, length in enumerate([*lengths, len(text)]):
        piece = text[len(so_far) : len(so_far) + length]
        so_far += piece
        ends.append(len(so_far))
        release = target.push(token(piece, index))
        out += [t.text for t in release.tokens]
        place = cut(so_far, stops)
        assert release.stopped == (place is not None)
        if release.stopped:
            assert "".join(out) == so_far[:place]
            return
        for number, end in enumerate(ends):
            assert (number < len(out)) != may_be_cut(so_far, end, stops)
    out += [t.text for t in target.flush().tokens]
    assert "".join(out) == text


@settings(max_examples=300, deadline=None)
@given(prompt=written, data=st.data())
def test_nothing_of_a_stop_string_leaves_whatever_the_tokens_cut(prompt: str, data: st.DataObject) -> None:
    ids = data.draw(st.lists(answer_ids, max_size=20) | written.map(encoded))
    text = TOKENIZER.decode(ids)
    stops = data.draw(stops_for(text))
    sent_text, stopped = answer(encoded(prompt), ids, stops)
    place = cut(text, stops)
    assert (sent_text, stopped) == (text[:place], place is not None)


def answer(prompt: list[int], ids: list[int], stops: tuple[str, ...]) -> tuple[str, bool]:
    """What a reader gets when detokenizer and filter work together, and whether a stop string was met."""
    detokenizer, target, got = Detokenizer(TOKENIZER, prompt), StopFilter(stops), ""
    for index, token_id in enumerate(ids):
        text = detokenizer.push(token_id)
        release = target.push(token(text, index), complete=detokenizer.complete)
        got += "".join(t.text for t in release.tokens)
        if release.stopped:
            return got, True
    release = target.flush(detokenizer.flush())
    return got + "".join(t.text for t in release.tokens), release.stopped


@pytest.mark.parametrize(
    ("token_id", "generated", "ignore_eos", "reason"),
    [
        (2, 1, False, FinishReason.STOP),
        (2, 4, False, FinishReason.STOP),
        (2, 1, True, None),
        (2, 4, True, FinishReason.LENGTH),
        (5, 3, False, None),
        (5, 4, False, FinishReason.LENGTH),
    ],
)
def test_finish_reason(token_id: int, generated: int, ignore_eos: bool, reason: FinishReason | None) -> None:
    sampling = SamplingParams(max_new_tokens=4, ignore_eos=ignore_eos)
    assert finish_reason(token_id, generated, sampling, {2}) is reason
