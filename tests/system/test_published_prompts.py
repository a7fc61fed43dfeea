"""What the page shows as code runs as it stands: with curl, the official clients, and on this machine."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from tests.system.browser import Browser
from tests.system.instance import ROOT, Instance, run_of, start_run, watch_to_end
from tests.system.test_api import ANSWER, MODEL, QUESTION, chat

NASTY = "it's \"$HOME\" `id` \\ \\n '''\nfox 🦊 !!"
SPEC = {
    "instruction": "Answer in one sentence.",
    "fields": ["input"],
    "input": {"input": NASTY},
    "model": MODEL,
    "settings": {"max_new_tokens": 8},
}
Shown = dict[str, str]
Runs = Callable[[Shown], dict[str, str]]


@pytest.fixture
def run_all(instance: Instance, api_key: str, node_modules: Path, tmp_path: Path) -> Runs:
    """Runs code of every language with real programs; what each of them printed."""
    environment = {**instance.environment, "FEWSHOT_API_KEY": api_key}
    (tmp_path / "node_modules").symlink_to(node_modules)

    def run(shown: Shown) -> dict[str, str]:
        (tmp_path / "ask.mjs").write_text(shown["JavaScript"])
        # curl prints JSON; a line of Python takes the text out of it.
        first = 'import json, sys; answer = json.load(sys.stdin)["choices"][0]'
        python = f'{sys.executable} -c \'{first}; print(answer.get("text") or answer["message"]["content"])\''
        commands = {
            "curl": ["sh", "-c", f"{{ {shown['curl']}\n}} | {python}"],
            "Python": [sys.executable, "-c", shown["Python"]],
            "JavaScript": ["node", "ask.mjs"],
            "Terminal": ["sh", "-c", shown["Terminal"]],
        }
        said = {}
        for name, command in commands.items():
            folder = tmp_path if name == "JavaScript" else ROOT
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, (name, done.stderr, done.stdout)
            said[name] = done.stdout.removesuffix("\n")
        return said

    return run


def code_of(browser: Browser, url: str) -> Shown:
    return {each["language"]: each["code"] for each in browser.get(url).json()["languages"]}


@pytest.mark.parametrize("layout", ["chat", "plain"])
def test_the_code_of_a_run_gives_its_answer(
    browser: Browser, experiment: str, run_all: Runs, layout: str
) -> None:
    run = start_run(browser, experiment, SPEC | {"layout": layout})
    watch_to_end(browser, run)
    said = run_all(code_of(browser, f"/runs/{run}/code"))
    assert set(said.values()) == {run_of(browser, run)["text"]}


def test_the_code_of_a_programs_sampled_run_asks_exactly_the_same(
    instance: Instance, client: openai.OpenAI, browser: Browser, run_all: Runs
) -> None:
    """Answers may differ in the last digits of a logit, so it is the rows that are compared."""
    answer = chat(client, temperature=1.3, seed=11, extra_body={"top_k": 30, "min_p": 0.01}, max_tokens=8)
    run = answer.id.removeprefix("chatcmpl-")
    run_all(code_of(browser, f"/runs/{run}/code"))
    newest = "FROM playground_run ORDER BY queued_at DESC LIMIT 5"
    assert len(instance.rows(f"SELECT DISTINCT settings, prompt_ids FROM (SELECT * {newest}) AS last")) == 1


def test_a_published_prompt_answers_every_client(
    client: openai.OpenAI, browser: Browser, experiment: str, run_all: Runs
) -> None:
    spec = SPEC | {"input": {"input": QUESTION[0]["content"]}, "instruction": ""}
    version = browser.post(f"/experiments/{experiment}/versions", {"label": "Asks", "spec": spec}).json()
    body = {"name": "asks", "version": version["version"]["id"]}
    published = browser.post(f"/experiments/{experiment}/published", body).json()["published"]
    assert published["address"] in [model.id for model in client.models.list()]
    assert client.models.retrieve(published["address"]).owned_by == "adas-team"
    said = run_all(code_of(browser, published["code"]))
    assert set(said.values()) == {ANSWER}
    pieces = client.chat.completions.create(
        model=published["address"], messages=QUESTION, stream=True, temperature=0
    )
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == ANSWER
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model=published["address"], messages=[], extra_body={"fields": {"other": "x"}}
        )
    assert caught.value.param == "fields.input"
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="prompt:adas-team/nothing", messages=QUESTION)
    assert missing.value.code == "model_not_found"


def test_one_request_has_the_old_or_the_new_as_a_whole(
    client: openai.OpenAI, browser: Browser, experiment: str
) -> None:
    """Two versions that differ in instruction and length, switched while two programs ask."""
    ids = []
    for length, word in enumerate(("yes", "no"), 1):
        spec = SPEC | {"instruction": f"Say {word}.", "settings": {"max_new_tokens": length}}
        made = browser.post(f"/experiments/{experiment}/versions", {"label": word, "spec": spec}).json()
        ids.append(made["version"]["id"])
    either = [("Say yes.", 1), ("Say no.", 2)]

    def publish(turn: int) -> str:
        body = {"name": "switched", "version": ids[turn % 2]}
        published = browser.post(f"/experiments/{experiment}/published", body).json()["published"]
        return str(published["address"])

    def ask() -> tuple[str, int]:
        answer = client.chat.completions.create(model=address, messages=[{"role": "user", "content": "?"}])
        spec = browser.get(f"/runs/{answer.id.removeprefix('chatcmpl-')}/").json()["run"]["spec"]
        return spec["instruction"], spec["settings"]["max_new_tokens"]

    address = publish(0)
    over = threading.Event()
    with ThreadPoolExecutor(2) as programs:
        asking = [programs.submit(lambda: [ask() for _ in iter(over.is_set, True)]) for _ in range(2)]
        for turn in range(1, 6):
            publish(turn)
            assert ask() == either[turn % 2]  # whoever asks after a switch gets the new one
        over.set()
        seen = {each for program in asking for each in program.result(60)}
    assert seen == set(either)
