"""An answer whose beginning the caller chose goes on as if the model had written it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.detokenizer import Detokenizer
from inference.loader import LoadedModel
from inference.types import EngineError, Finished, FinishReason, GenerationRequest
from tests.inference.asking import ask, assert_idle, ids, read, text, tokens
from tests.inference.conftest import StartEngine

LENGTH = 40
SETTINGS: list[dict[str, Any]] = [
    {"greedy": True},
    {"greedy": False, "temperature": 1.5, "seed": 11},
    {"greedy": True, "presence_penalty": 1.0, "frequency_penalty": 0.5, "repetition_penalty": 1.2},
]


def from_token(request: GenerationRequest, answer: list[int], at: int) -> GenerationRequest:
    """The request again, with the first ``at`` tokens of its answer given."""
    sampling = replace(request.sampling, max_new_tokens=request.sampling.max_new_tokens - at)
    prompt = (*request.prompt_ids, *answer[:at])
    return replace(request, request_id=f"from {at}", prompt_ids=prompt, begun=at, sampling=sampling)


def written(tiny: LoadedModel, request: GenerationRequest, ids: list[int]) -> str:
    """The whole characters of a beginning."""
    detokenizer = Detokenizer(tiny.tokenizer, request.prompt_ids)
    return "".join(map(detokenizer.push, ids))


@pytest.mark.parametrize("settings", SETTINGS, ids=["greedy", "sampled", "penalties"])
def test_it_goes_on_as_the_model_did(
    start_engine: StartEngine, tiny: LoadedModel, settings: dict[str, Any]
) -> None:
    """The tiny model writes bytes at random, so most of these cuts are within characters."""
    engine = start_engine(max_running=8)
    request = ask("a", max_new_tokens=LENGTH, **settings)
    whole = read(engine.submit(request))
    requests = [from_token(request, ids(whole), at) for at in range(1, LENGTH, 3)]
    for branch, stream in zip(requests, engine.submit_all(requests), strict=True):
        events = read(stream)
        assert ids(events) == ids(whole)[branch.begun :]
        assert [token.index for token in tokens(events)] == list(range(LENGTH - branch.begun))
        given = written(tiny, request, ids(whole)[: branch.begun])
        assert given + text(events) == text(whole)
    assert_idle(engine)


def test_a_stop_string_is_met_across_the_cut(start_engine: StartEngine, tiny: LoadedModel) -> None:
    engine = start_engine()
    request = ask("a", max_new_tokens=LENGTH)
    whole = read(engine.submit(request))
    at, stop = first_seam([token.text for token in tokens(whole)])
    stopping = replace(request, sampling=replace(request.sampling, stop=(stop,)))
    events = read(engine.submit(from_token(stopping, ids(whole), at)))
    assert text(events) == ""
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is FinishReason.STOP_STRING


def first_seam(texts: list[str]) -> tuple[int, str]:
    """A place and the two characters that meet there, and nowhere before it."""
    for at in range(5, LENGTH):
        seam = texts[at - 1][-1:] + texts[at][:1]
        if len(seam) == 2 and seam not in "".join(texts[:at]):
            return at, seam
    raise AssertionError("the answer has no such place")


@pytest.mark.parametrize("begun", [-1, 8, 9])
def test_a_beginning_without_a_prompt_is_refused(start_engine: StartEngine, begun: int) -> None:
    with pytest.raises(EngineError, match="begun"):
        start_engine().submit(replace(ask("a", prompt=8), begun=begun))
