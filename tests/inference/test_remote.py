"""A remote model against a real HTTP server, with every fault: each request ends with one event."""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference import remote
from inference.registry import USUAL, RemoteSource
from inference.remote import RemoteEngine
from inference.types import (
    EngineError,
    ErrorCode,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    Guess,
    Piece,
    SamplingParams,
    Started,
    TokenEvent,
    Usage,
)
from inference.upstream import Patience
from tests.inference.far_server import (
    Asked,
    FarServer,
    Send,
    counted,
    ended,
    entry,
    event,
    far_server,
    head,
    raw,
    said,
    stream,
    whole,
)

KEY = "sk-very-secret"
ASKED = ({"role": "user", "content": "Say hello."},)
REAL = socket.getaddrinfo
MakeEngine = Callable[..., RemoteEngine]


@pytest.fixture
def server() -> Iterator[FarServer]:
    with far_server() as server:
        yield server


@pytest.fixture
def make_engine(server: FarServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeEngine]:
    monkeypatch.setattr(remote, "PAUSES", (0.01, 0.02))
    made: list[RemoteEngine] = []

    def make(patience: Patience = Patience(connect=2, first=5, silence=5), **changes: Any) -> RemoteEngine:  # noqa: B008
        source = RemoteSource(server.url, "big", "BIG_KEY", "chat", frozenset(USUAL), private=True)
        made.append(engine := RemoteEngine(replace(source, **changes), KEY, patience=patience))
        engine.start()
        return engine

    yield make
    for engine in made:
        engine.stop()


@pytest.fixture
def engine(make_engine: MakeEngine) -> RemoteEngine:
    return make_engine()


def ask(engine: RemoteEngine, name: str = "r", **sampling: Any) -> list[TokenEvent]:
    """Every event of one request; there is always a last one."""
    request = GenerationRequest(name, sampling=SamplingParams(**sampling), text="Say hello.", messages=ASKED)
    stream = engine.submit(request)
    events = [stream.get(timeout=20)]
    while not isinstance(events[-1], Finished | Failed):
        events.append(stream.get(timeout=20))
    return events


def text_of(events: list[TokenEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece))


def fault(events: list[TokenEvent]) -> tuple[ErrorCode, str]:
    assert isinstance(events[-1], Failed), events
    return events[-1].code, events[-1].message


# --- an answer in order


def test_an_answer_is_streamed_with_its_figures(server: FarServer, engine: RemoteEngine) -> None:
    hello = entry("Hel", -0.25, Hel=-0.25, Hi=-1.5)
    server.answers = [stream(said("Hel", hello), said("lo"), ended(), counted(7, 3, 4))]
    assert ask(engine) == [
        Started("r", None, 0, "big-2026 fp_1"),
        Piece("r", 0, "Hel", -0.25, (Guess("Hel", -0.25), Guess("Hi", -1.5))),
        Piece("r", 1, "lo"),
        Finished("r", FinishReason.STOP, Usage(7, 4, 3)),
    ]


