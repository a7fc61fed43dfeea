"""Span corruption: what an encoder-decoder writes for each sentinel of its source. No torch.

The source says "The <extra_id_0> walks in <extra_id_1> park", the answer "<extra_id_0> cute dog
<extra_id_1> the <extra_id_2>" (Raffel et al. 2020, "Exploring the Limits of Transfer Learning",
section 3.1.4).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from collections.abc import Sequence as Seq
from dataclasses import dataclass

from tokenizers import Tokenizer

_BROKEN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Span:
    """One sentinel of the source and what the answer has for it."""

    sentinel: str
    start: int  # where it stands in the source, in characters
    end: int
    text: str | None  # None: the answer does not have this sentinel, or not yet


@dataclass(frozen=True, slots=True)
class Alignment:
    """Source and answer of span corruption side by side."""

    spans: tuple[Span, ...]  # in the order of the source
    filled: str  # the source with the spans in it; sentinels without an answer stay
    unused: tuple[str, ...]  # what the answer has beside that, in its order


class Sentinels:
    """Knows the sentinels of a tokenizer: special tokens that differ from another in a number only."""

    def __init__(self, tokenizer: Tokenizer, end_ids: Collection[int] = ()) -> None:
        """``end_ids`` end an answer. ``names`` stays empty for a model that has no sentinels."""
        added = tokenizer.get_added_tokens_decoder()
        special = {id: token.content for id, token in added.items() if token.special}
        kinds = Counter(_kind(name) for name in special.values())
        self.names = {id: n for id, n in special.items() if _kind(n) != n and kinds[_kind(n)] > 1}
        self._tokenizer = tokenizer
        self._end_ids = frozenset(end_ids)
        longest_first = sorted(self.names.values(), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def align(self, source: str, answer: Seq[int] | str) -> Alignment:
        """Give each sentinel of ``source`` its text from the ids, or the text, of an answer.

        The answer may be unfinished: the span that is being written has its text so far, without a
        character of which only a part is there. Text belongs to the sentinel before it, whatever the
        order of the sentinels. Of a sentinel that the answer repeats the first counts; one that the
        source repeats has the same text in every place. Text of the others, text before the first
        sentinel and text of sentinels that the source lacks are ``unused``; the last sentinel, that only
        closes the answer, has none. An end token ends the answer; other special tokens have no text.
        """
        pieces = self._split_text(answer) if isinstance(answer, str) else self._split_ids(answer)
        places = [(match[0], *match.span()) for match in self._pattern.finditer(source)]
        asked = {name for name, _, _ in places}
        texts: dict[str, str] = {}
        unused = []
        for name, text in pieces:
            if name in asked and name not in texts:
                texts[name] = text
            elif text:
                unused.append(text)
        spans = tuple(Span(name, start, end, texts.get(name)) for name, start, end in places)
        return Alignment(spans, _filled(source, spans), tuple(unused))

    def _split_ids(self, ids: Seq[int]) -> list[tuple[str, str]]:
        """Sentinel and text behind it; the first has no sentinel."""
        pieces: list[tuple[str, list[int]]] = [("", [])]
        for id in ids:
            if id in self._end_ids:
                pieces.append(("", []))  # the last span is closed
                break
            if id in self.names:
                pieces.append((self.names[id], []))
            else:
                pieces[-1][1].append(id)
        texts = [(name, self._tokenizer.decode(piece, skip_special_tokens=True)) for name, piece in pieces]
        return _stripped(texts)

    def _split_text(self, answer: str) -> list[tuple[str, str]]:
        starts = list(self._pattern.finditer(answer))
        ends = [*(match.start() for match in starts), len(answer)]
        texts = [answer[match.end() : end] for match, end in zip(starts, ends[1:], strict=True)]
        return _stripped([("", answer[: ends[0]]), *zip((m[0] for m in starts), texts, strict=True)])


def _kind(name: str) -> str:
    """Sentinels of one kind have the same: the name with its number taken out."""
    return re.sub(r"\d+", "", name, count=1)


def _stripped(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    name, text = pieces[-1]
    return [(name, text.strip()) for name, text in (*pieces[:-1], (name, text.rstrip(_BROKEN)))]


def _filled(source: str, spans: Seq[Span]) -> str:
    """Spaces are those of the source; a span without text takes the space before it along."""
    parts, at = [], 0
    for span in spans:
        before = source[at : span.start]
        if span.text == "" and source[span.end : span.end + 1] in ("", " "):
            before = before.removesuffix(" ")
        parts += [before, span.sentinel if span.text is None else span.text]
        at = span.end
    return "".join([*parts, source[at:]])
