"""``/v1`` as the official OpenAI client uses it, against the real model."""

from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.system.instance import Instance

MODEL = "smollm2-135m-instruct"
QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of Italy?"}]


@pytest.fixture(scope="module")
def key(instance: Instance) -> str:
    return instance.manage("apikey", "create", "--name", "tests").stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def client(instance: Instance, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{instance.base}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]


def test_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, max_tokens=20)
    assert answer.choices[0].message.content == "The capital of Italy is Rome."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (37, 8)


def test_chat_as_a_stream_is_the_same(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MODEL,
        messages=QUESTION,
        temperature=0,
        max_tokens=20,
        stream=True,
        stream_options={"include_usage": True},
    )
    *pieces, last = list(stream)
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert text == "The capital of Italy is Rome."
    assert pieces[-1].choices[0].finish_reason == "stop"
    assert last.usage
    assert last.usage.total_tokens == 45
