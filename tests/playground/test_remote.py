"""A remote model in the program: what is shown and refused, and runs through a worker and a real server."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.urls import reverse

from inference import remote as engines
from inference.registry import Registry
from playground import catalog, events
from playground.actions import api_keys, exports, imports, receipts, runs
from playground.api import bodies, chat, completions, tokens
from playground.errors import RUN_ERRORS, Refusal
from playground.events import EntryId
from playground.following import Following
from playground.models import ApiKey, Experiment, Run, Team, WorkerLease
from playground.models.ids import new_id
from playground.models.run import Status
from playground.receipts import rows
from playground.worker import Worker
from tests.conftest import spec
from tests.inference.far_server import FarServer, counted, ended, entry, far_server, said, stream, whole
from tests.playground.test_views import signed_in

KEY = "sk-very-secret"
SAMPLED = {"mode": "sample", "top_k": 40, "min_p": 0.1, "max_new_tokens": 20, "stop": ["END"]}
GOOD = stream(said("Hel", entry("Hel", -0.5, Hi=-0.9)), said("lo"), ended(), counted(12, 3, 8))

# Real transactions: threads of the worker close their connections.
pytestmark = [pytest.mark.usefixtures("valkey", "plain_static"), pytest.mark.django_db(transaction=True)]
MakeWorker = Callable[..., Worker]


@pytest.fixture
def server() -> Iterator[FarServer]:
    with far_server() as server:
        server.answers = [GOOD]
        yield server


@pytest.fixture(autouse=True)
def models(server: FarServer, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default model, one behind the server's chat endpoint, one behind the other, one without a key."""
    far = f'[[model]]\nname = "{{}}"\nremote = "{server.url}"\nprivate = true\nkey_env = "{{}}"\n'
    text = Path(django_settings.MODELS_FILE).read_text() + far.format("far", "FAR_KEY")
    text += far.format("bare", "FAR_KEY") + 'endpoint = "completions"\naccepts = ["top_k"]\nwindow = 4096\n'
    text += far.format("keyless", "NO_KEY")
    settings.MODELS_FILE = tmp_path / "models.toml"
    settings.MODELS_FILE.write_text(text)
    registry = Registry.load(settings.MODELS_FILE, django_settings.DATA_DIR)
    monkeypatch.setattr(catalog, "registry", lambda: registry)
    monkeypatch.setenv("FAR_KEY", KEY)
    monkeypatch.setattr(engines, "PAUSES", (0.01, 0.01))


@pytest.fixture
def make_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWorker]:
    """Without its pulse: tests look themselves."""
    monkeypatch.setattr(Worker, "_pulse_loop", lambda self: None)
    made: list[Worker] = []

    def make(model: str = "far") -> Worker:
        made.append(worker := Worker(model, new_id(), f"host:{model}"))
        worker.load()
        return worker

    yield make
    for worker in made:
        worker.close()


def far(**changes: Any) -> Any:
    return spec(**{"model": "far", "instruction": "Be brief.", "settings": SAMPLED} | changes)


def submit(user: User, experiment: Experiment, key: str = "k", **fields: Any) -> Run:
    wanted = runs.Submission(user, experiment.team, fields.pop("spec", None), key, experiment, **fields)
    return runs.submit(wanted)[0]


def served(worker: Worker, run: Run) -> Run:
    worker.serve()
    return Run.objects.get(pk=run.pk)


# --- what the page is told


def test_what_the_model_lacks_is_in_the_catalog() -> None:
    states = {state.name: state for state in catalog.model_states()}
    assert states["smollm2-135m-instruct"].lacks == {}
    chat, bare = states["far"], states["bare"]
    assert (chat.server, chat.window, chat.layouts) == ("127.0.0.1", 0, ("chat",))
    assert (bare.window, bare.layouts) == (4096, ("plain",))
    always = {"tokens", "next_token", "score", "branch", "layout"}
    assert set(chat.lacks) == always | {"top_k", "min_p", "repetition_penalty"}
    assert set(bare.lacks) - set(chat.lacks) == {"logprobs", "seed", "top_p"} | {
        "presence_penalty",
        "frequency_penalty",
    }
    assert all(reason.endswith(".") for reason in chat.lacks.values())


