"""Log-probabilities of prompts and targets, and the whole next-token distribution."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
import torch
from torch import Tensor

from inference.loader import LoadedModel
from inference.types import (
    EngineError,
    ErrorCode,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    NextToken,
    SamplingParams,
    Scored,
    Usage,
)
from tests.inference.asking import ask, assert_idle, ids, read
from tests.inference.conftest import StartEngine

PROMPT = ask("prompt", prompt=70).prompt_ids


@pytest.fixture
def plain(tiny: LoadedModel) -> dict[tuple[int, ...], Tensor]:
    """Logits of the plain model for some texts, taken before an engine changes it."""
    texts = [PROMPT, *((*PROMPT, *target) for target in TARGETS)]
    with torch.inference_mode():
        return {text: tiny.model(torch.tensor([text])).logits[0] for text in texts}


TARGETS = [(5, 6, 7), (8,), (5, 9), tuple(range(20, 60))]


def test_prompt_tokens_are_scored_from_the_second_on(
    plain: dict[tuple[int, ...], Tensor], start_engine: StartEngine
) -> None:
    request = GenerationRequest("a", PROMPT, SamplingParams(max_new_tokens=0, alternatives=3), score_from=0)
    engine = start_engine(idle_prefill_budget=16)
    for events in (read(engine.submit(request)), read(engine.submit(replace(request, request_id="b")))):
        scored = [event for event in events if isinstance(event, Scored)]
        wanted = plain[PROMPT].log_softmax(-1)
        assert [(event.index, event.id) for event in scored] == list(enumerate(PROMPT))[1:]
        assert [event.logprob for event in scored] == pytest.approx(
            [float(wanted[n - 1, PROMPT[n]]) for n in range(1, len(PROMPT))], abs=1e-4
        )
        for event in scored:
            row = wanted[event.index - 1]
            assert event.rank == 1 + int((row > row[event.id]).sum())
            assert [alternative.id for alternative in event.top] == row.topk(3).indices.tolist()
        assert events[-1] == Finished(events[0].request_id, FinishReason.LENGTH, Usage(70, 0, 0))
    assert_idle(engine)


def test_scores_of_the_end_come_with_a_cached_beginning_and_an_answer(
    plain: dict[tuple[int, ...], Tensor], start_engine: StartEngine
) -> None:
    engine = start_engine()
    request = ask("a", max_new_tokens=4)
    request = replace(request, prompt_ids=PROMPT, score_from=60)
    first = read(engine.submit(request))
    again = read(engine.submit(replace(request, request_id="b")))
    scored = [event for event in again if isinstance(event, Scored)]
    wanted = plain[PROMPT].log_softmax(-1)
    assert [event.index for event in scored] == list(range(60, 70))
    assert scored[0].logprob == pytest.approx(float(wanted[59, PROMPT[60]]), abs=1e-4)
    assert ids(again) == ids(first)
    assert again[-1].usage == Usage(70, 48, 4)  # type: ignore[union-attr]


def test_targets_are_scored_behind_a_prompt_that_is_computed_once(
    plain: dict[tuple[int, ...], Tensor], start_engine: StartEngine
) -> None:
    engine = start_engine()
    results = engine.score(PROMPT, TARGETS, alternatives=1)
    for target, scored in zip(TARGETS, results, strict=True):
        rows = plain[(*PROMPT, *target)].log_softmax(-1)[len(PROMPT) - 1 :]
        assert [event.id for event in scored] == list(target)
        assert [event.logprob for event in scored] == pytest.approx(
            [float(row[id]) for row, id in zip(rows, target, strict=False)], abs=1e-4
        )
    assert engine.stats().tokens_computed < len(PROMPT) + len(TARGETS) * 16 + sum(map(len, TARGETS))
    assert_idle(engine)


def test_targets_that_cannot_be_scored_are_refused(start_engine: StartEngine) -> None:
    engine = start_engine()
    with pytest.raises(EngineError, match="512"):
        engine.score(PROMPT, [(5,), (5,) * 500])
    with pytest.raises(EngineError):
        engine.score((), [(5,)])
    with pytest.raises(EngineError):
        engine.score(PROMPT, [()])
    assert_idle(engine)


def test_next_token_logits_are_the_plain_models_less_the_highest(
    plain: dict[tuple[int, ...], Tensor], start_engine: StartEngine
) -> None:
    engine = start_engine()
    for _ in range(2):
        logits = numpy.frombuffer(engine.next_token(PROMPT), dtype=numpy.float16)
        assert logits.shape == (400,)
        wanted = plain[PROMPT][-1] - plain[PROMPT][-1].max()
        assert torch.allclose(torch.tensor(logits).float(), wanted, atol=1e-2)


def test_next_token_may_come_with_an_answer(start_engine: StartEngine) -> None:
    engine = start_engine()
    events = read(engine.submit(replace(ask("a"), next_token=True)))
    (found,) = [event for event in events if isinstance(event, NextToken)]
    logits = numpy.frombuffer(found.logits, dtype=numpy.float16)
    assert int(logits.argmax()) == ids(events)[0]
    assert len(ids(events)) == 12


def test_fault_ends_a_score_with_its_reason(start_engine: StartEngine, tiny: LoadedModel) -> None:
    engine = start_engine()
    with torch.no_grad():
        tiny.model.model.embed_tokens.weight[399] = float("nan")
    with pytest.raises(EngineError) as caught:
        engine.score((399, *PROMPT), [(5,), (6,)])
    assert caught.value.code is ErrorCode.NUMERIC_FAULT
    assert not isinstance(read(engine.submit(ask("a")))[-1], Failed)
