"""Code for a run and for a published prompt: it asks the same, and people's words stay data everywhere."""

import ast
import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.actions import api_keys, api_runs, code, published_prompts, versions
from playground.actions.api_keys import NewApiKey
from playground.actions.api_runs import Ask, Prompt
from playground.code_export import Call, curl, in_all_languages, javascript, python, terminal
from playground.models import Experiment, Run, Team
from playground.specs import ApiSettings, Example, Settings
from tests.conftest import make_run, spec

BASE = "http://localhost:8000/v1"
NASTY = [
    "it's",
    '"',
    "$HOME `id` \\ \\n",
    "'''\"\"\"",
    "a\nb\r\tc",
    "🦊 é \u2028",
    "${x} {{y}} !!",
    "</script>",
    "__proto__",
]
# What is stored anywhere holds neither NUL nor halves of characters (specs.clean).
TEXT = st.one_of(
    st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)
BODY = st.fixed_dictionaries(
    {
        "model": TEXT,
        "messages": st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": TEXT}), max_size=3),
        "temperature": st.floats(0, 5),
        "stop": st.lists(TEXT, max_size=3),
        "top_k": st.integers(0, 1000),
        "fields": st.dictionaries(TEXT, TEXT, max_size=3),
        "ignore_eos": st.booleans(),
        "prompt": st.lists(st.integers(0, 2**31), max_size=5),
    }
)


def call_of(body: dict[str, Any]) -> Call:
    words = [body["model"], *(message["content"] for message in body["messages"])]
    return Call("chat/completions", body, ("--field", *words))


