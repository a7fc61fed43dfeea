"""Probes through the real programs: the numbers are the plain model's."""

import os
from pathlib import Path

import numpy
import torch
from transformers import AutoModelForCausalLM

from tests.system.browser import Browser
from tests.system.instance import Instance, spec, start_run, wait_until, watch_to_end

FOLDER = Path(os.environ.get("FEWSHOT_TEST_MODELS", "var/models")) / "smollm2-135m-instruct"


# Of a log-probability and of a share. Where the processor multiplies bfloat16, the worker rounds to it.
TOLERANCE, SHARE = 0.1, 0.05


def logprobs(ids: list[int]) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    with torch.inference_mode():
        logits: torch.Tensor = model(torch.tensor([ids])).logits[0]
    return logits.double().log_softmax(-1)


def test_the_numbers_are_those_of_the_plain_model(
    instance: Instance, browser: Browser, stranger: Browser, experiment: str
) -> None:
    wanted = spec(settings={"max_new_tokens": 2})
    run = start_run(browser, experiment, wanted)
    watch_to_end(browser, run)
    row = browser.get(f"/runs/{run}/").json()["run"]
    text = "".join(token["t"] for token in row["tokens"])

    scored = browser.post("/prompts/score", {"spec": wanted, "text": text}).json()["tokens"]
    assert [token["id"] for token in scored] == [token["id"] for token in row["tokens"]]
    prompt = browser.post("/prompts/render", {"spec": wanted, "tokens": True}).json()["tokens"]
    ids = [token["id"] for token in prompt]
    truth = logprobs([*ids, *(token["id"] for token in scored)])[len(ids) - 1 :]
    for at, token in enumerate(scored):
        assert abs(token["lp"] - float(truth[at, token["id"]])) < TOLERANCE
        assert token["rank"] == 1

    places = [{"spec": wanted}, {"run": run, "at": 1}]
    for at, place in enumerate(places):
        answer = browser.post("/prompts/next-token", place)
        assert answer.status == 200
        logits = numpy.frombuffer(answer.body, dtype="<f2").astype("float64")
        shares = torch.tensor(logits).softmax(-1)
        assert float((shares - truth[at].exp()).abs().max()) < SHARE
        assert int(shares.argmax()) == scored[at]["id"]
        texts = browser.get(answer.headers["X-Vocabulary"]).json()
        assert texts[scored[at]["id"]] == scored[at]["t"]
    assert stranger.post("/prompts/next-token", places[1]).status == 404


def test_nothing_is_left_behind(instance: Instance, browser: Browser) -> None:
    assert browser.post("/prompts/next-token", {"spec": spec()}).status == 200
    with instance.broker() as broker:
        assert all(broker.ttl(key) > 0 for key in broker.scan_iter("probe*"))
        wait_until(lambda: not broker.exists("probes:smollm2-135m-instruct"), 5, "an empty queue")