def test_tokens_of_a_prompt_are_not_known(alice: User) -> None:
    asked = {"spec": far().as_json(), "tokens": True}
    answer = signed_in(alice).post(reverse("prompt-render"), asked, "application/json").json()
    assert answer["counts"] is answer["tokens"] is None
    assert answer["uncounted"] == answer["why"] == catalog.model_state("far").lacks["tokens"]
    assert answer["text"] == "[system]\nBe brief.\n\n[user]\nSay hello."


@pytest.mark.parametrize(
    ("model", "layout", "words"), [("far", "plain", "messages only"), ("bare", "chat", "a bare text only")]
)
def test_the_other_layout_is_refused(alice: User, model: str, layout: str, words: str) -> None:
    asked = {"spec": far(model=model, layout=layout).as_json()}
    answer = signed_in(alice).post(reverse("prompt-render"), asked, "application/json")
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]


def test_tokens_of_examples_are_not_known(alice: User) -> None:
    answer = signed_in(alice).post(reverse("prompt-examples"), {"spec": far().as_json()}, "application/json")
    assert answer.json() == {"examples": None}


@pytest.mark.parametrize(("address", "body"), [("next-token", {}), ("score", {"text": "hello"})])
def test_what_needs_tokens_is_refused(alice: User, address: str, body: dict[str, Any]) -> None:
    answer = signed_in(alice).post(reverse(address), {"spec": far().as_json(), **body}, "application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "remote_model")


# --- a run


def test_a_run_is_streamed_and_kept(
    alice: User, experiment: Experiment, server: FarServer, make_worker: MakeWorker
) -> None:
    run = submit(alice, experiment, spec=far())
    assert (run.prompt_ids, run.prompt_tokens) == ([], None)
    assert [run.settings[key] for key in ("top_k", "min_p", "temperature")] == [None, None, 0.7]
    assert run.settings_words.endswith("(drawn) · not used: top-k, min-p, repetition penalty")
    run = served(make_worker(), run)
    assert (run.status, run.finish_reason, run.text) == (Status.SUCCEEDED, "server_stop", "Hello")
    assert run.tokens[0] == {"t": "Hel", "lp": -0.5, "top": [[None, "Hi", -0.9]], "ms": 0}
    assert (run.tokens[1]["t"], run.tokens[1]["lp"]) == ("lo", None)
    assert run.usage == {"prompt_tokens": 12, "cached_tokens": 8, "given_tokens": 0, "completion_tokens": 3}
    assert (run.logprob_sum, run.scored_tokens) == (-0.5, 1)
    assert server.asked[0].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Say hello."},
    ]
    assert dict(rows(run))["Computed"] == "on another server, as big-2026 fp_1"


def test_a_bare_text_is_sent_as_it_is(
    alice: User, experiment: Experiment, server: FarServer, make_worker: MakeWorker
) -> None:
    server.answers = [stream({"choices": [{"text": "Hi", "finish_reason": "length"}]})]
    run = submit(alice, experiment, spec=far(model="bare", layout="plain"))
    run = served(make_worker("bare"), run)
    assert server.asked[0].body["prompt"] == run.prompt_text == "Be brief.\n\ninput: Say hello.\noutput:"
    assert (run.text, run.prompt_tokens, run.completion_tokens) == ("Hi", None, 1)
    assert (run.logprob_sum, run.scored_tokens, run.settings["seed"]) == (None, 0, None)


