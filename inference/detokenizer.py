"""Token ids to text as they arrive: whole characters only, no lost spaces."""

from __future__ import annotations

from collections.abc import Sequence as Ids

from tokenizers import Tokenizer

_BROKEN = "\N{REPLACEMENT CHARACTER}"
# The first answer token is decoded after some prompt tokens, so that its leading space stays.
_CONTEXT_TOKENS = 6
# A character has at most four bytes; a longer run of incomplete tokens is not one character.
_MOST_HELD = 4
_MOST_CONTEXT = 64


class Detokenizer:
    """Text of one answer, token by token.

    Tokens are decoded together with a few before them and the difference is the new text, because
    decoders treat the first token of a text specially and a character may span tokens. Special
    tokens have no text. The texts of all pushes and the flush add up to the answer.
    """

    def __init__(self, tokenizer: Tokenizer, prompt_ids: Ids[int]) -> None:
        self._tokenizer = tokenizer
        self._ids = list(prompt_ids[-_CONTEXT_TOKENS:])
        # A broken character at the end of the prompt may be completed by the answer.
        self._prompt_text = self._decode()
        self._sent = len(self._prompt_text.rstrip(_BROKEN))
        self._settled = len(self._ids)
        self._held = 0

    @property
    def complete(self) -> bool:
        """False while the last tokens are the beginning of a character."""
        return self._held == 0

    def push(self, token_id: int) -> str:
        """The text this token adds: empty for the first part of a character."""
        self._ids.append(token_id)
        text = self._decode()
        if not text.endswith(_BROKEN):
            return self._settle(text)
        self._held += 1
        if self._held < _MOST_HELD:
            return ""
        return self._send(text, len(text) - 1)

    def flush(self) -> str:
        """What is left when nothing follows: a replacement character if a character was cut."""
        if self.complete:
            return ""
        self._held = 0
        text = self._decode()
        return self._send(text, len(text))

    def _settle(self, text: str) -> str:
        """All characters are whole: tokens before the last such place are not needed as context any more."""
        new = self._send(text, len(text))
        self._prompt_text = ""
        self._held = 0
        context = self._tokenizer.decode(self._ids[self._settled :], skip_special_tokens=True)
        # Special tokens alone are no context: the token after them would lose its leading space.
        if context or len(self._ids) > _MOST_CONTEXT:
            self._ids = self._ids[self._settled :]
            self._sent = len(context)
        self._settled = len(self._ids)
        return new

    def _send(self, text: str, end: int) -> str:
        if text.startswith(self._prompt_text):  # no character of the prompt was completed
            self._sent = max(self._sent, len(self._prompt_text))
        new = text[self._sent : end]
        self._sent = max(self._sent, end)
        return new

    def _decode(self) -> str:
        return self._tokenizer.decode(self._ids, skip_special_tokens=True)


class TokenTexts:
    """The text of single tokens as shown beside their probability; special tokens by name."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._special = {id for id, token in tokenizer.get_added_tokens_decoder().items() if token.special}
        self._anchor = tokenizer.encode("a", add_special_tokens=False).ids[-1:]
        self._anchor_text = tokenizer.decode(self._anchor)
        self._texts: dict[int, str] = {}

    def __getitem__(self, token_id: int) -> str:
        if token_id not in self._texts:
            self._texts[token_id] = self._text(token_id)
        return self._texts[token_id]

    def _text(self, token_id: int) -> str:
        if token_id in self._special:
            return self._tokenizer.id_to_token(token_id) or ""
        text = self._tokenizer.decode([*self._anchor, token_id])
        return text.removeprefix(self._anchor_text)
