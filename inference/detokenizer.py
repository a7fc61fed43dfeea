"""Token ids to text as they arrive: whole characters only, no lost spaces.

A character may span tokens in two kinds of vocabulary: in byte-level ones every token is a string
of bytes, and in those with byte fallback single bytes are tokens named ``<0xE2>``. Their bytes are
put together here, by the rules of UTF-8. All other tokens are whole characters; what they add
depends on the token before them at most (a word's space), so two are decoded and one is taken off.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from collections.abc import Sequence as Ids
from itertools import islice
from typing import Any

from tokenizers import Tokenizer

_BROKEN = "\N{REPLACEMENT CHARACTER}"
_BYTE_TOKEN = re.compile("<0x([0-9A-Fa-f]{2})>")
# How "surrogateescape" writes bytes that are no character: the byte above U+DC00.
_STRAY = re.compile("[\udc80-\udcff]")
# A character has at most four bytes, and a token that has text at least one.
_TOKENS_OF_A_BEGINNING = 3


def _byte_alphabet() -> dict[str, int]:
    """The characters that stand for bytes in byte-level vocabularies, as GPT-2's encoder.py has them."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(others)}


_BYTE_OF = _byte_alphabet()


class Detokenizer:
    """Text of one answer, token by token.

    Special tokens have no text. The texts of all pushes and the flush add up to what decoding prompt
    and answer together adds to the decoded prompt. One difference is meant: where byte-fallback
    tokens are no valid UTF-8, the library gives up the whole run of them, also the characters that
    were complete; here only the bytes that belong to no character become U+FFFD.
    """

    def __init__(self, tokenizer: Tokenizer, prompt_ids: Ids[int]) -> None:
        self._pieces = _Pieces(tokenizer)
        self._before: tuple[int, ...] = ()  # the last token that has text
        self._begun = b""  # the first bytes of a character
        self._owed = ""  # what the prompt shows of a character that it leaves incomplete
        shown = filter(self._pieces.has_text, reversed(prompt_ids))
        for token_id in reversed([*islice(shown, _TOKENS_OF_A_BEGINNING)]):
            self.push(token_id)
        begun = self._begun
        self._owed, self._begun = self.flush(), begun

    @property
    def complete(self) -> bool:
        """False while the last tokens are the beginning of a character."""
        return not self._begun

    def push(self, token_id: int) -> str:
        """The text that is whole with this token: a character belongs to the token that completes it."""
        if not self._pieces.has_text(token_id):
            return ""
        data = self._pieces.bytes_after(self._before, token_id)
        self._before = (token_id,)
        return self._read(data)

    def flush(self) -> str:
        """What is left when nothing follows: replacement characters if a character was cut."""
        return self._read(b"", final=True)

    def _read(self, data: bytes, *, final: bool = False) -> str:
        data = self._begun + data
        text, used = codecs.utf_8_decode(data, self._pieces.errors, final)
        self._begun = data[used:]
        if not text:
            return ""
        # Unless the answer completes the prompt's last character, its replacement is the prompt's.
        text, self._owed = _STRAY.sub(_BROKEN, text).removeprefix(self._owed), ""
        return text


class TokenTexts(dict[int, str]):
    """The text of single tokens as shown beside their probability, by id; computed once for each.

    It is what the token adds within a text, so words keep their space. Bytes that are no character
    are written ``<0xE2>``, special tokens and others without text by name, unused ids as ``<id 7>``.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        self._pieces = _Pieces(tokenizer)

    def __missing__(self, token_id: int) -> str:
        text = self[token_id] = self._text(token_id)
        return text

    def _text(self, token_id: int) -> str:
        shown = self._pieces.has_text(token_id)
        data = self._pieces.bytes_after((token_id,), token_id) if shown else b""
        text = data.decode("utf-8", "surrogateescape")
        text = _STRAY.sub(lambda stray: f"<0x{ord(stray[0]) - 0xDC00:02X}>", text)
        return text or self._tokenizer.id_to_token(token_id) or f"<id {token_id}>"


class _Pieces:
    """What single tokens stand for."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        kinds = set(_kinds(json.loads(tokenizer.decoder.__getstate__()))) if tokenizer.decoder else set()
        self._byte_level = "ByteLevel" in kinds
        self._byte_fallback = "ByteFallback" in kinds
        # As their decoders do: U+FFFD for each stray byte there, for each broken character here.
        self.errors = "surrogateescape" if self._byte_fallback else "replace"

    def has_text(self, token_id: int) -> bool:
        """False for special tokens and ids without an entry. Twice, for a lone space may be dropped."""
        return bool(self._tokenizer.decode([token_id, token_id], skip_special_tokens=True))

    def bytes_after(self, before: tuple[int, ...], token_id: int) -> bytes:
        """What the token adds to a text that ends with the token ``before``, or begins it."""
        data = self._own_bytes(self._tokenizer.id_to_token(token_id) or "")
        # The decoder has its own way with a space that begins the text.
        if data is not None and (before or not data.isascii()):
            return data
        text = self._tokenizer.decode([*before, token_id])
        return text[len(self._tokenizer.decode(before)) :].encode()

    def _own_bytes(self, entry: str) -> bytes | None:
        if self._byte_level:
            known = all(character in _BYTE_OF for character in entry)
            return bytes(map(_BYTE_OF.__getitem__, entry)) if known else entry.encode()
        byte = self._byte_fallback and _BYTE_TOKEN.fullmatch(entry)
        return bytes.fromhex(byte[1]) if byte else None


def _kinds(decoder: dict[str, Any]) -> Iterator[str]:
    yield decoder["type"]
    for part in decoder.get("decoders", ()):
        yield from _kinds(part)
