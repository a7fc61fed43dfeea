"""From instruction, shots and input to the exact text and token ids a model gets.

Pure functions: the same parts and tokenizer give the same prompt. Two layouts exist:

* ``chat``: the model's own chat template. The instruction is the system message, each shot a user
  and an assistant turn, the input the last user turn.
* ``plain``: one text with ``name: value`` lines, which the model continues.

The ids are those of transformers for the same text, with one exception: a control token that a
person typed (such as an end-of-turn mark) is encoded as the characters it consists of, so that
nobody can forge a turn.

``{{field}}`` in the instruction stands for the value of that field in the input; it counts as input.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Literal

from inference import placeholders
from inference.template import TemplateError
from inference.tokenizer import PromptTokenizer, Range, TokenizerError
from inference.types import Message

Layout = Literal["chat", "plain"]
Value = tuple[str, str]  # field name and text

INSTRUCTION = "instruction"
INPUT = "input"
FORMAT = "format"  # what the layout itself writes


class PromptError(Exception):
    """The parts cannot become a prompt; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One example placed in the prompt."""

    values: tuple[Value, ...]
    output: str


@dataclass(frozen=True, slots=True)
class PromptParts:
    """What people wrote, in the order in which it becomes text."""

    layout: Layout
    instruction: str
    shots: tuple[Shot, ...]
    input: tuple[Value, ...]
    output_name: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text, in characters (code points), and the part it belongs to.

    ``part`` is ``instruction``, ``example:0`` and so on, ``input`` or ``format``; of a conversation,
    ``message:0`` and so on.
    """

    start: int
    end: int
    part: str


@dataclass(frozen=True, slots=True)
class PromptToken:
    """One token and its place in the prompt's text, in characters.

    Tokens that hold pieces of one character share its place; a token that stands for no text has
    ``start == end``. ``text`` is what to show: of tokens that share a character the first has it;
    a token that stands for no text has its name. ``special`` marks control tokens.
    """

    id: int
    start: int
    end: int
    text: str
    part: str
    special: bool


