"""Probes: the next token and the score of a text, asked of a prober whose engine alone is made up."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from inference.stream import Stream
from inference.types import (
    EngineError,
    ErrorCode,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    NextToken,
    Priority,
    Scored,
    Usage,
)
from playground import catalog, events, prober
from playground.actions import probes
from playground.models import Run, WorkerLease
from playground.models.worker_lease import WorkerState
from playground.prober import Prober
from tests.conftest import spec
from tests.system.instance import wait_until

MODEL = "smollm2-135m-instruct"
LOGITS = numpy.arange(8, dtype="<f2").tobytes()

# Real transactions: the prober closes its connections between questions.
pytestmark = [pytest.mark.usefixtures("valkey", "plain_static"), pytest.mark.django_db(transaction=True)]


class Engine:
    """Answers at once, unless it is told to hold still or to fail."""

    def __init__(self) -> None:
        self.asked: list[GenerationRequest] = []
        self.ended: list[str] = []
        self.fault: EngineError | None = None
        self.holds = False

    def submit(self, request: GenerationRequest) -> Stream:
        self.asked.append(request)
        stream = Stream(request.request_id)
        if self.fault and self.fault.code is ErrorCode.CACHE_OVERFLOW:
            raise self.fault
        if self.fault:
            stream.put(Failed(request.request_id, self.fault.code, self.fault.message))
        elif not self.holds:
            stream.put(*self.answers(request))
        return stream

    def answers(self, request: GenerationRequest) -> Iterator[Any]:
        key, start = request.request_id, request.score_from
        if request.next_token:
            yield NextToken(key, LOGITS)
        for index, token in enumerate(request.prompt_ids[start:] if start else (), start or 0):
            yield Scored(key, index, token, "?", -0.5, 1, ())
        yield Finished(key, FinishReason.LENGTH, Usage(len(request.prompt_ids), 0, 0))

    def cancel(self, request_id: str) -> None:
        self.ended.append(request_id)


@pytest.fixture
def engine(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The engine of a warm worker."""
    monkeypatch.setattr(prober, "LOOK_EVERY", 0.05)
    WorkerLease.objects.create(name="host", model=MODEL, state=WorkerState.WARM)
    with events.connect() as client:
        client.delete(events.probes_key(MODEL))
    engine, draining = Engine(), threading.Event()
    Prober(engine, MODEL, draining).start()  # type: ignore[arg-type]
    yield engine
    draining.set()
    # Else they would take what the next test asks.
    wait_until(lambda: not any(t.name.startswith("prober") for t in threading.enumerate()), 20, "it ended")


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    with events.connect() as client:
        yield client


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "WAIT", 0.5)


def post(user: User, name: str, **body: Any) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(reverse(name), json.dumps(body), content_type="application/json")


def refused(answer: Any) -> tuple[int, str]:
    assert answer.json()["error"]["message"].endswith(".")
    return answer.status_code, answer.json()["error"]["code"]


def ended(run: Run, *ids: int) -> Run:
    run.tokens = [{"t": "a", "id": id, "lp": -1.0, "rank": 1, "top": []} for id in ids]
    run.status = "succeeded"
    run.save()
    return run


def test_the_next_token_of_a_prompt(alice: User, engine: Engine) -> None:
    answer = post(alice, "next-token", spec=spec().as_json())
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/octet-stream")
    assert answer.content == LOGITS
    (request,) = engine.asked
    assert request.prompt_ids == tuple(probes.behind_prompt(spec()).ids)
    assert (request.user, request.priority, request.next_token) == (str(alice.pk), Priority.BATCH, True)
    assert request.sampling.max_new_tokens == 0
    wait_until(lambda: engine.ended, 3, "the engine was told")


def test_the_next_token_inside_an_answer(alice: User, engine: Engine, run: Run) -> None:
    ended(run, 5, 6, 7)
    for at, taken in ((0, "5"), (2, "7"), (3, None)):
        answer = post(alice, "next-token", run=str(run.pk), at=at)
        assert answer.status_code == 200
        assert answer.get("X-Taken") == taken
        assert engine.asked[-1].prompt_ids == (*run.prompt_ids, *(5, 6, 7)[:at])


