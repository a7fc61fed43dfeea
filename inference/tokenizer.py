"""A model's tokenizer and chat template without torch: what the web program needs to show a prompt.

Tokens that a template writes to steer the model are *control tokens* here. Text that a person typed
never becomes one: :meth:`PromptTokenizer.encode_guarded` encodes it as the characters it consists of.
"""

from __future__ import annotations

import json
import secrets
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from inference.detokenizer import Detokenizer, TokenTexts
from inference.template import ChatTemplate, TemplateError
from inference.types import Message

_ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_WINDOW_KEYS = ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length")
_NO_LIMIT = 10**9  # transformers writes a huge model_max_length where there is no limit

Range = tuple[int, int]  # start and end in characters (code points)


class TokenizerError(Exception):
    """The tokenizer of a model cannot be used; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids, and for each the characters of the text it stands for.

    Tokens that stand for no text, such as a beginning-of-sequence token, have an empty range. Tokens
    that hold parts of one character share its range.
    """

    ids: tuple[int, ...]
    ranges: tuple[Range, ...]


class PromptTokenizer:
    """Encodes, decodes and renders for one model. Load it with :meth:`load`; threads may share it."""

    def __init__(
        self, tokenizer: Tokenizer, template: ChatTemplate | None, window: int, eos_ids: frozenset[int]
    ) -> None:
        self._tokenizer = tokenizer
        self._template = template
        self.window = window  # tokens of prompt and answer together
        self.eos_ids = eos_ids  # each of them ends an answer
        added = tokenizer.get_added_tokens_decoder()
        self.special_ids = frozenset(index for index, token in added.items() if token.special)
        self.control_tokens = {
            token.content: index for index, token in added.items() if self._is_control(token)
        }
        self._control_ids = frozenset(self.control_tokens.values())

    @classmethod
    def load(cls, folder: Path, window: int | None = None) -> PromptTokenizer:
        """Reads the tokenizer of an installed model; ``window`` overrides the one in config.json.

        Raises TokenizerError when the folder is missing or not complete.
        """
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise TokenizerError(
                f"{folder.name} has no tokenizer.json; run `make setup` to install the model."
            )
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more exact
            raise TokenizerError(f"The tokenizer.json of {folder.name} cannot be read: {error}.") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        config, tokenizer_config = _json(folder / "config.json"), _json(folder / "tokenizer_config.json")
        return cls(
            tokenizer,
            _template(folder, tokenizer_config),
            window or _window(folder, config, tokenizer_config),
            _eos_ids(_json(folder / "generation_config.json"), config, tokenizer_config, tokenizer),
        )

    @property
    def has_chat_template(self) -> bool:
        return self._template is not None

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, added tokens included."""
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str, *, whole: bool = False) -> Encoded:
        """Encodes ``text`` as transformers does; with ``whole`` its begin and end tokens are added."""
        encoding = self._tokenizer.encode(text, add_special_tokens=whole)
        return Encoded(tuple(encoding.ids), tuple(encoding.offsets))

    def encode_guarded(self, text: str, typed: Sequence[Range], *, whole: bool = False) -> Encoded:
        """Encodes ``text`` so that no control token comes out of the ``typed`` ranges.

        Where no typed character takes part in a control token, which is nearly always, the result is
        that of :meth:`encode`. The ``typed`` ranges rise and share no character.

        Raises TokenizerError for a text that the vocabulary cannot hold as text.
        """
        encoded = self.encode(text, whole=whole)
        found = [
            place
            for index, place in zip(encoded.ids, encoded.ranges, strict=True)
            if index in self._control_ids and place[0] < place[1]
        ]
        if not any(_overlaps(_trimmed(text, place), typed) for place in found):
            return encoded
        return self._guard.encode(text, typed, whole=whole)

    def count(self, text: str) -> int:
        """Tokens of ``text`` alone, control tokens inside it taken as text."""
        return len(self.encode_guarded(text, [(0, len(text))]).ids)

    def decode(self, ids: Iterable[int], *, skip_special: bool = False) -> str:
        """The text of ``ids``; incomplete characters become U+FFFD."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=skip_special))

    def answer_texts(self, prompt_ids: Sequence[int], ids: Sequence[int]) -> list[str]:
        """What each token of an answer adds to it: a character belongs to the token that completes it."""
        detokenizer = Detokenizer(self._tokenizer, prompt_ids)
        return [detokenizer.push(index) for index in ids]

    def token(self, index: int) -> str | None:
        """The vocabulary entry of an id, as the model's authors write it; None when there is none."""
        entry: str | None = self._tokenizer.id_to_token(index)
        return entry

    def text(self, index: int) -> str:
        """The text of an id, as shown beside its probability."""
        return self._texts[index]

    def texts(self) -> list[str]:
        """The texts of all ids. Takes about a second for 100,000 of them."""
        return [self._texts[index] for index in range(1 + max(self._tokenizer.get_vocab().values()))]

    def render_chat(self, *conversations: Sequence[Message]) -> list[str]:
        """The model's chat template applied to each conversation.

        Raises TemplateError when the template refuses or when the model has none.
        """
        if self._template is None:
            raise TemplateError("This model has no chat template.")
        return self._template.render(*conversations)

    def _is_control(self, token: AddedToken) -> bool:
        """Special tokens, and added ones that the template writes (such as marks of thinking).

        Other added tokens, for instance runs of spaces, are ordinary text.
        """
        written = bool(token.content.strip()) and self._template and token.content in self._template.source
        return bool(token.special or written)

    @cached_property
    def _texts(self) -> TokenTexts:
        return TokenTexts(self._tokenizer)

    @cached_property
    def _guard(self) -> _Guard:
        return _Guard(self._tokenizer, self.control_tokens)


