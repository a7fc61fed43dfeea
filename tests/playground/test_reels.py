"""Any browser, from any cursor, ends up with the text of the tape."""

import json
import uuid
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from playground.consumers.reels import Reel
from playground.events import Entry, EntryId

RUN = uuid.UUID(int=1)


def entry(attempt: int, seq: int, kind: str, text: str = "", **fields: Any) -> Entry:
    tokens = [{"t": character} for character in text]
    body: dict[str, dict[str, Any]] = {
        "delta": {"text": text, "tokens": tokens, "at": 0},
        "snapshot": {"text": text, "tokens": tokens},
    }
    return Entry(EntryId(attempt, seq), {"type": kind, **body.get(kind, {}), **fields})


def tape(attempt: int, texts: list[str], status: str | None = "succeeded") -> list[Entry]:
    """start, one delta for each text, end."""
    entries = [entry(attempt, 1, "start", prompt_tokens=3, cached_tokens=0)]
    entries += [entry(attempt, seq, "delta", text) for seq, text in enumerate(texts, 2)]
    ending = [entry(attempt, len(texts) + 2, "end", status=status)] if status else []
    return entries + ending


class Screen:
    """What static/js/models/token_buffer.js keeps of the frames."""

    def __init__(self) -> None:
        self.text = ""
        self.cursor: EntryId | None = None
        self.ends = 0

    def look(self, reel: Reel) -> None:
        for frame in reel.frames_after(self.cursor):
            if frame["op"] == "start":
                self.text = ""
            elif frame["op"] == "delta":
                self.text += frame["text"]
            elif frame["op"] == "reset":
                self.text = frame["snapshot"]["text"]
            elif frame["op"] == "end":
                self.ends += 1
            self.cursor = EntryId.parse(frame["id"])


def reel_of(entries: list[Entry]) -> Reel:
    reel = Reel(RUN)
    for item in entries:
        reel.apply(item)
    return reel


texts = st.lists(st.text(max_size=4), max_size=8)


@given(texts, st.lists(st.integers(0, 9), max_size=4))
def test_looking_at_any_moments_gives_the_whole_text(parts: list[str], moments: list[int]) -> None:
    reel, screen = Reel(RUN), Screen()
    for number, item in enumerate(tape(1, parts)):
        reel.apply(item)
        if number in moments:
            screen.look(reel)
    screen.look(reel)
    assert (screen.text, screen.ends) == ("".join(parts), 1)
    assert reel.frames_after(screen.cursor) == []


@given(texts, texts, st.integers(0, 12))
def test_a_second_attempt_replaces_the_first(first: list[str], second: list[str], moment: int) -> None:
    reel, screen = Reel(RUN), Screen()
    for number, item in enumerate([*tape(1, first, status=None), *tape(2, second)]):
        reel.apply(item)
        if number == moment:
            screen.look(reel)
    screen.look(reel)
    assert screen.text == "".join(second)


@given(texts, st.integers(1, 10))
def test_resuming_from_any_cursor(parts: list[str], seq: int) -> None:
    reel = reel_of(tape(1, parts))
    screen = Screen()
    screen.cursor = min(EntryId(1, seq), reel.top)
    screen.text = "".join(parts[: max(0, screen.cursor.seq - 1)])
    screen.look(reel)
    assert screen.text == "".join(parts)


@given(texts)
def test_repeats_and_late_entries_of_an_old_attempt_change_nothing(parts: list[str]) -> None:
    entries = tape(2, parts)
    reel = reel_of([*entries, *entries, entry(1, 99, "delta", "from the past")])
    assert reel.text == "".join(parts)


def test_a_snapshot_goes_on_where_the_lost_tape_was() -> None:
    reel, screen = reel_of(tape(1, ["a", "b"], status=None)), Screen()
    screen.look(reel)
    reel.apply(entry(1, 4, "snapshot", "abc"))
    screen.look(reel)
    reel.apply(entry(1, 5, "delta", "d"))
    screen.look(reel)
    assert screen.text == "abcd"


def test_a_reader_that_was_never_there_gets_a_snapshot_tape_too() -> None:
    reel, screen = reel_of([entry(1, 4, "snapshot", "abc"), entry(1, 5, "delta", "d")]), Screen()
    screen.look(reel)
    assert screen.text == "abcd"


def test_a_tape_without_its_head_waits_for_the_row() -> None:
    reel = reel_of([entry(1, 7, "delta", "tail"), entry(1, 8, "end", status="succeeded")])
    assert reel.ending is None


@given(texts, st.integers(0, 9))
def test_what_is_written_once_for_many_sockets_is_what_each_must_hear(parts: list[str], seq: int) -> None:
    reel = Reel(RUN)
    for item in tape(1, parts):
        reel.apply(item)
        for cursor in (None, min(EntryId(1, seq), reel.top), reel.top):
            written = reel.written_after(cursor)
            assert [json.loads(text) for _, text in written] == reel.frames_after(cursor)
            assert reel.written_after(cursor) is written