def test_the_key_is_nowhere_but_in_the_request(
    alice: User,
    experiment: Experiment,
    server: FarServer,
    make_worker: MakeWorker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.answers = [GOOD, whole(400, {"error": {"message": f"Bad key {KEY}"}})]
    with caplog.at_level(logging.DEBUG), events.connect() as client:
        worker = make_worker()
        for key in "ab":
            run = served(worker, submit(alice, experiment, key, spec=far()))
            tape = events.next_entries(client, run.pk, EntryId(0, 0), wait=1)
            pages = [
                signed_in(alice).get(reverse(name, args=[run.pk])).content.decode()
                for name in ("run", "run-prompt", "run-receipt")
            ]
            assert KEY not in f"{vars(run)} {tape} {pages} {list(WorkerLease.objects.values())}"
    assert run.error_code == "upstream_refused"
    assert run.error_message.endswith("(400: Bad key …)")
    assert [asked.headers["authorization"] for asked in server.asked] == [f"Bearer {KEY}"] * 2
    assert KEY not in caplog.text


def test_a_run_that_is_stopped_stops_the_server(
    alice: User, experiment: Experiment, server: FarServer, make_worker: MakeWorker
) -> None:
    server.answers = [stream(said("kept"), *[said(" more")] * 50, pause=0.2)]
    run = submit(alice, experiment, spec=far())
    worker = make_worker()
    run.claim(worker.id)
    run.refresh_from_db()
    line = worker._publisher.open(run)
    threading.Timer(1.0, line.cancel_asked.set).start()
    Following(worker, run, line).to_the_end()
    run.refresh_from_db()
    assert (run.status, run.text.startswith("kept")) == (Status.CANCELLED, True)
    assert server.dropped.wait(5)


def test_a_server_that_fails_fails_the_run_with_a_sentence(
    alice: User, experiment: Experiment, server: FarServer, make_worker: MakeWorker
) -> None:
    server.answers = [whole(503, {"error": {"message": "all slots are taken"}})]
    run = served(make_worker(), submit(alice, experiment, spec=far()))
    assert (run.status, run.error_code) == (Status.FAILED, "upstream_busy")
    assert run.error_message == f"{RUN_ERRORS['upstream_busy']} (503: all slots are taken)"


# --- how the model stands


def test_a_server_that_is_not_there_is_told_and_looked_for_again(
    server: FarServer, make_worker: MakeWorker
) -> None:
    server.models = whole(500, {"error": {"message": "starting"}})
    worker = make_worker()
    state = catalog.model_state("far")
    assert (state.state, state.detail, state.can) == ("failed", "500: starting", "")
    WorkerLease.objects.update(on_demand=True, seen_at="2020-01-01T00:00Z")
    worker._engine._trouble = ""  # type: ignore[union-attr]
    worker._beat()
    state = catalog.model_state("far")
    assert (state.state, state.can) == ("warm", "unload")


def test_a_key_that_is_not_set_is_told(make_worker: MakeWorker) -> None:
    with pytest.raises(ValueError, match="NO_KEY"):
        make_worker("keyless")
    lease = WorkerLease.objects.get()
    assert lease.state == "failed"
    assert lease.detail == "the environment variable NO_KEY with its key is not set"
    assert catalog.model_state("keyless").state == "failed"


# --- runs made from runs


@pytest.fixture
def ended_run(alice: User, experiment: Experiment, make_worker: MakeWorker) -> Run:
    return served(make_worker(), submit(alice, experiment, "first", spec=far()))


def test_a_repeat_asks_the_same_and_is_compared_by_its_text(
    alice: User, experiment: Experiment, server: FarServer, make_worker: MakeWorker, ended_run: Run
) -> None:
    worker = make_worker()
    again = served(worker, submit(alice, experiment, "again", origin=ended_run))
    assert server.asked[0].body == server.asked[1].body
    verdict = receipts.settle(again)
    assert verdict
    assert (verdict["result"], verdict["same"], verdict["conditions"]) == ("identical", 2, [])
    server.answers = [stream(said("Hi", entry("Hi", -0.7, Hel=-0.8)), ended())]
    other = served(worker, submit(alice, experiment, "other", origin=ended_run))
    verdict = receipts.settle(other)
    assert verdict
    assert (verdict["result"], verdict["same"]) == ("differs", 0)
    assert [candidate["text"] for candidate in verdict["candidates"]] == ["Hel", "Hi"]
    assert verdict["candidates"][1]["p"] == pytest.approx([0.40657, 0.49659], abs=1e-4)


def test_no_answer_goes_on_from_a_token(alice: User, experiment: Experiment, ended_run: Run) -> None:
    page, address = signed_in(alice), reverse("experiment-runs", args=[experiment.pk])
    begin = {"begin": {"run": str(ended_run.pk), "at": 0, "id": 5}}
    answer = page.post(address, begin, "application/json", headers={"Idempotency-Key": "b"})
    assert answer.json()["error"]["code"] == "remote_model"
    answer = page.post(reverse("next-token"), {"run": str(ended_run.pk)}, "application/json")
    assert answer.json()["error"]["code"] == "remote_model"


def test_its_prompt_says_why_it_has_no_tokens(alice: User, ended_run: Run) -> None:
    shown = signed_in(alice).get(reverse("run-prompt", args=[ended_run.pk])).json()
    assert shown == {
        "text": "[system]\nBe brief.\n\n[user]\nSay hello.",
        "tokens": None,
        "why": catalog.model_state("far").lacks["tokens"],
    }


def test_it_is_exported_and_imported(alice: User, experiment: Experiment, ended_run: Run) -> None:
    file = "".join(exports.experiment_json(experiment)).encode()
    (again,) = imports.store(experiment.team, alice, imports.read(file))
    brought = again.runs.get()
    for name in ("messages", "prompt_text", "prompt_ids", "prompt_tokens", "tokens", "settings", "receipt"):
        assert getattr(brought, name) == getattr(ended_run, name)


# --- programs


def ask(model: str, **more: Any) -> bodies.Chat:
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 20} | more
    return bodies.Chat.model_validate(body)