def test_the_chat_endpoint_is_asked_in_its_words(server: FarServer, engine: RemoteEngine) -> None:
    ask(engine, greedy=False, temperature=0.7, top_k=40, top_p=0.9, min_p=0.1, seed=5, stop=tuple("abcdef"))
    assert (server.asked[0].method, server.asked[0].path) == ("POST", "/v1/chat/completions")
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.asked[0].headers["host"] == f"127.0.0.1:{server.port}"
    assert server.asked[0].body == {
        "model": "big",
        "messages": [{"role": "user", "content": "Say hello."}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.7,
        "max_tokens": 64,
        "top_p": 0.9,
        "seed": 5,
        "stop": ["a", "b", "c", "d"],
        "logprobs": True,
        "top_logprobs": 5,
    }


def test_the_other_endpoint_gets_the_text(server: FarServer, make_engine: MakeEngine) -> None:
    figures = {"tokens": ["Hel"], "token_logprobs": [-0.5], "top_logprobs": [{"Hel": -0.5, "Hi": -2.0}]}
    chunk = {"choices": [{"text": "Hel", "logprobs": figures, "finish_reason": "length"}]}
    server.answers = [stream(chunk)]
    accepts = frozenset({"logprobs", "top_k", "repetition_penalty", "max_completion_tokens"})
    events = ask(
        make_engine(endpoint="completions", accepts=accepts),
        greedy=False, top_k=3, top_p=0.5, repetition_penalty=1.5,
    )  # fmt: skip
    assert server.asked[0].path == "/v1/completions"
    assert server.asked[0].body == {
        "model": "big",
        "prompt": "Say hello.",
        "stream": True,
        "temperature": 1.0,
        "max_completion_tokens": 64,
        "top_k": 3,
        "repetition_penalty": 1.5,
        "logprobs": 5,
    }
    assert events[1] == Piece("r", 0, "Hel", -0.5, (Guess("Hel", -0.5), Guess("Hi", -2.0)))
    assert events[-1] == Finished("r", FinishReason.LENGTH, Usage(None, 0, 1))


def test_greedy_is_temperature_nought(server: FarServer, engine: RemoteEngine) -> None:
    ask(engine, presence_penalty=0.5)
    body = server.asked[0].body
    assert (body["temperature"], body["presence_penalty"]) == (0, 0.5)
    assert not {"top_p", "seed", "frequency_penalty"} & set(body)


def test_characters_that_were_cut_are_put_together(server: FarServer, engine: RemoteEngine) -> None:
    first, second = (
        {"token": "?", "logprob": -1.0, "bytes": [0xC3]},
        {"token": "?", "logprob": -2.0, "bytes": [0xA9]},
    )
    server.answers = [stream(said("é", first, second), ended())]
    assert ask(engine)[1:3] == [Piece("r", 0, "", -1.0), Piece("r", 1, "é", -2.0)]


def test_figures_of_another_text_are_left_out(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [stream(said("Hello", entry("Good", -1), entry("bye", -1)), ended())]
    assert ask(engine)[1] == Piece("r", 0, "Hello")


@pytest.mark.parametrize("logprob", [None, float("nan"), float("-inf"), 3.0])
def test_a_figure_that_is_none_is_not_known(
    server: FarServer, engine: RemoteEngine, logprob: float | None
) -> None:
    server.answers = [stream(said("a", entry("a", logprob, b=float("nan"))), ended())]
    assert ask(engine)[1] == Piece("r", 0, "a")


def test_what_no_database_holds_is_replaced(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [stream(said("a\x00b"), ended())]
    assert text_of(ask(engine)) == "a\ufffdb"


@pytest.mark.parametrize(
    ("stop", "more", "reason"),
    [
        ((), {}, FinishReason.STOP),
        (("x",), {}, FinishReason.SERVER_STOP),
        (("x",), {"stop_reason": "x"}, FinishReason.STOP_STRING),
    ],
)
def test_why_it_ended_is_told_as_far_as_the_server_does(
    server: FarServer, engine: RemoteEngine, stop: tuple[str, ...], more: dict[str, Any], reason: FinishReason
) -> None:
    server.answers = [stream(said("Hi"), ended(**more))]
    assert ask(engine, stop=stop)[-1] == Finished("r", reason, Usage(None, 0, 1))


def test_stop_strings_are_kept_by_a_server_that_ignores_them(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [stream(said("one\nQ"), said("uestion: two"), said("on"), pause=0.05)]
    events = ask(engine, stop=("\nQuestion",))
    assert (text_of(events), events[-1]) == (
        "one",
        Finished("r", FinishReason.STOP_STRING, Usage(None, 0, 2)),
    )
    assert server.dropped.wait(5), "the server need not go on"


def test_the_length_is_kept_by_a_server_that_ignores_it(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [stream(*[said("a ")] * 50)]
    events = ask(engine, max_new_tokens=3)
    assert (text_of(events), events[-1]) == ("a a a ", Finished("r", FinishReason.LENGTH, Usage(None, 0, 3)))


def test_requests_run_side_by_side_and_one_that_is_cancelled_ends_alone(
    server: FarServer, engine: RemoteEngine
) -> None:
    server.answers = [stream(said("a"), said("b"), ended(), pause=0.3), stream(said("c"), ended(), pause=0.4)]
    first, second = (engine.submit(GenerationRequest(name, messages=ASKED)) for name in ("first", "second"))
    assert isinstance(first.get(timeout=5), Started)
    assert engine.stats().running == 2
    engine.cancel("first")
    assert [type(event) for event in first][-1] is Finished
    assert server.dropped.wait(5), "the server hears of it"
    assert [type(event) for event in second] == [Started, Piece, Finished]
    assert engine.stats().running == 0


def test_a_cancelled_request_keeps_its_text(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [stream(said("kept"), said("late"), pause=1.0)]
    stream_ = engine.submit(GenerationRequest("r", messages=ASKED, sampling=SamplingParams(stop=("ptx",))))
    assert isinstance(stream_.get(timeout=5), Started)
    engine.cancel("r")
    assert list(stream_) == [Piece("r", 0, "kept"), Finished("r", FinishReason.CANCELLED, Usage(None, 0, 1))]


def test_an_engine_that_stops_ends_its_requests(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [stream(said("a"), pause=60)]
    stream_ = engine.submit(GenerationRequest("r", messages=ASKED))
    engine.stop()
    assert list(stream_) == [Failed("r", ErrorCode.ENGINE_FAILED, "The engine was stopped.")]
    with pytest.raises(EngineError, match="stopped"):
        engine.submit(GenerationRequest("r", messages=ASKED))
    assert not engine.stats().alive


def test_a_prompt_of_the_other_kind_is_refused(engine: RemoteEngine) -> None:
    with pytest.raises(EngineError, match="not what the server takes"):
        engine.submit(GenerationRequest("r", text="only text"))


# --- faults before the first token


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_fault_that_passes_is_tried_again(server: FarServer, engine: RemoteEngine, status: int) -> None:
    server.answers = [whole(status, {}), raw(head(200)[:20]), stream(said("Hello"), ended())]
    assert text_of(ask(engine)) == "Hello"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, ErrorCode.UPSTREAM_BUSY),
        (503, ErrorCode.UPSTREAM_BUSY),
        (500, ErrorCode.UPSTREAM_FAILED),
        (501, ErrorCode.UPSTREAM_FAILED),
    ],
)
def test_a_fault_that_stays_is_told_after_three_tries(
    server: FarServer, engine: RemoteEngine, status: int, code: ErrorCode
) -> None:
    server.answers = [whole(status, {"error": {"message": "no\troom \u202e here"}})]
    assert fault(ask(engine)) == (code, f"{status}: no room here")
    assert len(server.asked) == 3


@pytest.mark.parametrize(("status", "said_"), [(400, "bad top_k"), (404, "no such model"), (422, "no")])
def test_a_refusal_is_told_at_once(server: FarServer, engine: RemoteEngine, status: int, said_: str) -> None:
    server.answers = [whole(status, {"error": {"message": said_}})]
    assert fault(ask(engine)) == (ErrorCode.UPSTREAM_REFUSED, f"{status}: {said_}")
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error": 7}', b"[" * 9000, b"\xff" * 100_000])
def test_a_refusal_without_a_reason_is_told_without_one(
    server: FarServer, engine: RemoteEngine, body: bytes
) -> None:
    server.answers = [raw(head(400), body)]
    assert fault(ask(engine)) == (ErrorCode.UPSTREAM_REFUSED, "400: no reason")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(server: FarServer, engine: RemoteEngine, status: int) -> None:
    server.answers = [raw(head(status, f"Location: {server.url}/elsewhere", "Content-Length: 0"))]
    code, words = fault(ask(engine))
    assert (code, words) == (ErrorCode.UPSTREAM_REFUSED, f"{status}: a redirect, which is not followed")
    assert [asked.path for asked in server.asked] == ["/v1/chat/completions"]


def test_a_short_pause_is_kept_and_a_long_one_is_not_waited_for(
    server: FarServer, engine: RemoteEngine
) -> None:
    server.answers = [whole(429, {}, "Retry-After: 0.3"), stream(said("a"), ended())]
    began = time.monotonic()
    assert text_of(ask(engine)) == "a"
    assert time.monotonic() - began >= 0.3
    server.answers = [whole(429, {}, "Retry-After: 3600")]
    assert fault(ask(engine))[0] is ErrorCode.UPSTREAM_BUSY
    assert len(server.asked) == 3


def test_a_server_that_is_not_there_is_unreachable(server: FarServer, make_engine: MakeEngine) -> None:
    engine = make_engine(url="http://127.0.0.1:9/v1")
    assert engine.stats().error == "no connection"
    assert fault(ask(engine)) == (ErrorCode.UPSTREAM_UNREACHABLE, "no connection")


def test_an_unknown_name_is_unreachable(make_engine: MakeEngine) -> None:
    engine = make_engine(url="http://nobody.invalid/v1")
    assert fault(ask(engine)) == (ErrorCode.UPSTREAM_UNREACHABLE, "its name is not known")


def test_silence_before_the_first_token_runs_out(server: FarServer, make_engine: MakeEngine) -> None:
    async def comments(asked: Asked, send: Send) -> None:
        await send(head(200))
        while True:
            await send(b": still here\n\n" + event(said("")))
            await asyncio.sleep(0.05)

    server.answers = [comments]
    engine = make_engine(patience=Patience(first=0.4, silence=60))
    assert fault(ask(engine)) == (ErrorCode.UPSTREAM_TIMEOUT, "nothing for 0 s")
    assert len(server.asked) == 1
    assert server.dropped.wait(5)


# --- faults within an answer


def test_silence_within_an_answer_runs_out(server: FarServer, make_engine: MakeEngine) -> None:
    server.answers = [stream(said("a"), said("b"), pause=0.5)]
    engine = make_engine(patience=Patience(first=5, silence=0.2))
    events = ask(engine)
    assert (text_of(events), fault(events)[0]) == ("a", ErrorCode.UPSTREAM_TIMEOUT)


@pytest.mark.parametrize("last", [b"", b"data: [DONE]\n\n", b'data: {"choi'])
def test_an_answer_that_breaks_off_is_told_and_not_begun_again(
    server: FarServer, engine: RemoteEngine, last: bytes
) -> None:
    server.answers = [stream(said("half"), last=last)]
    events = ask(engine)
    assert (text_of(events), fault(events)) == ("half", (ErrorCode.UPSTREAM_FAILED, "the answer broke off"))
    assert len(server.asked) == 1


def test_a_drop_within_the_body_is_told(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [raw(head(200, "Content-Length: 1000"), event(said("half")))]
    assert fault(ask(engine)) == (ErrorCode.UPSTREAM_FAILED, "the connection broke off")


def test_a_fault_behind_the_end_changes_nothing(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [raw(head(200, "Content-Length: 1000"), event(said("all")), event(ended()))]
    assert ask(engine)[-1] == Finished("r", FinishReason.STOP, Usage(None, 0, 1))


def test_a_server_that_never_closes_is_not_waited_for(
    server: FarServer, engine: RemoteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "USAGE_WAIT", 0.1)
    server.answers = [stream(said("all"), ended(), *[ended()] * 3, counted(1, 1), pause=0.05)]
    assert ask(engine)[-1] == Finished("r", FinishReason.STOP, Usage(None, 0, 1))


def test_an_error_within_the_stream_is_told(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [stream(said("a"), {"error": {"message": "out of memory"}})]
    assert fault(ask(engine)) == (ErrorCode.UPSTREAM_FAILED, "it says: out of memory")


def test_a_filtered_answer_is_a_refusal(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [stream(said("a"), ended("content_filter"))]
    assert fault(ask(engine)) == (ErrorCode.UPSTREAM_REFUSED, "its filter held the answer back")


def test_a_page_is_no_stream(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [raw(head(200, kind="text/html"), b"<html>data: {}</html>")]
    assert fault(ask(engine)) == (ErrorCode.UPSTREAM_FAILED, "something that is no stream of events")


def test_a_line_without_end_is_given_up(server: FarServer, engine: RemoteEngine) -> None:
    async def endless(asked: Asked, send: Send) -> None:
        await send(head(200) + b"data: ")
        while True:
            await send(b"a" * 65536)

    server.answers = [endless]
    assert fault(ask(engine))[0] is ErrorCode.UPSTREAM_FAILED
    assert server.dropped.wait(5)


def test_more_text_than_anybody_wants_is_given_up(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [stream(*[said("a" * 900_000)] * 6)]
    assert fault(ask(engine)) == (ErrorCode.UPSTREAM_FAILED, "more text than was asked for")


GARBAGE = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=80).map(lambda tail: head(200) + tail),
    st.binary(max_size=80).map(lambda tail: head(200) + b"data: " + tail + b"\n\n"),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "delta", "content", "logprobs", "token", "usage", "text", "error"]
                )
                | st.text(max_size=4),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    ).map(lambda chunk: head(200) + event(chunk)),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=GARBAGE)
def test_whatever_comes_back_a_request_ends_with_a_code(
    server: FarServer, engine: RemoteEngine, garbage: bytes
) -> None:
    engine._breaker.succeeded()
    server.answers = [raw(garbage)]
    code, words = fault(ask(engine))
    assert code in ErrorCode
    assert words.isprintable()


# --- addresses


def test_a_name_is_resolved_once_and_that_address_is_connected_to(
    server: FarServer, make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ["127.0.0.1", "127.0.0.1", "192.0.2.1"]  # for the look, for the request, and never asked for
    resolved = []

    def resolve(host: str, *options: Any) -> list[Any]:
        resolved.append(host)
        return REAL(answers.pop(0), *options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    events = ask(make_engine(url=f"http://far.example:{server.port}/v1"))
    assert text_of(events) == "Hello"
    assert resolved == ["far.example"] * 2
    assert server.asked[0].headers["host"] == f"far.example:{server.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "far.example", "[::1]", "0", "2130706433"])
def test_a_private_address_needs_the_operators_word(
    server: FarServer, make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    if host == "far.example":
        found = REAL("1.1.1.1", 80) + REAL("10.0.0.7", 80)  # one good address does not help
        monkeypatch.setattr(socket, "getaddrinfo", lambda *where: found)
    engine = make_engine(url=f"https://{host}:{server.port}/v1", private=False)
    words = "its address is of a private network, which models.toml does not allow"
    assert (engine.stats().error, fault(ask(engine))) == (words, (ErrorCode.UPSTREAM_UNREACHABLE, words))
    assert (server.looks, server.asked) == (0, [])


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for far.example that this process believes in."""
    if not (openssl := shutil.which("openssl")):
        pytest.skip("openssl is not there to make a certificate")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    name = ["-subj", "/CN=far.example", "-addext", "subjectAltName=DNS:far.example"]
    made = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        key,
        "-out",
        certificate,
        *name,
    ]
    subprocess.run(made, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize(("host", "trouble"), [("far.example", ""), ("other.example", "no connection")])
def test_a_certificate_must_be_that_of_the_name(
    secured: ssl.SSLContext, make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch, host: str, trouble: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *options: REAL("127.0.0.1", *options))
    with far_server(secured) as server:
        assert make_engine(url=f"https://{host}:{server.port}/v1").stats().error == trouble


# --- the breaker, the looks, and the key


def test_a_server_that_fails_again_and_again_is_left_alone(
    server: FarServer, engine: RemoteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [whole(500, {})]
    ask(engine), ask(engine)
    assert len(server.asked) == 5, "the sixth try was not sent"
    assert fault(ask(engine))[0] is ErrorCode.UPSTREAM_UNREACHABLE
    assert len(server.asked) == 5
    server.answers = [stream(said("a"), ended())]
    monkeypatch.setattr(engine._breaker, "_rests_until", 0.0)
    assert text_of(ask(engine)) == "a"
    assert not engine._breaker.is_open


def test_refusals_do_not_count_against_the_server(server: FarServer, engine: RemoteEngine) -> None:
    server.answers = [whole(400, {})]
    for _ in range(8):
        assert fault(ask(engine))[0] is ErrorCode.UPSTREAM_REFUSED


def test_a_look_tells_whether_the_server_is_there(
    server: FarServer, engine: RemoteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "LOOK", 0.1)
    monkeypatch.setattr(remote, "LOOK_AGAIN", 0.1)
    assert engine.stats().error == ""
    server.models = whole(401, {"error": {"message": f"Incorrect key {KEY}"}})
    wait_for(lambda: engine.stats().error == "401: the key was refused")
    server.models = whole(404, {})
    wait_for(lambda: engine.stats().error == "")


def wait_for(is_true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_the_key_is_in_no_event_and_in_no_log(
    server: FarServer, engine: RemoteEngine, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    server.answers = [whole(status, {"error": {"message": f"Incorrect API key provided: {KEY}."}})]
    with caplog.at_level(logging.DEBUG):
        events = ask(engine)
    assert isinstance(events[-1], Failed)
    assert KEY not in f"{events} {engine.info} {engine.stats().error} {engine!r} {vars(engine)} {caplog.text}"


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_is_none_is_refused_without_being_told(key: str) -> None:
    with pytest.raises(ValueError, match="BIG_KEY holds something that is no key") as caught:
        RemoteEngine(RemoteSource("https://far.example/v1", "big", "BIG_KEY"), key)
    assert key not in str(caught.value)