class _Guard:
    """A copy of a tokenizer in which the control tokens have other, unguessable names.

    Those that the template wrote are renamed in the text before it is encoded; those that a person
    typed keep their characters, which mean nothing to the copy. All else, such as where words are
    cut, stays as it is in the tokenizer.
    """

    def __init__(self, tokenizer: Tokenizer, control: Mapping[str, int]) -> None:
        data = json.loads(tokenizer.to_str())
        tokens, data["added_tokens"] = data["added_tokens"], []
        secret = secrets.token_hex(16)
        self._break = f"\U000f0000{secret}:\U000f0001"
        self._names = {content: f"\U000f0000{secret}{index}\U000f0001" for content, index in control.items()}
        self._control_ids = frozenset(control.values())
        self._tokenizer = Tokenizer.from_str(json.dumps(data))
        self._original: dict[int, int | None] = {}
        for token in tokens:
            name = self._names.get(token["content"], token["content"])
            self._original[self._add(name, token)] = token["id"]
        self._original[self._add(self._break, {})] = None
        self._before, self._after = _affixes(tokenizer)

    def _add(self, name: str, token: Mapping[str, Any]) -> int:
        """Adds a token with the flags of ``token``; returns its id in the copy."""
        flags = {key: token.get(key, False) for key in ("single_word", "lstrip", "rstrip", "normalized")}
        if name != token.get("content"):
            flags["normalized"] = False  # the secret must not be changed before it is looked for
        self._tokenizer.add_tokens([AddedToken(name, special=False, **flags)])
        index = self._tokenizer.token_to_id(name)
        assert index is not None
        return int(index)

    def encode(self, text: str, typed: Sequence[Range], *, whole: bool) -> Encoded:
        """See :meth:`PromptTokenizer.encode_guarded`."""
        changes = {place: self._names[text[slice(*place)]] for place in self._written(text, typed)}
        while True:
            ids, ranges = self._encode_changed(text, changes)
            forged = [
                place
                for index, place in zip(ids, ranges, strict=True)
                if index in self._control_ids and place not in changes
            ]
            if not forged:
                break
            # Some vocabularies hold a control token as an ordinary piece: cut it after its first character.
            cuts = [(start + 1, start + 1) for start, end in forged if end - start > 1]
            if len(cuts) < len(forged) or set(cuts) & set(changes):
                raise TokenizerError("The text has characters that this model's vocabulary keeps for itself.")
            changes.update(dict.fromkeys(cuts, self._break))
        before, after = (self._before, self._after) if whole else ((), ())
        nothing = ((0, 0),)
        return Encoded((*before, *ids, *after), (*nothing * len(before), *ranges, *nothing * len(after)))

    def _written(self, text: str, typed: Sequence[Range]) -> list[Range]:
        """Where the template wrote a control token: longest names first, none across typed text."""
        places: list[Range] = []
        for name in sorted(self._names, key=len, reverse=True):
            start = text.find(name)
            while start >= 0:
                place = (start, start + len(name))
                if not _overlaps(place, typed) and not any(_meet(place, other) for other in places):
                    places.append(place)
                start = text.find(name, start + 1)
        return sorted(places)

    def _encode_changed(
        self, text: str, changes: Mapping[Range, str]
    ) -> tuple[tuple[int, ...], tuple[Range, ...]]:
        """Encodes ``text`` with ``changes`` made in it; ranges are those of ``text`` again."""
        pieces: list[str] = []
        origin: list[int] = []  # for each character of the changed text, its place in ``text``
        at = 0
        for (start, end), name in sorted(changes.items()):
            pieces += [text[at:start], name]
            origin += [*range(at, start), *[start] * len(name)]
            at = end
        pieces.append(text[at:])
        origin += range(at, len(text) + 1)
        encoding = self._tokenizer.encode("".join(pieces), add_special_tokens=False)
        ends = {start: end for start, end in changes if start < end}
        ids, ranges = [], []
        for index, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            original = self._original.get(index, index)
            if original is None:
                continue
            first, last = origin[start], origin[end]
            ids.append(original)
            ranges.append((first, ends.get(first, last) if index in self._original else last))
        return tuple(ids), tuple(ranges)


