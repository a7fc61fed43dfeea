"""Bodies of ``/v1``: what is honoured and what is refused by its name; no value is a fault of the server."""

import json
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.api.bodies import Body, Chat, Completion, Generation, Score, Source, read
from playground.api.errors import body_of, status_of
from playground.errors import Refusal

HI = [{"role": "user", "content": "Hi"}]
VALID: dict[type[Body], dict[str, Any]] = {
    Chat: {"model": "m", "messages": HI},
    Completion: {"model": "m", "prompt": "Hi"},
    Score: {"model": "m", "prompt": "Hi", "continuations": [" there"]},
    Source: {"model": "m", "prompt": "Hi"},
}


def parsed(kind: type[Any], **changes: Any) -> Any:
    body = json.dumps(VALID[kind] | changes).encode()
    return read(kind, SimpleNamespace(body=body))  # type: ignore[arg-type]


def refused(kind: type[Any], **changes: Any) -> dict[str, Any]:
    with pytest.raises(Refusal) as caught:
        parsed(kind, **changes)
    assert status_of(caught.value) == 400
    error: dict[str, Any] = body_of(caught.value)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


@pytest.mark.parametrize("kind", VALID)
def test_a_parameter_that_we_do_not_know_is_refused_by_name(kind: type[Any]) -> None:
    error = refused(kind, functions=[])
    assert (error["code"], error["param"]) == ("unsupported_parameter", "functions")
    assert "functions" in error["message"]


@pytest.mark.parametrize("kind", VALID)
def test_null_is_the_same_as_nothing(kind: type[Any]) -> None:
    assert parsed(kind, functions=None, stream=None, stop=None) == parsed(kind)


@pytest.mark.parametrize(
    ("name", "neutral", "other"),
    [
        ("tools", [], [{"type": "function"}]),
        ("response_format", {"type": "text"}, {"type": "json_object"}),
        ("modalities", ["text"], ["audio"]),
        ("store", False, True),
    ],
)
def test_what_clients_send_unasked_is_taken_where_it_changes_nothing(
    name: str, neutral: Any, other: Any
) -> None:
    assert parsed(Chat, **{name: neutral})
    error = refused(Chat, **{name: other})
    assert error["code"] == "unsupported_parameter"
    assert error["param"].startswith(name)


def test_best_of_is_one() -> None:
    assert parsed(Completion, best_of=1)
    assert refused(Completion, best_of=2)["param"] == "best_of"


@pytest.mark.parametrize("kind", VALID)
def test_what_is_missing_is_named(kind: type[Any]) -> None:
    body = {name: value for name, value in VALID[kind].items() if name != "model"}
    with pytest.raises(Refusal) as caught:
        read(kind, SimpleNamespace(body=json.dumps(body).encode()))  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.field) == ("missing_required_parameter", "model")


@pytest.mark.parametrize(
    ("kind", "changes", "name"),
    [
        (Chat, {"temperature": "0.5"}, "temperature"),
        (Chat, {"temperature": -1}, "temperature"),
        (Chat, {"top_p": 0}, "top_p"),
        (Chat, {"n": 0}, "n"),
        (Chat, {"n": True}, "n"),
        (Chat, {"max_tokens": 0}, "max_tokens"),
        (Chat, {"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
        (Chat, {"messages": []}, "messages"),
        (Chat, {"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        (Chat, {"messages": [{"role": "user"}]}, "messages.0.content"),
        (Chat, {"seed": -1}, "seed"),
        (Chat, {"stop": ["x"] * 9}, "stop"),
        (Completion, {"prompt": []}, "prompt"),
        (Completion, {"prompt": [1, "a"]}, "prompt"),
        (Completion, {"prompt": [[1], ["a"]]}, "prompt"),
        (Completion, {"prompt": {"a": 1}}, "prompt"),
        (Completion, {"prompt": [-1]}, "prompt"),
        (Completion, {"prompt": [10**4000]}, "prompt"),
        (Completion, {"prompt": "a\x00b"}, "prompt"),
        (Completion, {"logprobs": 21}, "logprobs"),
        (Score, {"continuations": [""]}, "continuations.0"),
    ],
)
def test_a_wrong_value_names_its_parameter(kind: type[Any], changes: dict[str, Any], name: str) -> None:
    assert (refused(kind, **changes)["param"] or "").startswith(name)


def test_parameters_that_need_each_other() -> None:
    refused(Chat, top_logprobs=1)
    refused(Chat, max_tokens=1, max_completion_tokens=1)
    refused(Chat, stream_options={"include_usage": True})
    refused(Score, messages=HI)


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1], [2, 3]], [[1], [2, 3]]),
        (["a", [1]], ["a", [1]]),
    ],
)
def test_forms_of_a_prompt(prompt: Any, prompts: Any) -> None:
    assert parsed(Completion, prompt=prompt).prompts == prompts


def test_parts_and_roles_of_messages() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts}]
    assert [message.plain() for message in parsed(Chat, messages=messages).messages] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "ab"},
    ]


def test_temperature_zero_is_greedy() -> None:
    assert parsed(Chat, temperature=0).settings(8).effective()["mode"] == "greedy"


def test_settings_are_those_that_were_asked_for() -> None:
    wanted: Generation = parsed(
        Chat, temperature=0.5, top_p=0.5, top_k=3, seed=7, stop="x", logit_bias={"5": -100}, ignore_eos=True
    )
    acting = wanted.settings(8, alternatives=2).effective()
    named = ("max_new_tokens", "mode", "temperature", "top_p", "top_k", "seed", "stop", "logit_bias")
    assert [acting[name] for name in named] == [8, "sample", 0.5, 0.5, 3, 7, ["x"], [[5, -100.0]]]
    assert (acting["ignore_eos"], acting["alternatives"], acting["seed_drawn"]) == (True, 2, False)


def test_a_bias_is_of_a_token_id() -> None:
    with pytest.raises(Refusal) as caught:
        parsed(Chat, logit_bias={"the": 1}).settings(8)
    assert caught.value.field == "logit_bias"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = sorted({name for kind in VALID for name in kind.model_fields})


@settings(deadline=None)  # a busy machine is no fault
@given(st.sampled_from(list(VALID)), st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5))
def test_any_value_of_any_parameter_is_taken_or_refused(kind: type[Any], changes: dict[str, Any]) -> None:
    """Whatever is taken also becomes settings and prompts without a fault."""
    with suppress(Refusal):
        wanted = parsed(kind, **changes)
        if isinstance(wanted, Generation):
            json.dumps(wanted.settings(8).effective(), allow_nan=False)


@settings(deadline=None)
@given(st.sampled_from(list(VALID)), st.binary(max_size=40))
def test_any_bytes_are_refused(kind: type[Any], body: bytes) -> None:
    with pytest.raises(Refusal):
        read(kind, SimpleNamespace(body=body))  # type: ignore[arg-type]