@dataclass(frozen=True)
class RenderedPrompt:
    """A prompt as the model gets it.

    ``spans`` cover ``text`` without gaps; ``ranges`` has the characters of each of ``ids``.
    """

    text: str
    ids: tuple[int, ...]
    ranges: tuple[Range, ...]
    spans: tuple[Span, ...]
    _tokenizer: PromptTokenizer = field(repr=False, compare=False)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The part of each of ``ids``."""
        return tuple(_parts(self.ranges, self.spans))

    @cached_property
    def tokens(self) -> tuple[PromptToken, ...]:
        """What explains ``ids`` one by one; made when somebody looks, which is seldom."""
        return tuple(_tokens(self, self._tokenizer))

    def count_by_part(self) -> dict[str, int]:
        """Number of tokens of each part; together they are ``len(ids)``."""
        return dict(Counter(self.parts))


def render(tokenizer: PromptTokenizer, parts: PromptParts) -> RenderedPrompt:
    """The prompt of ``parts`` for the model of ``tokenizer``.

    Raises PromptError for text that cannot be encoded, for the chat layout with a model that has no
    chat template, and for a template that leaves out what people wrote.
    """
    for text in _texts(parts):
        check_text(text)
    if parts.layout == "plain":
        return _encoded(tokenizer, *_plain(parts), whole=True)
    return _encoded(tokenizer, *_chat(_instruction(parts), _turns(parts), tokenizer))


def render_conversation(tokenizer: PromptTokenizer, messages: Sequence[Message]) -> RenderedPrompt:
    """The prompt of a conversation that the model goes on with; raises PromptError as ``render`` does."""
    for message in messages:
        check_text(message["content"])
    turns = tuple(
        _Turn(message["role"], (_Piece(message["content"], f"message:{index}"),))
        for index, message in enumerate(messages)
    )
    if turns and turns[0].role == "system":
        return _encoded(tokenizer, *_chat(turns[0].pieces, turns[1:], tokenizer))
    return _encoded(tokenizer, *_chat((), turns, tokenizer))


def render_text(tokenizer: PromptTokenizer, text: str) -> RenderedPrompt:
    """A bare text as the prompt; raises PromptError as ``render`` does."""
    check_text(text)
    return _encoded(tokenizer, text, _spans([_Piece(text, INPUT)]), whole=True)


def _encoded(
    tokenizer: PromptTokenizer, text: str, spans: tuple[Span, ...], *, whole: bool = False
) -> RenderedPrompt:
    typed = [(span.start, span.end) for span in spans if span.part != FORMAT]
    try:
        encoded = tokenizer.encode_guarded(text, typed, whole=whole)
    except TokenizerError as error:
        raise PromptError(str(error)) from error
    return RenderedPrompt(text, encoded.ids, encoded.ranges, spans, tokenizer)


@dataclass(frozen=True, slots=True)
class SentPrompt:
    """A prompt for a server with a tokenizer and a template of its own.

    It gets ``messages``, of which ``text`` is a reading; in the plain layout there are none, and it gets
    ``text`` itself.
    """

    text: str
    messages: tuple[Message, ...] = ()


def for_server(parts: PromptParts) -> SentPrompt:
    """The prompt of ``parts`` for another server. Raises PromptError for text that cannot be encoded."""
    for text in _texts(parts):
        check_text(text)
    if parts.layout == "plain":
        return SentPrompt(_plain(parts)[0])
    instruction = _instruction(parts)
    system = (_Turn("system", instruction),) if instruction else ()
    return conversation_for_server(_messages((*system, *_turns(parts))))


def conversation_for_server(messages: Sequence[Message]) -> SentPrompt:
    """The same of a conversation that the model goes on with."""
    for message in messages:
        check_text(message["content"])
    text = "\n\n".join(f"[{message['role']}]\n{message['content']}" for message in messages)
    return SentPrompt(text, tuple(messages))


def continuation(
    tokenizer: PromptTokenizer, prompt: RenderedPrompt, text: str, layout: Layout
) -> tuple[tuple[int, str], ...]:
    """The tokens of ``text`` as an answer to ``prompt``: their ids, and what of the text each adds.

    The prompt keeps its own tokens. Where the tokenizer would join its end with the text, the text is
    encoded alone. Raises PromptError as ``render`` does.
    """
    check_text(text)
    start = len(prompt.text)
    typed = [(span.start, span.end) for span in prompt.spans if span.part != FORMAT]
    typed.append((start, start + len(text)))
    known = len(prompt.ids)
    try:
        encoded = tokenizer.encode_guarded(prompt.text + text, typed, whole=layout == "plain")
        if encoded.ids[:known] != prompt.ids:
            start = known = 0
            encoded = tokenizer.encode_guarded(text, [(0, len(text))])
    except TokenizerError as error:
        raise PromptError(str(error)) from error
    tokens, shown = [], 0
    for index, place in zip(encoded.ids[known:], encoded.ranges[known:], strict=True):
        end = max(shown, place[1] - start)  # tokens that share a character: the first has it
        tokens.append((index, text[shown:end]))
        shown = end
    return tuple(tokens)


def conversation(parts: PromptParts) -> list[Message]:
    """The prompt as messages, the instruction first, before any model's template."""
    instruction = _instruction(parts)
    system = [_Turn("system", instruction)] if instruction else []
    return _messages((*system, *_turns(parts)))


def plain_text(parts: PromptParts) -> str:
    """The prompt in the plain layout, whatever ``parts.layout`` says."""
    return _plain(parts)[0]


def check_text(text: str) -> None:
    """Raises PromptError for characters that tokenizers or databases cannot hold."""
    if "\x00" in text:
        raise PromptError("The text holds a NUL character; remove it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PromptError(
            f"The text holds half of a character (a lone surrogate) at position {error.start}; remove it."
        ) from error


def _texts(parts: PromptParts) -> Iterator[str]:
    yield parts.instruction
    yield parts.output_name
    for values in (*(shot.values for shot in parts.shots), parts.input):
        for name, value in values:
            yield from (name, value)
    yield from (shot.output for shot in parts.shots)


# --- pieces: text with the part it belongs to


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    part: str


def _example(index: int) -> str:
    return f"example:{index}"


