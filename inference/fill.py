"""Encoder-only models: what may stand in the place of each mask of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Sequence as Seq
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from inference.detokenizer import TokenTexts
from inference.door import MOST_ALTERNATIVES
from inference.loader import context_window
from inference.types import Alternative, EngineError, ErrorCode, Filled, JointFilling, MaskCandidates

MOST_MASKS = 64
# The head gives logits for every token, wanted or not: half a gigabyte of float32 at once.
_MOST_LOGITS = 2**27

Top = list[tuple[int, float]]  # ids and log-probabilities for one mask, the most likely first


class Filler:
    """Fills masks with any masked language model of transformers. For one thread at a time."""

    def __init__(
        self, model: Any, tokenizer: Tokenizer, *, mask_token: str = "", most_logits: int = _MOST_LOGITS
    ) -> None:
        """``mask_token`` is needed only where no special token, or more than one, is called mask.

        A forward pass computes ``most_logits`` numbers at most, but never less than one text.
        Raises ValueError if the tokenizer has no such token.
        """
        self._model = model
        self._tokenizer = tokenizer
        self._texts = TokenTexts(tokenizer)
        self.mask_token = mask_token or _find_mask(tokenizer)
        self.mask_id: int | None = tokenizer.token_to_id(self.mask_token)
        if self.mask_id is None:
            raise ValueError(f"the tokenizer has no token {self.mask_token!r}")
        self.window = _window(model)  # tokens of a text; 0: no limit
        self.vocabulary: int = model.config.get_text_config().vocab_size
        self._most_logits = most_logits
        # RoBERTa counts positions by the tokens that are not padding, so it must be the model's own.
        self._padding: int = model.config.get_text_config().pad_token_id or 0
        self._special = {
            id: token.content for id, token in tokenizer.get_added_tokens_decoder().items() if token.special
        }

    def fill(self, texts: Seq[str | Seq[int]], *, candidates: int = 5, beams: int = 5) -> list[Filled]:
        """Candidates for the masks of each text, one by one and all together.

        A text is either token ids, begin and end tokens included, or characters with ``mask_token``
        in them, to which the tokenizer adds those. Every mask stands for one token, and log-probabilities
        are of the raw softmax, so special tokens may be among the candidates.

        *Independent*: one forward pass; what each mask may be while all the others are masked.
        *Joint*: masks are filled one after another, each given those before it, by beam search with
        ``beams`` texts (0: left out). The next mask of a text is the one whose best candidate is the
        most likely, the leftmost of equals: confidence-based decoding of Jiang et al. 2020, "X-FACTR",
        section 4 (arXiv 2010.06189). The log-probability of a filling is the sum of these conditional
        ones. As what is filled decides which mask is next, each filling is reached in one order only,
        and the probabilities of all fillings add up to 1.

        Raises EngineError: INVALID_REQUEST, CONTEXT_OVERFLOW, or NUMERIC_FAULT for logits that are
        not finite. The message counts texts from 1.
        """
        _check_amount("candidates", candidates, at_least=1)
        _check_amount("beams", beams, at_least=0)
        questions = [self._question(number, text) for number, text in enumerate(texts, start=1)]
        tops = self._tops(questions, max(candidates, beams))
        fillings = self._search(questions, tops, beams) if beams else []
        return [
            Filled(
                question.ids,
                self._masks(question, top, candidates),
                tuple(self._filling(question, end) for end in fillings if end.number == question.number),
            )
            for question, top in zip(questions, tops, strict=True)
        ]

    def _question(self, number: int, text: str | Seq[int]) -> _Partial:
        if isinstance(text, str):
            ids, ranges = self._encode(number, text)
        else:
            ids, ranges = tuple(text), ()
        masks = tuple(position for position, id in enumerate(ids) if id == self.mask_id)
        self._check(number, ids, len(masks))
        return _Partial(number, ids, masks, ranges)

    def _encode(self, number: int, text: str) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
        """Ids, and where in ``text`` the masks are."""
        encoding = self._tokenizer.encode(text)
        ranges = []
        for id, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            written = text[start:end].strip()  # some masks swallow the space before them
            if id == self.mask_id:
                first = text.index(written, start)
                ranges.append((first, first + len(written)))
            # An unknown character becomes a special token too, but is not written like one.
            elif written and written == self._special.get(id):
                raise _invalid(f"Text {number} has the control token {written}; give its ids if it is meant.")
        return tuple(encoding.ids), tuple(ranges)

    def _check(self, number: int, ids: tuple[int, ...], masks: int) -> None:
        for id in (min(ids, default=0), max(ids, default=0)):
            if not 0 <= id < self.vocabulary:
                raise _invalid(f"Text {number} has token id {id}, outside the {self.vocabulary} known ones.")
        if not 1 <= masks <= MOST_MASKS:
            raise _invalid(f"Text {number} has {masks} masks ({self.mask_token}), not 1 to {MOST_MASKS}.")
        if 0 < self.window < len(ids):
            message = f"Text {number} has {len(ids)} tokens, but the window of the model has {self.window}."
            raise EngineError(ErrorCode.CONTEXT_OVERFLOW, message)

    def _search(self, questions: list[_Partial], tops: list[list[Top]], beams: int) -> list[_Partial]:
        """The best fillings of each text, the most likely first."""
        ended: list[_Partial] = []
        live = questions
        while live:
            grown = [n for text, top in zip(live, tops, strict=True) for n in text.grow(top, beams)]
            kept = _best(grown, beams)
            ended += [text for text in kept if not text.masks]
            live = [text for text in kept if text.masks]
            tops = self._tops(live, beams)
        return ended

    @torch.inference_mode()
    def _tops(self, texts: list[_Partial], count: int) -> list[list[Top]]:
        """For each text and each of its masks the ``count`` most likely tokens."""
        return [top for part in self._parts(texts) for top in self._tops_at_once(part, count)]

    def _tops_at_once(self, texts: list[_Partial], count: int) -> list[list[Top]]:
        longest = max(len(text.ids) for text in texts)
        ids = [(*text.ids, *[self._padding] * (longest - len(text.ids))) for text in texts]
        real = [[1] * len(text.ids) + [0] * (longest - len(text.ids)) for text in texts]
        device = self._model.device
        inputs, mask = torch.tensor(ids, device=device), torch.tensor(real, device=device)
        logits = self._model(input_ids=inputs, attention_mask=mask).logits
        rows = zip(texts, logits, strict=True)
        return [_top(text, row[list(text.masks)].float(), count) for text, row in rows]

    def _parts(self, texts: list[_Partial]) -> Iterator[list[_Partial]]:
        """Texts that go through the model together."""
        part: list[_Partial] = []
        for text in texts:
            longest = max(len(other.ids) for other in (*part, text))
            if part and (len(part) + 1) * longest * self.vocabulary > self._most_logits:
                yield part
                part = []
            part.append(text)
        if part:
            yield part

    def _masks(self, question: _Partial, tops: list[Top], candidates: int) -> tuple[MaskCandidates, ...]:
        ranges = question.ranges or (None,) * len(tops)
        return tuple(
            MaskCandidates(position, place, tuple(self._alternative(*pair) for pair in top[:candidates]))
            for position, place, top in zip(question.masks, ranges, tops, strict=True)
        )

    def _filling(self, question: _Partial, end: _Partial) -> JointFilling:
        steps = {position: (id, logprob) for position, id, logprob in end.steps}
        return JointFilling(
            logprob=end.logprob,
            tokens=tuple(self._alternative(*steps[position]) for position in question.masks),
            order=tuple(question.masks.index(position) for position in steps),
            text=self._tokenizer.decode(list(end.ids), skip_special_tokens=True),
        )

    def _alternative(self, id: int, logprob: float) -> Alternative:
        return Alternative(id, self._texts[id], logprob)


@dataclass(frozen=True, slots=True)
class _Partial:
    """A text some of whose masks are filled: ``steps`` (position, id, log-probability) tells how."""

    number: int
    ids: tuple[int, ...]
    masks: tuple[int, ...]  # positions of those that are left
    ranges: tuple[tuple[int, int], ...] = ()
    steps: tuple[tuple[int, int, float], ...] = ()

    @property
    def logprob(self) -> float:
        return sum(logprob for _, _, logprob in self.steps)

    def grow(self, tops: list[Top], beams: int) -> list[_Partial]:
        """Fill the mask that is the most certain, in as many ways as there are beams."""
        surest = max(range(len(tops)), key=lambda index: tops[index][0][1])
        return [self._filled(self.masks[surest], *pair) for pair in tops[surest][:beams]]

    def _filled(self, position: int, id: int, logprob: float) -> _Partial:
        ids = (*self.ids[:position], id, *self.ids[position + 1 :])
        masks = tuple(other for other in self.masks if other != position)
        return replace(self, ids=ids, masks=masks, steps=(*self.steps, (position, id, logprob)))


def _best(texts: list[_Partial], beams: int) -> list[_Partial]:
    """The most likely ``beams`` of each text; texts of one number stand together."""
    return [
        text
        for _, same in groupby(texts, key=lambda text: text.number)
        for text in sorted(same, key=lambda text: -text.logprob)[:beams]
    ]


def _top(text: _Partial, logits: Tensor, count: int) -> list[Top]:
    """``logits`` [masks, vocabulary]."""
    norms = logits.logsumexp(dim=-1, keepdim=True)
    if not norms.isfinite().all():
        message = f"The model's numbers are not finite for text {text.number}."
        raise EngineError(ErrorCode.NUMERIC_FAULT, message)
    values, ids = (logits - norms).topk(min(count, logits.shape[1]), dim=-1)
    return [list(zip(*row, strict=True)) for row in zip(ids.tolist(), values.tolist(), strict=True)]


def _find_mask(tokenizer: Tokenizer) -> str:
    """The special token that is the word mask between signs: [MASK], <mask>."""
    contents = [token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special]
    found = [content for content in contents if re.fullmatch(r"[\W_]*mask[\W_]*", content, re.IGNORECASE)]
    if len(found) != 1:
        raise ValueError(f"the tokenizer has {len(found)} mask tokens: name the one to use")
    return found[0]


def _window(model: Any) -> int:
    """RoBERTa's positions begin behind the padding's own, so a text has that many tokens less."""
    window = context_window(model)
    for name, module in model.named_modules():
        padding = getattr(module, "padding_idx", None)
        if name.endswith("position_embeddings") and padding is not None:
            window = module.num_embeddings - padding - 1
    return window


def _check_amount(name: str, amount: int, at_least: int) -> None:
    if not at_least <= amount <= MOST_ALTERNATIVES:
        raise _invalid(f"{name} must be from {at_least} to {MOST_ALTERNATIVES}, not {amount}.")


def _invalid(message: str) -> EngineError:
    return EngineError(ErrorCode.INVALID_REQUEST, message)