def test_a_viewer_may_look(bob: User, engine: Engine, run: Run) -> None:
    assert post(bob, "next-token", run=str(ended(run, 5).pk), at=1).status_code == 200


def test_an_outsider_finds_no_run(carol: User, engine: Engine, run: Run) -> None:
    assert refused(post(carol, "next-token", run=str(run.pk))) == (404, "not_found")
    assert engine.asked == []


@pytest.mark.parametrize("name", ["next-token", "score"])
def test_strangers_are_refused(db: None, name: str) -> None:
    assert Client().post(reverse(name), {}, content_type="application/json").status_code == 401
    assert Client().get(reverse("vocabulary", args=[MODEL])).status_code == 401


def test_what_is_no_place_is_refused(alice: User, engine: Engine, run: Run) -> None:
    live = post(alice, "next-token", run=str(run.pk), at=1)
    assert refused(live) == (422, "no_such_token")
    assert "ended" in live.json()["error"]["message"]
    ended(run, 5)
    assert refused(post(alice, "next-token", run=str(run.pk), at=2)) == (422, "no_such_token")
    assert refused(post(alice, "next-token", run=str(run.pk), at=-1)) == (422, "invalid")
    assert refused(post(alice, "next-token")) == (422, "invalid")
    both = post(alice, "next-token", run=str(run.pk), spec=spec().as_json())
    assert refused(both) == (422, "invalid")
    assert engine.asked == []


def test_a_prompt_that_nobody_could_ask_about_is_refused(alice: User, engine: Engine) -> None:
    empty, long = spec(input={}), spec(input={"input": "word " * 3000})
    other = spec(model="gpt-17")
    for name, extra in (("next-token", {}), ("score", {"text": "a"})):
        assert refused(post(alice, name, spec=empty.as_json(), **extra)) == (422, "empty_prompt")
        assert refused(post(alice, name, spec=long.as_json(), **extra)) == (422, "prompt_too_long")
        assert refused(post(alice, name, spec=other.as_json(), **extra)) == (422, "unknown_model")
    assert engine.asked == []


def test_a_text_is_scored_token_by_token(alice: User, engine: Engine) -> None:
    text = "Hello 🙂<|im_end|>"
    answer = post(alice, "score", spec=spec().as_json(), text=text)
    assert answer.status_code == 200
    tokens = answer.json()["tokens"]
    assert "".join(token["t"] for token in tokens) == text
    assert {token["lp"] for token in tokens} == {-0.5}
    (request,) = engine.asked
    prompt = tuple(probes.behind_prompt(spec()).ids)
    assert request.prompt_ids[: len(prompt)] == prompt
    assert [token["id"] for token in tokens] == list(request.prompt_ids[len(prompt) :])
    assert request.score_from == len(prompt)
    # What people paste never ends a turn.
    assert not set(request.prompt_ids[len(prompt) :]) & catalog.tokenizer(MODEL).special_ids


def test_a_text_that_cannot_be_scored_is_refused(alice: User, engine: Engine) -> None:
    wanted = spec().as_json()
    assert refused(post(alice, "score", spec=wanted, text="")) == (422, "empty_text")
    assert refused(post(alice, "score", spec=wanted, text="a\0")) == (422, "invalid")
    assert refused(post(alice, "score", spec=wanted, text="word " * 2100)) == (422, "prompt_too_long")
    assert engine.asked == []


@pytest.mark.parametrize("state", [None, WorkerState.ABSENT, WorkerState.LOADING, WorkerState.FAILED])
def test_a_model_that_is_not_warm_is_not_asked(
    alice: User, broker: redis.Redis, state: WorkerState | None
) -> None:
    if state:
        WorkerLease.objects.create(name="host", model=MODEL, state=state, detail="so it is")
    broker.delete(events.probes_key(MODEL))
    answer = post(alice, "next-token", spec=spec().as_json())
    assert refused(answer) == (409, "model_not_warm")
    assert not broker.exists(events.probes_key(MODEL))


