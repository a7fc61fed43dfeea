"""Encoder-decoder models in the engine: what they write, and that it is what ``generate`` writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.config import EngineConfig
from inference.encoder_decoder import EncoderDecoderRunner, Sharing, start_ids
from inference.engine import Engine
from inference.loader import LoadedModel, load_model
from inference.scheduler import Batch, Piece
from inference.stream import Stream
from inference.types import (
    EngineError,
    ErrorCode,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    SamplingParams,
    Started,
    Token,
    TokenEvent,
)
from tests.inference.tiny_families import CAPITALS, LETTERS, build_untrained

LONG = 60.0  # seconds that nothing here should need, however busy the machine
NEW = 14
Start = Callable[..., Engine]


@pytest.fixture
def t5(t5_folder: Path) -> LoadedModel:
    return load_model(t5_folder, dtype="float32", device="cpu", family="encoder-decoder")


@pytest.fixture(params=["t5", "bart", "mt5"])
def any_model(request: pytest.FixtureRequest, tmp_path: Path, t5_folder: Path) -> LoadedModel:
    folder = t5_folder if request.param == "t5" else build_untrained(tmp_path, request.param)
    return load_model(folder, dtype="float32", device="cpu", family="encoder-decoder")


@pytest.fixture
def start() -> Iterator[Start]:
    """Build an engine over a model; it runs by ``step`` or, if started, by itself."""
    engines: list[Engine] = []

    def build(loaded: LoadedModel, **settings: Any) -> Engine:
        engine = Engine(loaded.model, loaded.tokenizer, EngineConfig(**({"window": 64} | settings)))
        engines.append(engine)
        return engine

    yield build
    for engine in engines:
        engine.stop()


def ask(loaded: LoadedModel, name: str, source: str, **sampling: Any) -> GenerationRequest:
    ids = tuple(loaded.tokenizer.encode(source).ids)
    fields: dict[str, Any] = {"max_new_tokens": NEW} | sampling
    return GenerationRequest(name, start_ids(loaded.model), SamplingParams(**fields), source_ids=ids)


def read(stream: Stream) -> list[TokenEvent]:
    events: list[TokenEvent] = []
    while not events or not isinstance(events[-1], Finished | Failed):
        events.append(stream.get(timeout=LONG))
    return events


def ids(events: list[TokenEvent]) -> list[int]:
    return [event.id for event in events if isinstance(event, Token)]


def text(events: list[TokenEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def finish(engine: Engine, streams: list[Stream]) -> list[list[TokenEvent]]:
    while engine.step():
        pass
    return [read(stream) for stream in streams]


def generated(loaded: LoadedModel, request: GenerationRequest) -> list[int]:
    """What ``generate`` writes, without the tokens that begin and end it."""
    output = loaded.model.generate(
        torch.tensor([request.source_ids]), max_new_tokens=NEW, do_sample=False, num_beams=1
    )[0].tolist()
    end = loaded.model.generation_config.eos_token_id
    answer: list[int] = output[len(request.prompt_ids) :]
    return answer[: answer.index(end)] if end in answer else answer


def crowd(loaded: LoadedModel) -> list[GenerationRequest]:
    """Sources of many lengths; the answers of the trained model have many lengths too."""
    texts = ["reverse: a b", "the capital of france <extra_id_0>", "reverse: d a c", "reverse: c"]
    texts += ["the <extra_id_0> of peru is <extra_id_1>", "the capital of <extra_id_0> is cairo", "a"]
    return [ask(loaded, str(number), text) for number, text in enumerate(texts)]


def test_model_writes_what_it_has_learnt(start: Start, t5: LoadedModel) -> None:
    engine = start(t5)
    asked = [" ".join(letters) for letters in permutations(LETTERS, 3)]
    streams = [engine.submit(ask(t5, text, f"reverse: {text}")) for text in asked]
    answers = [text(events) for events in finish(engine, streams)]
    right = sum(answer == source[::-1] for answer, source in zip(answers, asked, strict=True))
    assert right >= 18, answers


def test_events_of_a_request(start: Start, t5: LoadedModel) -> None:
    engine = start(t5)
    engine.start()
    events = read(engine.submit(ask(t5, "a", "the capital of peru is <extra_id_0>")))
    assert events[0] == Started("a", 1, 0)
    assert text(events) == CAPITALS["peru"]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is FinishReason.STOP


def test_greedy_equals_generate_alone_and_in_a_crowd(start: Start, any_model: LoadedModel) -> None:
    requests = crowd(any_model)
    expected = [generated(any_model, request) for request in requests]
    assert len(set(map(tuple, expected))) > 3
    engine = start(any_model, max_running=4)
    alone = [ids(finish(engine, [engine.submit(request)])[0]) for request in requests]
    assert alone == expected
    together = [engine.submit(request) for request in requests]
    assert [ids(events) for events in finish(engine, together)] == expected


@pytest.mark.parametrize("pause", [1, 3])
def test_greedy_equals_generate_with_staggered_arrivals(
    start: Start, any_model: LoadedModel, pause: int
) -> None:
    requests = crowd(any_model)
    engine = start(any_model, max_running=3)
    streams = []
    for request in requests:
        streams.append(engine.submit(request))
        for _ in range(pause):
            engine.step()
    answers = [ids(events) for events in finish(engine, streams)]
    assert answers == [generated(any_model, request) for request in requests]


@pytest.mark.parametrize("sharing", list(Sharing))
def test_every_sharing_equals_generate(start: Start, t5: LoadedModel, sharing: Sharing) -> None:
    engine = start(t5, max_running=3)
    engine._runner = EncoderDecoderRunner(t5.model, sharing)
    requests = crowd(t5)
    streams = [engine.submit(request) for request in requests]
    answers = [ids(events) for events in finish(engine, streams)]
    assert answers == [generated(t5, request) for request in requests]


def test_sharing_follows_the_way_a_decoder_knows_positions(start: Start, any_model: LoadedModel) -> None:
    info = start(any_model).info
    if any_model.model.config.model_type == "bart":
        assert info.attention == "encoder-decoder, same length"
        assert "logits of the encoder-decoder, padded path are off" in info.note
    else:
        assert (info.attention, info.note) == ("encoder-decoder, padded", "")
    assert info.self_test_error < 1e-5


class Calls:
    """Counts the rows of every forward pass of a module."""

    def __init__(self, module: Any) -> None:
        self.rows: list[int] = []
        module.register_forward_hook(self._count, with_kwargs=True)

    def _count(self, module: Any, args: Any, inputs: dict[str, Any], output: Any) -> None:
        self.rows.append(len(output[0]))


def test_source_is_read_once_and_rows_are_computed_together(start: Start, t5: LoadedModel) -> None:
    engine = start(t5)
    encoder, decoder = Calls(t5.model.get_encoder()), Calls(t5.model.get_decoder())
    first = [engine.submit(ask(t5, name, "reverse: a b c", ignore_eos=True)) for name in "xyz"]
    engine.step()
    engine.step()
    late = engine.submit(ask(t5, "w", "reverse: d", ignore_eos=True))
    finish(engine, [*first, late])
    assert encoder.rows == [3, 1]
    # The late one begins beside the others, then is one of them, and is alone for its last two tokens.
    assert decoder.rows == [3, 3, 3, 1, *[4] * (NEW - 3), 1, 1]


def test_seed_gives_the_same_tokens_in_a_crowd(start: Start, t5: LoadedModel) -> None:
    engine = start(t5, max_running=3)
    settings = {"greedy": False, "temperature": 3.0, "ignore_eos": True}
    requests = [ask(t5, str(n), "reverse: a b c", seed=n, **settings) for n in range(5)]
    alone = [ids(finish(engine, [engine.submit(request)])[0]) for request in requests]
    assert len(set(map(tuple, alone))) == 5
    streams = [engine.submit(request) for request in requests]
    assert [ids(events) for events in finish(engine, streams)] == alone


def test_stop_string_and_cancel_end_an_answer(start: Start, t5: LoadedModel) -> None:
    engine = start(t5)
    stopped = engine.submit(ask(t5, "a", "reverse: a b c", stop=(" b",)))
    cancelled = engine.submit(ask(t5, "b", "reverse: a b c", ignore_eos=True))
    for _ in range(2):
        engine.step()
    engine.cancel("b")
    one, two = finish(engine, [stopped, cancelled])
    assert text(one) == "c"
    assert isinstance(one[-1], Finished)
    assert one[-1].reason is FinishReason.STOP_STRING
    assert isinstance(two[-1], Finished)
    assert (two[-1].reason, len(ids(two))) == (FinishReason.CANCELLED, 2)


def test_broken_row_hurts_no_neighbour_and_no_successor(start: Start, t5: LoadedModel) -> None:
    requests = crowd(t5)
    expected = [generated(t5, request) for request in requests]
    engine = start(t5, max_running=3)
    broken: int = t5.tokenizer.encode("<extra_id_3>").ids[0]

    def spoil(encoder: Any, args: Any, inputs: dict[str, torch.Tensor], output: Any) -> None:
        output.last_hidden_state[inputs["input_ids"].eq(broken).any(dim=1)] = math.nan

    t5.model.get_encoder().register_forward_hook(spoil, with_kwargs=True)
    bad = engine.submit(ask(t5, "bad", "reverse: <extra_id_3>"))
    streams = [engine.submit(request) for request in requests]
    failed, *rest = finish(engine, [bad, *streams])
    assert isinstance(failed[-1], Failed)
    assert failed[-1].code is ErrorCode.NUMERIC_FAULT
    assert [ids(events) for events in rest] == expected


def assert_close(logits: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(logits, wanted, rtol=0, atol=1e-4)


def test_rows_may_pause_and_slots_may_begin_anew(t5: LoadedModel) -> None:
    runner = EncoderDecoderRunner(t5.model, Sharing.ANY_LENGTH)
    sources = [tuple(t5.tokenizer.encode(text).ids) for text in ("reverse: a b c", "reverse: d a")]
    rows = [(0, 12, 11), (0, 13, 10)]

    def run(*asked: tuple[int, int, int, int], wanted: int = 1) -> torch.Tensor:
        """Each asked is slot, number of row and source, start and stop."""
        pieces = [
            Piece(str(slot), slot, a, rows[n][a:b], wanted, source=sources[n]) for slot, n, a, b in asked
        ]
        return runner.run(Batch(tuple(pieces)))

    def plain(n: int) -> torch.Tensor:
        with torch.inference_mode():
            inputs = {"input_ids": torch.tensor([sources[n]]), "decoder_input_ids": torch.tensor([rows[n]])}
            logits: torch.Tensor = t5.model(**inputs).logits[0]
        return logits

    first, second = plain(0), plain(1)
    assert_close(run((3, 0, 0, 1), (1, 1, 0, 1)), torch.stack([first[0], second[0]]))
    assert_close(run((3, 0, 1, 2)), first[1:2])  # slot 1 pauses
    assert_close(run((1, 1, 1, 2), (3, 0, 2, 3)), torch.stack([second[1], first[2]]))
    # Another request takes slot 3, with two tokens known already, and wants the logits after both.
    assert_close(run((3, 1, 0, 2), wanted=2), second[:2])
    assert_close(run((1, 1, 2, 3), (3, 1, 2, 3)), second[[2, 2]])


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ((), ErrorCode.INVALID_REQUEST, "The source is empty"),
        ((7, 99_999), ErrorCode.INVALID_REQUEST, "Token id 99999 is outside"),
        ((7,) * 65, ErrorCode.CONTEXT_OVERFLOW, "The source has 65 tokens, but .* has 64"),
    ],
)
def test_bad_source_is_refused(
    start: Start, t5: LoadedModel, source: tuple[int, ...], code: ErrorCode, message: str
) -> None:
    with pytest.raises(EngineError, match=message) as refused:
        start(t5).submit(GenerationRequest("a", (0,), SamplingParams(4), source_ids=source))
    assert refused.value.code is code


def test_source_is_refused_by_a_model_without_encoder(start: Start, tiny: LoadedModel) -> None:
    with pytest.raises(EngineError, match="no encoder"):
        start(tiny).submit(GenerationRequest("a", (5,), SamplingParams(4), source_ids=(5,)))


def test_model_without_a_window_needs_one(start: Start, t5: LoadedModel) -> None:
    with pytest.raises(ValueError, match="no context window"):
        start(t5, window=0)