@pytest.fixture
def key(alice: User, team: Team) -> ApiKey:
    return api_keys.make(team, alice, api_keys.NewApiKey(name="Script"))[0]


def test_a_program_asks_a_remote_model(key: ApiKey, server: FarServer, make_worker: MakeWorker) -> None:
    (run,) = chat.start(key, ask("far", temperature=0))
    assert (run.prompt_ids, run.prompt_tokens) == ([], None)
    run = served(make_worker(), run)
    assert (run.status, run.text) == (Status.SUCCEEDED, "Hello")
    assert server.asked[0].body["messages"] == [{"role": "user", "content": "Say hello."}]
    first = tokens.of_chat("far", run.tokens[:1], 1)["content"][0]
    assert (first["token"], first["logprob"], first["top_logprobs"][0]["token"]) == ("Hel", -0.5, "Hi")


@pytest.mark.parametrize("more", [{"top_k": 5}, {"logit_bias": {"1": 1}}, {"ignore_eos": True}])
def test_a_program_is_told_what_the_server_does_not_take(key: ApiKey, more: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        chat.start(key, ask("far", **more))
    assert (caught.value.code, caught.value.field) == ("unsupported_parameter", next(iter(more)))


def test_a_program_asks_in_the_one_way_that_the_server_takes(key: ApiKey) -> None:
    with pytest.raises(Refusal, match="a bare text only"):
        chat.start(key, ask("bare"))
    for prompt, wrong in (("Hi", "messages only"), ([1, 2], "Tokens are not known")):
        wanted = bodies.Completion.model_validate({"model": "far", "prompt": prompt})
        with pytest.raises(Refusal, match=wrong):
            completions.start(key, wanted)
    assert completions.start(key, bodies.Completion.model_validate({"model": "bare", "prompt": "Hi"}))