@pytest.mark.usefixtures("short_wait")
def test_a_queue_that_nobody_reads_stays_short_and_ends(
    alice: User, broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    WorkerLease.objects.create(name="host", model=MODEL, state=WorkerState.WARM)
    monkeypatch.setattr(events, "MOST_PROBES", 2)
    for _ in range(3):
        answer = post(alice, "next-token", spec=spec().as_json())
        assert refused(answer) == (503, "no_answer")
        assert int(answer["Retry-After"]) > 0
    assert broker.llen(events.probes_key(MODEL)) == 2
    assert 0 < broker.ttl(events.probes_key(MODEL)) <= events.PROBE_LIFE


@pytest.mark.usefixtures("short_wait")
def test_what_nobody_waits_for_is_dropped(alice: User, engine: Engine) -> None:
    engine.holds = True
    assert refused(post(alice, "next-token", spec=spec().as_json())) == (503, "no_answer")
    wait_until(lambda: len(engine.ended) == 1, 5, "the engine was told to stop")


def test_a_faulty_engine_is_told_in_its_words(alice: User, engine: Engine) -> None:
    for code in (ErrorCode.CACHE_OVERFLOW, ErrorCode.NUMERIC_FAULT):
        engine.fault = EngineError(code, "It cannot be done.")
        assert refused(post(alice, "next-token", spec=spec().as_json())) == (422, code)
    engine.fault = None
    assert post(alice, "next-token", spec=spec().as_json()).status_code == 200


def ask_beside(key: str, user: str, **fields: Any) -> Callable[[], Any]:
    """Asks in a thread of its own; call the result for the answer."""
    found: list[Any] = []
    probe = events.Probe(key, user, [1, 2], **fields)
    thread = threading.Thread(target=lambda: found.append(events.ask(MODEL, probe, wait=10)))
    thread.start()

    def answer() -> Any:
        thread.join(10)
        return found[0]

    return answer


def test_the_newest_question_of_a_user_wins(engine: Engine) -> None:
    engine.holds = True
    first = ask_beside("probe:1", "7")
    wait_until(lambda: engine.asked, 3, "the first question")
    other, score = ask_beside("probe:2", "8"), ask_beside("probe:3", "7", score_from=1)
    wait_until(lambda: len(engine.asked) == 3, 3, "questions of others and of other kinds beside it")
    began = time.monotonic()
    engine.holds = False
    second = ask_beside("probe:4", "7")
    assert "logits" in second()
    assert first() == {"superseded": True}
    assert time.monotonic() - began < 2
    wait_until(lambda: "probe:1" in engine.ended, 3, "the first one was stopped")
    assert not {"probe:2", "probe:3"} & set(engine.ended)
    with events.connect() as client:
        for key in ("probe:2", "probe:3"):
            events.answer(client, key, {"superseded": True})
        client.delete("probe:newest:8:next", "probe:newest:7:score")
    assert other() == score() == {"superseded": True}


def test_nothing_of_a_probe_stays(alice: User, engine: Engine, broker: redis.Redis) -> None:
    assert post(alice, "next-token", spec=spec().as_json()).status_code == 200
    keys = list(broker.scan_iter("probe*"))
    assert all(0 < broker.ttl(key) <= events.PROBE_LIFE for key in keys)


def test_a_silent_broker_is_told(alice: User, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(events, "ask", fail)
    assert refused(post(alice, "next-token", spec=spec().as_json())) == (503, "no_broker")


def test_the_vocabulary_lasts_at_the_address_of_its_hash(alice: User, engine: Engine) -> None:
    client = Client()
    client.force_login(alice)
    address = post(alice, "next-token", spec=spec().as_json())["X-Vocabulary"]
    lasting = client.get(address)
    texts = lasting.json()
    assert "immutable" in lasting["Cache-Control"]
    assert len(texts) == 49152
    (token,) = catalog.tokenizer(MODEL).encode(" positive").ids
    assert texts[token] == " positive"
    assert texts[2] == "<|im_end|>"
    assert client.get(reverse("vocabulary", args=[MODEL]))["Cache-Control"] == "no-cache"
    assert refused(client.get(reverse("vocabulary", args=["gpt-17"]))) == (422, "unknown_model")