def _instruction(parts: PromptParts) -> tuple[_Piece, ...]:
    """The instruction with the values of the input in it; nothing if there is no text."""
    values = dict(parts.input)
    cuts = placeholders.split(parts.instruction, values)
    pieces = (
        _Piece(text, INSTRUCTION) if name is None else _Piece(values[name], INPUT) for text, name in cuts
    )
    return tuple(piece for piece in pieces if piece.text)


def _lines(values: Iterable[Value]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in values)


def _spans(pieces: Iterable[_Piece]) -> tuple[Span, ...]:
    """Where the pieces lie once they are joined; neighbours of one part become one span."""
    spans: list[Span] = []
    at = 0
    for piece in pieces:
        end = at + len(piece.text)
        if spans and spans[-1].part == piece.part:
            spans[-1] = replace(spans[-1], end=end)
        elif piece.text:
            spans.append(Span(at, end, piece.part))
        at = end
    return tuple(spans)


# --- plain layout


def _plain(parts: PromptParts) -> tuple[str, tuple[Span, ...]]:
    blank = _Piece("\n\n", FORMAT)
    instruction = _instruction(parts)
    pieces = [*instruction, blank] if instruction else []
    for index, shot in enumerate(parts.shots):
        pieces += [_Piece(_lines((*shot.values, (parts.output_name, shot.output))), _example(index)), blank]
    # No space after the last colon: tokens of words begin with theirs.
    question = "".join(f"{name}: {value}\n" for name, value in parts.input)
    pieces.append(_Piece(f"{question}{parts.output_name}:", INPUT))
    return "".join(piece.text for piece in pieces), _spans(pieces)


# --- chat layout


