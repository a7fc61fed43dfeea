"""``{{field}}`` in an instruction: plain substitution in one pass, no template language.

A name is whatever a field is called, spaces and braces included; a little white space beside it
does not count. What stands in for it is never looked at again, and braces around anything else are
text.
"""

import re
from collections.abc import Iterable, Iterator

Cut = tuple[str, str | None]  # a stretch of text, and the field that it names


def split(text: str, fields: Iterable[str]) -> Iterator[Cut]:
    """``text`` cut where a field is named; the cuts together are ``text``."""
    names = sorted(fields, key=len, reverse=True)  # of "x" and "x}", the longer one is meant in {{x}}}
    if not names:
        yield text, None
        return
    # White space is bounded: a field that is called " " must not make the search quadratic.
    pattern = re.compile(r"\{\{\s{0,8}(" + "|".join(map(re.escape, names)) + r")\s{0,8}\}\}")
    end = 0
    for found in pattern.finditer(text):
        yield text[end : found.start()], None
        yield found[0], found[1]
        end = found.end()
    yield text[end:], None


def used(text: str, fields: Iterable[str]) -> list[str]:
    """The fields that ``text`` names, in the order in which it first does."""
    return list(dict.fromkeys(name for _, name in split(text, fields) if name is not None))
