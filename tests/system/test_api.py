"""``/v1`` as the official OpenAI client uses it, against the real model."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.system.instance import Instance

MODEL = "smollm2-135m-instruct"
QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of Japan?"}]
ANSWER = "The capital of Japan is Tokyo."


def chat(client: openai.OpenAI, **more: Any) -> Any:
    wanted: dict[str, Any] = {"model": MODEL, "messages": QUESTION, "temperature": 0, "max_tokens": 20}
    return client.chat.completions.create(**(wanted | more))


def complete(client: openai.OpenAI, prompt: Any, **more: Any) -> Any:
    wanted: dict[str, Any] = {"model": MODEL, "prompt": prompt, "temperature": 0, "max_tokens": 4}
    return client.completions.create(**(wanted | more))


def test_models_are_listed(client: openai.OpenAI) -> None:
    """Other tests publish prompts beside them."""
    listed = [model.id for model in client.models.list() if model.owned_by == "fewshot"]
    assert listed == [MODEL]
    assert client.models.retrieve(MODEL).owned_by == "fewshot"


def test_chat(client: openai.OpenAI) -> None:
    answer = chat(client)
    assert answer.choices[0].message.content == ANSWER
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (37, 8)


def test_chat_as_a_stream_is_the_same(client: openai.OpenAI) -> None:
    *pieces, last = chat(client, stream=True, stream_options={"include_usage": True}, logprobs=True)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == ANSWER
    assert pieces[-1].choices[0].finish_reason == "stop"
    assert last.usage.total_tokens == 45
    scored = [token for piece in pieces if (found := piece.choices[0].logprobs) for token in found.content]
    assert "".join(token.token for token in scored) == ANSWER


def test_a_prompt_that_was_computed_before_is_not_computed_again(client: openai.OpenAI) -> None:
    messages = [{"role": "user", "content": "Of all words say the last one: " + "one two three " * 20}]
    chat(client, messages=messages, max_tokens=1)
    usage = chat(client, messages=messages, max_tokens=1).usage
    assert usage.prompt_tokens_details.cached_tokens > usage.prompt_tokens / 2


def test_chat_shows_likely_tokens(client: openai.OpenAI) -> None:
    (choice,) = chat(client, logprobs=True, top_logprobs=3).choices
    first = choice.logprobs.content[0]
    assert (first.token, bytes(first.bytes).decode(), len(first.top_logprobs)) == ("The", "The", 3)
    assert first.logprob <= max(other.logprob for other in first.top_logprobs) < 0


def test_several_answers_have_seeds_of_their_own_and_repeat(client: openai.OpenAI) -> None:
    asked = {"temperature": 1.5, "seed": 5, "n": 3, "max_tokens": 8}
    first, again = chat(client, **asked), chat(client, **asked)
    assert [choice.index for choice in first.choices] == [0, 1, 2]
    texts = [choice.message.content for choice in first.choices]
    assert len(set(texts)) > 1
    assert texts == [choice.message.content for choice in again.choices]


def test_several_answers_stream_together(client: openai.OpenAI) -> None:
    texts = {0: "", 1: ""}
    for piece in chat(client, n=2, stream=True):
        (choice,) = piece.choices
        texts[choice.index] += choice.delta.content or ""
    assert texts == {0: ANSWER, 1: ANSWER}


def test_stop_bias_and_length(client: openai.OpenAI) -> None:
    (choice,) = chat(client, stop=[" Tokyo"]).choices
    assert (choice.message.content, choice.finish_reason) == ("The capital of Japan is", "stop")
    (choice,) = chat(client, max_tokens=2).choices
    assert (choice.message.content, choice.finish_reason) == ("The capital", "length")
    tokens = client.post("/tokenize", body={"model": MODEL, "prompt": "The"}, cast_to=object)
    banned = str(tokens["tokens"][0])  # type: ignore[index]
    (choice,) = chat(client, logit_bias={banned: -100}).choices
    assert not choice.message.content.startswith("The")


def test_the_end_is_written_over_for_benchmarks(client: openai.OpenAI) -> None:
    answer = chat(client, extra_body={"ignore_eos": True})
    assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (20, "length")


# Completions


def test_forms_of_a_prompt(client: openai.OpenAI) -> None:
    text = complete(client, "The capital of").choices[0].text
    ids = client.post("/tokenize", body={"model": MODEL, "prompt": "The capital of"}, cast_to=object)
    ids = ids["tokens"]  # type: ignore[index]
    for prompt in ("The capital of", ids, [ids, ids], ["The capital of"] * 2):
        assert {choice.text for choice in complete(client, prompt).choices} == {text}
    several = complete(client, ["The capital of", "One, two,"], n=2)
    assert [choice.index for choice in several.choices] == [0, 1, 2, 3]
    assert several.choices[0].text == several.choices[1].text != several.choices[2].text


def test_a_prompt_is_scored_without_a_new_token(client: openai.OpenAI) -> None:
    (choice,) = complete(client, "The capital of Japan is", echo=True, logprobs=2, max_tokens=0).choices
    found = choice.logprobs
    assert choice.text == "".join(found.tokens) == "The capital of Japan is"
    assert found.token_logprobs[0] is found.top_logprobs[0] is None
    assert all(logprob < 0 for logprob in found.token_logprobs[1:])
    assert found.text_offset == [0, 3, 11, 14, 20]
    assert all(token in top for token, top in zip(found.tokens[1:], found.top_logprobs[1:], strict=True))


def test_a_harness_that_cuts_off_one_new_token_has_the_prompt_alone(client: openai.OpenAI) -> None:
    """It takes all but the last log-probability, also where the model would end at once."""
    whole = complete(client, "Yes.<|im_end|>", echo=True, logprobs=1, max_tokens=0).choices[0].logprobs
    cut = complete(client, "Yes.<|im_end|>", echo=True, logprobs=1, max_tokens=1).choices[0].logprobs
    assert cut.token_logprobs[:-1] == pytest.approx(whole.token_logprobs, abs=0.1)


def test_the_token_that_ends_an_answer_is_among_its_probabilities(client: openai.OpenAI) -> None:
    ids = client.post("/tokenize", body={"model": MODEL, "messages": QUESTION}, cast_to=object)
    ids = ids["tokens"]  # type: ignore[index]
    (choice,) = complete(client, ids, logprobs=1, max_tokens=20).choices
    assert (choice.text, choice.finish_reason) == (ANSWER, "stop")
    assert choice.logprobs.tokens[-1] == "<|im_end|>"
    pieces = list(complete(client, ids, logprobs=1, max_tokens=20, stream=True))
    streamed = [
        token for piece in pieces if piece.choices[0].logprobs for token in piece.choices[0].logprobs.tokens
    ]
    assert streamed == choice.logprobs.tokens


def test_a_streamed_echo_is_that_of_the_whole_answer(client: openai.OpenAI) -> None:
    asked = {"echo": True, "logprobs": 1}
    (choice,) = complete(client, "One, two,", **asked).choices
    pieces = [piece.choices[0] for piece in complete(client, "One, two,", stream=True, **asked)]
    assert "".join(piece.text for piece in pieces) == choice.text
    offsets = [offset for piece in pieces if piece.logprobs for offset in piece.logprobs.text_offset]
    assert offsets == choice.logprobs.text_offset


def test_continuations_are_scored(client: openai.OpenAI) -> None:
    body = {
        "model": MODEL,
        "prompt": "The capital of Japan is",
        "continuations": [" Tokyo", " made of cheese"],
    }
    answer: Any = client.post("/score", body=body, cast_to=object)
    rome, cheese = answer["data"]
    assert rome["logprob"] > cheese["logprob"]
    assert rome["is_greedy"]
    assert cheese["logprob"] == pytest.approx(sum(cheese["token_logprobs"]))
    assert "".join(cheese["tokens"]) == " made of cheese"


# Other programs


def test_the_javascript_client(instance: Instance, api_key: str, node_modules: Path, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(node_modules)
    script = Path(__file__).with_name("openai_suite.mjs").read_text()
    (tmp_path / "suite.mjs").write_text(script)
    environment = {**os.environ, "BASE": f"{instance.base}/v1", "KEY": api_key, "MODEL": MODEL}
    command = ["node", "suite.mjs"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "models": [MODEL],
        "whole": ANSWER,
        "streamed": ANSWER,
        "usage": 45,
        "scored": 5,
        "wrong key": 401,
        "unknown parameter": "tools",
        "gave up": True,
        "hung up": True,
    }
    instance.wait_quiet()


def test_llm_needs_a_base_url_and_a_key_alone(instance: Instance, api_key: str, tmp_path: Path) -> None:
    (tmp_path / "extra-openai-models.yaml").write_text(
        f"- model_id: ours\n  model_name: {MODEL}\n  api_base: {instance.base}/v1\n  api_key_name: ours\n"
    )
    (tmp_path / "keys.json").write_text(json.dumps({"ours": api_key}))
    environment = {**os.environ, "LLM_USER_PATH": str(tmp_path)}
    for options in ([], ["--no-stream"]):
        command = [sys.executable, "-m", "llm", "-m", "ours", "-o", "temperature", "0", *options]
        done = subprocess.run(
            [*command, QUESTION[0]["content"]],  # type: ignore[list-item]
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.stdout.strip() == ANSWER, done.stderr