@dataclass(frozen=True, slots=True)
class _Turn:
    """One message of the conversation, made of pieces."""

    role: str
    pieces: tuple[_Piece, ...]

    @property
    def content(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    def trimmed(self) -> _Turn:
        """The turn without white space at its ends, as many templates make it."""
        text = self.content
        low, high = len(text) - len(text.lstrip()), len(text.rstrip())
        bounds = list(accumulate((len(piece.text) for piece in self.pieces), initial=0))
        kept = (
            replace(piece, text=text[max(start, low) : max(low, min(end, high))])
            for piece, (start, end) in zip(self.pieces, pairwise(bounds), strict=True)
        )
        return replace(self, pieces=tuple(kept))


def _chat(
    instruction: tuple[_Piece, ...], turns: tuple[_Turn, ...], tokenizer: PromptTokenizer
) -> tuple[str, tuple[Span, ...]]:
    if not tokenizer.has_chat_template:
        raise PromptError("This model has no chat template; choose the plain layout.")
    try:
        return _with_instruction(instruction, turns, tokenizer)
    except TemplateError as error:
        raise PromptError(str(error)) from error


def _with_instruction(
    instruction: tuple[_Piece, ...], turns: tuple[_Turn, ...], tokenizer: PromptTokenizer
) -> tuple[str, tuple[Span, ...]]:
    if not instruction:
        return _render(turns, tokenizer)
    system = _Turn("system", instruction)
    try:
        return _render((system, *turns), tokenizer)
    except (TemplateError, _LeftOutError):  # this model was trained without system messages
        if not turns:
            raise
        first = replace(turns[0], pieces=(*system.pieces, _Piece("\n\n", FORMAT), *turns[0].pieces))
        return _render((first, *turns[1:]), tokenizer)


class _LeftOutError(PromptError):
    """The template leaves out text that people wrote."""


def _turns(parts: PromptParts) -> tuple[_Turn, ...]:
    turns = []
    for index, shot in enumerate(parts.shots):
        turns.append(_Turn("user", (_Piece(_question(shot.values), _example(index)),)))
        turns.append(_Turn("assistant", (_Piece(shot.output, _example(index)),)))
    return (*turns, _Turn("user", (_Piece(_question(parts.input), INPUT),)))


def _question(values: Sequence[Value]) -> str:
    """One field is asked as it is, several as ``name: value`` lines."""
    return values[0][1] if len(values) == 1 else _lines(values)


def _render(turns: Sequence[_Turn], tokenizer: PromptTokenizer) -> tuple[str, tuple[Span, ...]]:
    """The template's text for ``turns``, and which of it is whose.

    A template is free to trim and to move what it is given. So the turns are rendered three times:
    as they are, and with each piece between two marks, whole and trimmed. The marked text that
    equals the plain one, marks aside, shows where every piece went.
    """
    trimmed = [turn.trimmed() for turn in turns]
    marks = _Marks(turns)
    plain, *marked = tokenizer.render_chat(
        _messages(turns), _messages(marks.around(turns)), _messages(marks.around(trimmed))
    )
    for candidate in marked:
        pieces = marks.read(candidate)
        if "".join(piece.text for piece in pieces) == plain:
            _check_nothing_left_out(pieces, turns)
            return plain, _spans(pieces)
    raise PromptError(
        "The chat template of this model rewrites messages, so the parts of the prompt cannot be told apart; "
        "choose the plain layout."
    )


def _messages(turns: Iterable[_Turn]) -> list[Message]:
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def _check_nothing_left_out(pieces: Iterable[_Piece], turns: Iterable[_Turn]) -> None:
    shown = Counter(piece.part for piece in pieces if piece.text.strip())
    written = Counter(piece.part for turn in turns for piece in turn.pieces if piece.text.strip())
    for part, count in written.items():
        if part != FORMAT and shown[part] < count:
            raise _LeftOutError(f"The chat template of this model leaves out text of the {part}.")


class _Marks:
    """Private-use characters that open and close the pieces of each part; none occurs in the turns."""

    def __init__(self, turns: Iterable[_Turn]) -> None:
        pieces = [piece for turn in turns for piece in turn.pieces]
        used = set().union(*(piece.text for piece in pieces))
        free = (chr(code) for code in range(0xF0000, 0xFFFFE) if chr(code) not in used)
        parts = dict.fromkeys(piece.part for piece in pieces if piece.part != FORMAT)
        self._close = next(free, "")
        self._open = {part: next(free, "") for part in parts}
        if not all((self._close, *self._open.values())):
            raise PromptError("The text holds too many private-use characters.")

    def around(self, turns: Iterable[_Turn]) -> list[_Turn]:
        """``turns`` with marked pieces. Empty ones stay empty: templates ask whether there is content."""
        return [replace(turn, pieces=tuple(map(self._mark, turn.pieces))) for turn in turns]

    def _mark(self, piece: _Piece) -> _Piece:
        if not piece.text or piece.part == FORMAT:
            return piece
        return replace(piece, text=f"{self._open[piece.part]}{piece.text}{self._close}")

    def read(self, text: str) -> list[_Piece]:
        """The marked ``text`` as pieces without marks."""
        part_of = {mark: part for part, mark in self._open.items()} | {self._close: FORMAT}
        places = [index for index, character in enumerate(text) if character in part_of]
        pieces = [_Piece(text[: places[0]] if places else text, FORMAT)]
        for start, end in pairwise((*places, len(text))):
            pieces.append(_Piece(text[start + 1 : end], part_of[text[start]]))
        return pieces


# --- tokens


def _tokens(prompt: RenderedPrompt, tokenizer: PromptTokenizer) -> Iterator[PromptToken]:
    special = tokenizer.special_ids | frozenset(tokenizer.control_tokens.values())
    shown = 0  # characters before this place are in the text of a token
    for index, (start, end), part in zip(prompt.ids, prompt.ranges, prompt.parts, strict=True):
        own = prompt.text[max(start, shown) : end] if start < end else tokenizer.token(index) or ""
        shown = max(shown, end)
        yield PromptToken(index, start, end, own, part, index in special)


def _parts(ranges: Iterable[Range], spans: Sequence[Span]) -> Iterator[str]:
    """The part that has most of a token's characters; the later one of two equals."""
    starts = [span.start for span in spans]
    here = Span(0, 0, FORMAT)  # nearly always the next token lies where the last one did
    for start, end in ranges:
        if start == end:
            yield FORMAT
            continue
        if not here.start <= start <= end <= here.end:
            touched = spans[bisect_right(starts, start) - 1 : bisect_right(starts, end - 1)]
            here = max(reversed(touched), key=lambda span: min(end, span.end) - max(start, span.start))
        yield here.part
