from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.stopping import StopFilter, finish_reason
from inference.types import FinishReason, SamplingParams, Token


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


@settings(max_examples=400, deadline=None)
@given(
    st.text("ab€", max_size=40),
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.lists(st.text("ab€", min_size=1, max_size=4), max_size=3),
)
def test_no_split_leaks_or_loses_text(text: str, lengths: list[int], stops: list[str]) -> None:
    pieces, at = [], 0
    for length in lengths:
        pieces.append(text[at : at + length])
        at += length
    text = "".join(pieces)
    found = [(at + len(stop), at) for stop in stops if (at := text.find(stop)) >= 0]
    released, stopped = sent(tuple(stops), pieces)
    assert "".join(chain.from_iterable(released)) == text[: min(found)[1] if found else len(text)]
    assert stopped == bool(found)


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
