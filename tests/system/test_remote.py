"""Fewshot behind Fewshot: what one instance asks of another through ``/v1``, real programs on both sides."""

import uuid
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.system.browser import Browser
from tests.system.instance import (
    Instance,
    first_experiment,
    run_of,
    running,
    spec,
    start_run,
    wait_until,
    watch_to_end,
)

LOCAL = "smollm2-135m-instruct"
QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of Japan?"}]
ENTRY = """
[[model]]
name = "{name}"
remote = "{base}/v1"
remote_model = "smollm2-135m-instruct"
key_env = "BEHIND_KEY"
endpoint = "{endpoint}"
accepts = ["logprobs", "min_p", "seed", "stream_options", "top_k", "top_p"]
private = true
"""


@pytest.fixture(scope="module")
def key(instance: Instance) -> str:
    return instance.manage("apikey", "create", "--name", "front").stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def front(instance: Instance, key: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance whose models are those of the shared one."""
    folder = tmp_path_factory.mktemp("front")
    models = folder / "models.toml"
    names = {"far": "chat", "bare": "completions"}
    models.write_text(
        "".join(ENTRY.format(name=name, base=instance.base, endpoint=kind) for name, kind in names.items())
    )
    with running(folder / "data", FEWSHOT_MODELS=str(models), BEHIND_KEY=key) as front:
        front.wait_warm()
        yield front
        assert "Traceback" not in front.output
        assert key not in front.output


@pytest.fixture(scope="module")
def page(front: Instance) -> Browser:
    return front.sign_in()


def far(**changes: Any) -> dict[str, Any]:
    return spec(**{"model": "far", "layout": "chat"} | changes)


def run_behind(instance: Instance, browser: Browser) -> dict[str, Any]:
    """The run that the instance behind made of the last request; its rounding is that of no other run."""
    query = "SELECT id FROM playground_run WHERE kind = 'api' ORDER BY queued_at DESC LIMIT 1"
    return run_of(browser, str(uuid.UUID(str(instance.rows(query)[0][0]))))


@pytest.mark.parametrize(("model", "layout"), [("far", "chat"), ("bare", "plain")])
def test_the_answer_is_that_of_the_model_behind(
    page: Browser, instance: Instance, browser: Browser, model: str, layout: str
) -> None:
    wanted = far(model=model, layout=layout, settings={"max_new_tokens": 4})
    run = start_run(page, first_experiment(page), wanted)
    seen = watch_to_end(page, run, 240)
    here, there = run_of(page, run), run_behind(instance, browser)
    assert (here["status"], there["status"]) == ("succeeded", "succeeded")
    assert seen.text == here["text"] == there["text"] != ""
    assert here["finish_reason"] == there["finish_reason"]
    for name in ("prompt_tokens", "cached_tokens", "completion_tokens"):
        assert here["usage"][name] == there["usage"][name]
    assert [token["t"] for token in here["tokens"]] == [token["t"] for token in there["tokens"]]
    assert [token["lp"] for token in here["tokens"]] == [token["lp"] for token in there["tokens"]]
    assert here["receipt"]["served_by"].startswith(LOCAL)


def test_a_stop_here_is_a_stop_there(page: Browser, instance: Instance) -> None:
    story = {"input": {"review": "Write a long story about a lighthouse keeper."}, "examples": []}
    wanted = far(instruction="", settings={"max_new_tokens": 400}, **story)
    with page.socket() as socket:
        run = start_run(page, first_experiment(page), wanted)
        seen = socket.watch(run)
        socket.until(lambda: seen.tokens > 3)
        socket.send("cancel", run=run)
        socket.until_end(run)
    assert run_of(page, run)["status"] == "cancelled"
    there = "SELECT status FROM playground_run WHERE kind = 'api' ORDER BY queued_at DESC LIMIT 1"
    wait_until(lambda: instance.rows(there) == [("cancelled",)], 10, "the run behind is cancelled")


def test_a_program_is_served_through_both(front: Instance, instance: Instance, browser: Browser) -> None:
    made = front.manage("apikey", "create", "--name", "tests").stdout.splitlines()[-1]
    with openai.OpenAI(base_url=f"{front.base}/v1", api_key=made, max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["far", "bare"]
        answer = client.chat.completions.create(
            model="far", messages=QUESTION, temperature=0, max_tokens=6, logprobs=True, top_logprobs=2
        )
        there = run_behind(instance, browser)
        assert answer.choices[0].message.content == there["text"] != ""
        assert answer.usage
        assert answer.usage.prompt_tokens == there["usage"]["prompt_tokens"] == 37
        assert answer.choices[0].logprobs
        assert len(answer.choices[0].logprobs.content or []) == len(there["tokens"])
        stream = client.completions.create(
            model="bare", prompt="The capital of Japan is", temperature=0, max_tokens=5, stream=True
        )
        text = "".join(piece.choices[0].text for piece in stream)
        assert text == run_behind(instance, browser)["text"] != ""
        for refused in ({"frequency_penalty": 1.0}, {"logit_bias": {"5": 1}}):
            with pytest.raises(openai.BadRequestError, match=next(iter(refused))):
                client.chat.completions.create(model="far", messages=QUESTION, **refused)
        with pytest.raises(openai.BadRequestError, match="a bare text only"):
            client.chat.completions.create(model="bare", messages=QUESTION)


def test_the_terminal_is_served_too(front: Instance) -> None:
    question = ("--input", "What is the capital of Japan?", "--max-new-tokens", "6")
    done = front.manage("complete", "--model", "far", *question)
    assert (done.returncode, done.stdout.strip() != "") == (0, True)
    assert "37 + " in done.stderr


def test_a_key_that_is_revoked_behind_is_told(front: Instance, page: Browser, instance: Instance) -> None:
    """The last test: nothing can be asked any more."""
    keys = instance.manage("apikey", "list").stdout.splitlines()
    instance.manage("apikey", "revoke", next(line for line in keys if "front" in line).split()[0])
    run = start_run(page, first_experiment(page), far())
    watch_to_end(page, run)
    error = run_of(page, run)["error"]
    assert (error["code"], "401: the key was refused" in error["message"]) == ("upstream_refused", True)
