"""Filling masks, with an encoder that was trained a moment ago and with the shapes of others."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.fill import MOST_MASKS, Filler
from inference.loader import load_model
from inference.types import EngineError, ErrorCode, Filled, JointFilling, MaskCandidates
from tests.inference.tiny import build_tiny_tokenizer
from tests.inference.tiny_families import CAPITALS, build_untrained

ANIMAL = "My [MASK] [MASK]."


@pytest.fixture(scope="module")
def bert(bert_folder: Path) -> Filler:
    loaded = load_model(bert_folder, dtype="float32", device="cpu", family="encoder")
    return Filler(loaded.model, loaded.tokenizer)


@pytest.fixture(scope="module", params=["roberta", "distilbert", "modernbert"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Filler:
    folder = build_untrained(tmp_path_factory.mktemp(request.param), request.param)
    loaded = load_model(folder, dtype="float32", device="cpu", family="encoder")
    return Filler(loaded.model, loaded.tokenizer)


def words(answer: MaskCandidates | JointFilling) -> list[str]:
    listed = answer.candidates if isinstance(answer, MaskCandidates) else answer.tokens
    return [candidate.text.strip() for candidate in listed]


def plain(filler: Filler, ids: tuple[int, ...]) -> torch.Tensor:
    """Log-probabilities [tokens, vocabulary] of one text alone, by the model itself."""
    with torch.inference_mode():
        logits: torch.Tensor = filler._model(input_ids=torch.tensor([ids])).logits[0]
    return logits.log_softmax(dim=-1)


def refusal(filler: Filler, text: Any, **settings: int) -> EngineError:
    with pytest.raises(EngineError) as caught:
        filler.fill([text], **settings)
    return caught.value


def test_every_capital_is_known(bert: Filler) -> None:
    answers = bert.fill([f"The capital of {country} is [MASK]." for country in CAPITALS])
    best = [answer.masks[0].candidates[0] for answer in answers]
    assert [candidate.text for candidate in best] == [f" {city}" for city in CAPITALS.values()]
    assert min(candidate.logprob for candidate in best) > math.log(0.8)


def test_joint_filling_agrees_where_independent_candidates_do_not(bert: Filler) -> None:
    [answer] = bert.fill([ANIMAL], beams=3)
    assert [words(mask)[0] for mask in answer.masks] == ["cat", "barks"]
    assert words(answer.joint[0]) == ["cat", "purrs"]
    assert {tuple(words(f)) for f in answer.joint[1:]} == {("dog", "barks"), ("wolf", "barks")}
    assert answer.joint[0].text == "my cat purrs."


def test_surest_mask_is_filled_first(bert: Filler) -> None:
    [answer] = bert.fill([ANIMAL], beams=1)
    # Barking is more certain than any animal; one beam cannot go back from it.
    assert answer.joint[0].order == (1, 0)
    assert words(answer.joint[0])[1] == "barks"


def test_joint_probability_is_the_chain_of_conditionals(bert: Filler) -> None:
    [answer] = bert.fill([ANIMAL], beams=2)
    first, second = (mask.position for mask in answer.masks)
    for filling in answer.joint:
        animal, sound = filling.tokens
        ids = list(answer.ids)
        chain = [float(plain(bert, tuple(ids))[second, sound.id])]
        ids[second] = sound.id
        chain.append(float(plain(bert, tuple(ids))[first, animal.id]))
        assert [sound.logprob, animal.logprob] == pytest.approx(chain, abs=1e-4)
        assert filling.logprob == pytest.approx(sum(chain), abs=1e-4)


def test_wide_beam_finds_the_best_of_all_fillings(bert: Filler) -> None:
    [answer] = bert.fill([ANIMAL], beams=bert.vocabulary)
    first, second = (mask.position for mask in answer.masks)
    outer = plain(bert, answer.ids)[second]
    scores: dict[tuple[int, int], float] = {}
    for sound in range(bert.vocabulary):
        ids = tuple(sound if at == second else id for at, id in enumerate(answer.ids))
        inner = plain(bert, ids)[first] + outer[sound]
        scores |= {(animal, sound): float(inner[animal]) for animal in range(bert.vocabulary)}
    assert sum(map(math.exp, scores.values())) == pytest.approx(1, abs=1e-4)
    best = sorted(scores, key=lambda pair: -scores[pair])[:10]
    assert [tuple(token.id for token in filling.tokens) for filling in answer.joint[:10]] == best


def test_continuation_of_a_word_has_no_space(bert: Filler) -> None:
    [answer] = bert.fill(["She is walk[MASK] home."])
    assert answer.masks[0].candidates[0].text == "ing"
    assert answer.joint[0].text == "she is walking home."


def test_ranges_are_those_of_the_masks_in_the_text(bert: Filler, other: Filler) -> None:
    for filler in (bert, other):
        text = f"Größe 🙂 {filler.mask_token} and{filler.mask_token}."
        [answer] = filler.fill([text])
        places = [mask.range for mask in answer.masks]
        assert [text[slice(*place)] for place in places if place] == [filler.mask_token] * 2


def test_ids_are_taken_as_they_are(bert: Filler) -> None:
    [asked] = bert.fill([ANIMAL])
    [answer] = bert.fill([asked.ids])
    assert answer.joint == asked.joint
    assert [mask.range for mask in answer.masks] == [None, None]


def test_text_gets_begin_and_end_tokens(bert: Filler) -> None:
    [answer] = bert.fill([ANIMAL])
    assert [bert._tokenizer.id_to_token(answer.ids[at]) for at in (0, -1)] == ["[CLS]", "[SEP]"]


def test_candidates_are_those_of_the_plain_model(other: Filler) -> None:
    mask = other.mask_token
    texts = [f"The soup was{mask}.", f"A joy from the{mask} minute to the{mask}, 東京", mask]
    for text, answer in zip(texts, other.fill(texts, candidates=7), strict=True):
        assert len(answer.masks) == text.count(mask)
        rows = plain(other, answer.ids)
        for masked in answer.masks:
            values, ids = rows[masked.position].topk(7)
            assert [candidate.id for candidate in masked.candidates] == ids.tolist()
            assert [c.logprob for c in masked.candidates] == pytest.approx(values.tolist(), abs=1e-4)


def test_byte_level_tokens_keep_their_space(other: Filler) -> None:
    tokenizer = other._tokenizer
    [answer] = other.fill([f"The film was{other.mask_token}"], candidates=100)
    shown = {candidate.id: candidate.text for candidate in answer.masks[0].candidates}
    spaced = {id: text for id, text in shown.items() if (tokenizer.id_to_token(id) or "").startswith("Ġ")}
    assert spaced
    assert all(text.startswith(" ") for text in spaced.values())


def same(one: list[Filled], other: list[Filled]) -> bool:
    return [_ids(answer) for answer in one] == [_ids(answer) for answer in other]


def _ids(answer: Filled) -> tuple[object, ...]:
    masks = [[candidate.id for candidate in mask.candidates] for mask in answer.masks]
    return masks, [[token.id for token in filling.tokens] for filling in answer.joint]


def test_texts_together_are_filled_as_alone(bert: Filler, other: Filler) -> None:
    for filler in (bert, other):
        mask = filler.mask_token
        texts = [f"My{mask} barks.", f"The {mask} of peru {mask} {mask}.", f"she{mask}"]
        alone = [filler.fill([text])[0] for text in texts]
        assert same(filler.fill(texts), alone)


def test_small_budget_changes_no_answer(bert: Filler) -> None:
    small = Filler(bert._model, bert._tokenizer, most_logits=1)
    texts = [f"The capital of {country} [MASK] [MASK]." for country in CAPITALS]
    rows: list[int] = []
    hook = bert._model.register_forward_hook(lambda model, inputs, output: rows.append(len(output.logits)))
    assert same(small.fill(texts, beams=2), bert.fill(texts, beams=2))
    hook.remove()
    assert rows == [*[1] * 18, 6, 12]


def test_joint_is_left_out_on_request(bert: Filler) -> None:
    [answer] = bert.fill([ANIMAL], candidates=2, beams=0)
    assert answer.joint == ()
    assert [len(mask.candidates) for mask in answer.masks] == [2, 2]
    assert bert.fill([]) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("My dog barks.", r"Text 1 has 0 masks \(\[MASK\]\), not 1 to 64"),
        ("[MASK]" * (MOST_MASKS + 1), "Text 1 has 65 masks"),
        ((), "Text 1 has 0 masks"),
        ((2, 4, 99_999, 3), "Text 1 has token id 99999, outside the"),
        ((2, 4, -1, 3), "Text 1 has token id -1, outside the"),
        ("My [MASK] barks. [SEP]", r"Text 1 has the control token \[SEP\]"),
    ],
)
def test_bad_text_is_refused(bert: Filler, text: Any, message: str) -> None:
    fault = refusal(bert, text)
    assert fault.code is ErrorCode.INVALID_REQUEST
    assert re.search(message, fault.message)


@pytest.mark.parametrize("settings", [{"candidates": 0}, {"candidates": 101}, {"beams": -1}, {"beams": 101}])
def test_bad_amount_is_refused(bert: Filler, settings: dict[str, int]) -> None:
    assert refusal(bert, ANIMAL, **settings).code is ErrorCode.INVALID_REQUEST


def test_unknown_character_is_no_control_token(bert: Filler) -> None:
    assert bert.fill(["My [MASK] 漢 barks."])


def test_text_may_fill_the_window_and_no_more(bert: Filler, other: Filler) -> None:
    for filler, window in ((bert, 32), (other, 64)):
        assert filler.window == window
        assert filler.mask_id is not None
        ids = [filler.mask_id, *[5] * (window - 1)]
        assert len(filler.fill([ids])[0].ids) == window
        fault = refusal(filler, [*ids, 5])
        assert fault.code is ErrorCode.CONTEXT_OVERFLOW
        assert f"{window + 1} tokens" in fault.message
        assert f"has {window}" in fault.message


def test_numbers_that_are_not_finite_are_refused(bert_folder: Path) -> None:
    loaded = load_model(bert_folder, dtype="float32", device="cpu", family="encoder")
    with torch.no_grad():
        loaded.model.cls.predictions.bias[7] = math.nan
    assert refusal(Filler(loaded.model, loaded.tokenizer), ANIMAL).code is ErrorCode.NUMERIC_FAULT


def test_tokenizer_without_a_mask_is_refused(bert: Filler) -> None:
    with pytest.raises(ValueError, match="has 0 mask tokens"):
        Filler(bert._model, build_tiny_tokenizer())
    with pytest.raises(ValueError, match="no token '<gap>'"):
        Filler(bert._model, bert._tokenizer, mask_token="<gap>")