def words_of_shell(command: str) -> list[str]:
    """The arguments as a real shell hands them on; what would be called is a function that prints them."""
    catch = 'curl() { printf "%s\\0" "$@"; }\nFEWSHOT_API_KEY=fs-key\n'
    done = subprocess.run(["sh", "-c", catch + command], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


@settings(max_examples=60, deadline=None)
@given(BODY)
def test_a_shell_hands_on_exactly_the_body(body: dict[str, Any]) -> None:
    words = words_of_shell(curl(call_of(body), BASE))
    assert json.loads(words[words.index("-d") + 1]) == body
    assert words[1] == f"{BASE}/chat/completions"
    assert "Authorization: Bearer fs-key" in words


def test_a_body_that_is_no_argument_comes_on_stdin() -> None:
    body = {"model": "m", "prompt": "it's " * 60_000}
    catch = "curl() { cat; }\n"
    command = catch + curl(Call("completions", body, ()), BASE)
    done = subprocess.run(["sh"], input=command.encode(), capture_output=True, check=True)
    assert json.loads(done.stdout) == body


@given(BODY)
def test_python_reads_exactly_the_body(body: dict[str, Any]) -> None:
    (created,) = [
        node
        for node in ast.walk(ast.parse(python(call_of(body), BASE)))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "client.chat.completions.create"
    ]
    found = {word.arg: ast.literal_eval(word.value) for word in created.keywords}
    assert found.pop("extra_body") == {name: body[name] for name in ("top_k", "fields", "ignore_eos")}
    assert found == {name: value for name, value in body.items() if name in found}
    assert len(found) == len(body) - 3


@given(BODY)
def test_the_terminal_reads_exactly_the_values(body: dict[str, Any]) -> None:
    call = call_of(body)
    assert shlex.split(terminal(call, BASE)) == [".venv/bin/python", "manage.py", "complete", *call.complete]


def test_javascript_reads_exactly_the_body(tmp_path: Path) -> None:
    """Many bodies in one program: what each of them would send, as JSON."""
    if not (node := shutil.which("node")):
        pytest.skip("Node is not installed.")
    bodies: list[dict[str, Any]] = []

    @settings(max_examples=80, database=None, suppress_health_check=list(HealthCheck))
    @given(BODY)
    def collect(body: dict[str, Any]) -> None:
        bodies.append(body)

    collect()
    folder = tmp_path / "node_modules" / "openai"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "openai", "type": "module", "main": "index.js"}')
    (folder / "index.js").write_text(
        "export default class { chat = { completions: { create(body) {\n"
        "  (globalThis.sent ??= []).push(body); return { choices: [{ message: {} }] } } } } }\n"
    )
    for number, body in enumerate(bodies):
        (tmp_path / f"{number}.mjs").write_text(javascript(call_of(body), BASE))
    everything = "\n".join(f'await import("./{number}.mjs")' for number in range(len(bodies)))
    quiet = f"const log = console.log\nconsole.log = () => {{}}\n{everything}\nlog(JSON.stringify(sent))\n"
    (tmp_path / "all.mjs").write_text(quiet)
    done = subprocess.run([node, "all.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == bodies


def test_no_code_holds_a_key_and_each_says_where_it_comes_from() -> None:
    written = {
        each["language"]: each["code"]
        for each in in_all_languages(Call("completions", {"model": "m"}, ()), BASE)
    }
    assert list(written) == ["curl", "Python", "JavaScript", "Terminal"]
    assert all("FEWSHOT_API_KEY" in text for name, text in written.items() if name != "Terminal")


# Of runs


@pytest.mark.usefixtures("valkey")
def test_a_chat_run_is_its_messages_and_settings(alice: User) -> None:
    example = Example(id="e1", values={"input": "One"}, output="Uno")
    sampled = Settings(mode="sample", temperature=0.5, top_k=7, top_p=1, seed=3, stop=["\n"])
    run = make_run(alice, instruction="Translate.", examples=[example], settings=sampled)
    call = code.of_run(run, alice)
    assert call.path == "chat/completions"
    assert call.body == {
        "model": run.model,
        "messages": [
            {"role": "system", "content": "Translate."},
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Uno"},
            {"role": "user", "content": "Say hello."},
        ],
        "max_tokens": 64,
        "temperature": 0.5,
        "top_k": 7,
        "seed": 3,
        "stop": ["\n"],
    }
    assert call.complete == ("--run", str(run.pk), "--user", "alice")


@pytest.mark.usefixtures("valkey")
def test_a_plain_run_is_its_text_and_greedy_is_temperature_0(alice: User) -> None:
    run = make_run(alice, layout="plain")
    call = code.of_run(run, alice)
    assert call.path == "completions"
    assert call.body == {"model": run.model, "prompt": run.prompt_text, "max_tokens": 64, "temperature": 0}


@pytest.mark.usefixtures("valkey")
def test_what_no_text_gives_is_its_tokens(alice: User) -> None:
    run = make_run(alice)
    Run.objects.filter(pk=run.pk).update(prompt_ids=[5, 6], begun=[{"id": 7, "t": "x", "given": True}])
    run.refresh_from_db()
    assert code.of_run(run, alice).body["prompt"] == [5, 6, 7]


@pytest.mark.usefixtures("valkey")
@pytest.mark.parametrize(
    ("path", "make", "more", "expected"),
    [
        ("chat/completions", "chat", {"alternatives": 2}, {"logprobs": True, "top_logprobs": 2}),
        ("completions", "text", {"alternatives": 2}, {"logprobs": 2}),
        ("completions", "text", {"score_from": 0}, {"echo": True, "logprobs": 0}),
        ("completions", "text", {"logit_bias": [(5, -1.5)]}, {"logit_bias": {"5": -1.5}}),
        ("completions", "text", {"ignore_eos": True}, {"ignore_eos": True}),
    ],
)
def test_a_programs_run_is_what_it_asked(
    alice: User, team: Team, path: str, make: str, more: dict[str, Any], expected: dict[str, Any]
) -> None:
    key, _ = api_keys.make(team, alice, NewApiKey(name="Script"))
    model = "smollm2-135m-instruct"
    messages: Any = [{"role": "user", "content": "Hi <|im_end|>"}]
    prompt = Prompt.of_messages(model, messages) if make == "chat" else Prompt.of_text(model, "Hi <|im_end|>")
    (run,) = api_runs.queue(key, [Ask(prompt, ApiSettings(**more))])
    call = code.of_run(Run.objects.get(pk=run.pk), alice)
    asked = {"messages": messages} if make == "chat" else {"prompt": "Hi <|im_end|>"}
    assert call.path == path
    assert call.body == {"model": model, **asked, "max_tokens": 16, "temperature": 0, **expected}


@pytest.mark.usefixtures("valkey")
def test_a_published_prompt_is_its_address_and_values(
    alice: User, experiment: Experiment, client: Client
) -> None:
    one = published_prompts.publish(versions.version_of(experiment, spec(), alice), alice, "one")
    assert code.of_published(one, alice).body == {
        "model": "prompt:alices-team/one",
        "messages": [{"role": "user", "content": "Say hello."}],
    }
    example = Example(id="e1", values={"a": "x", "b": "y"}, output="z")
    several = versions.version_of(experiment, spec(fields=["a", "b"], examples=[example], input={}), alice)
    two = published_prompts.publish(several, alice, "two")
    assert code.of_published(two, alice).body["fields"] == {"a": "x", "b": "y"}
    client.force_login(alice)
    url = reverse("published-prompt-code", args=[two.pk])
    shown = client.get(url).json()["languages"]
    assert "http://testserver/v1/chat/completions" in shown[0]["code"]
    published_prompts.end(two, alice)
    assert client.get(url).status_code == 404