def _affixes(tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ids that the tokenizer puts before and after a whole text."""
    bare, whole = tokenizer.encode("a", add_special_tokens=False).ids, tokenizer.encode("a").ids
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return tuple(whole[:start]), tuple(whole[start + len(bare) :])
    return (), ()


def _trimmed(text: str, place: Range) -> Range:
    """``place`` without white space at its ends: some control tokens swallow what is beside them."""
    start, end = place
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _meet(one: Range, other: Range) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _overlaps(place: Range, typed: Sequence[Range]) -> bool:
    """Whether ``place`` shares a character with one of the rising, separate ranges of ``typed``."""
    last = bisect_left(typed, place[1], key=lambda other: other[0]) - 1
    return last >= 0 and typed[last][1] > place[0]


def _json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, or an empty one when there is no such file."""
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TokenizerError(f"{path.parent.name}/{path.name} is not valid JSON.") from error
    if not isinstance(data, dict):
        raise TokenizerError(f"{path.parent.name}/{path.name} is not a JSON object.")
    return data


def _window(folder: Path, config: Mapping[str, Any], tokenizer_config: Mapping[str, Any]) -> int:
    nested = config.get("text_config", {})
    values = [*(config.get(key) for key in _WINDOW_KEYS), *(nested.get(key) for key in _WINDOW_KEYS)]
    values.append(tokenizer_config.get("model_max_length"))
    for value in values:
        if isinstance(value, int) and 0 < value < _NO_LIMIT:
            return value
    raise TokenizerError(f"{folder.name} does not say how long its window is; write `window` in models.toml.")


def _template(folder: Path, config: Mapping[str, Any]) -> ChatTemplate | None:
    path = folder / "chat_template.jinja"
    source = config.get("chat_template")
    if path.is_file():
        source = path.read_text(encoding="utf-8")
    elif isinstance(source, list):  # several named templates, as older files have them
        source = {entry["name"]: entry["template"] for entry in source}.get("default")
    if not isinstance(source, str):
        return None
    roles = {role: _content(config[role]) for role in _ROLES if config.get(role)}
    try:
        return ChatTemplate(source, roles)
    except TemplateError as error:
        raise TokenizerError(f"{folder.name}: {error}") from error


def _content(token: object) -> str:
    return str(token["content"]) if isinstance(token, dict) else str(token)


def _eos_ids(
    generation: Mapping[str, Any],
    config: Mapping[str, Any],
    tokenizer_config: Mapping[str, Any],
    tokenizer: Tokenizer,
) -> frozenset[int]:
    value = generation.get("eos_token_id", config.get("eos_token_id"))
    if value is None and tokenizer_config.get("eos_token"):
        value = tokenizer.token_to_id(_content(tokenizer_config["eos_token"]))
    if value is None:
        return frozenset()
    return frozenset(value if isinstance(value, list) else [value])
