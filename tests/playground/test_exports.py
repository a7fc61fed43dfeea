"""Files for training and for spreadsheets: what is in them, and what a spreadsheet must not run."""

import asyncio
import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from playground.actions import exports
from playground.models import Comparison, Experiment, Rating, Run, Vote
from playground.models.run import Status
from playground.views.exports import in_thread
from tests.conftest import spec
from tests.playground.permissions import board
from tests.playground.test_history import kept

pytestmark = pytest.mark.usefixtures("valkey", "plain_static")

EXAMPLES = [
    {"id": "a", "values": {"input": "good"}, "output": "yes", "on": True},
    {"id": "b", "values": {"input": "=cmd()"}, "output": "no", "on": False},
]


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def download(user: User, kind: str, row: Any, name: str, **query: str) -> str:
    answer = client_of(user).get(reverse(f"{kind}-export-file", args=[row.pk, name]), query)
    assert answer.status_code == 200
    assert answer["Content-Disposition"].endswith(f'-{name}"')
    return b"".join(answer).decode()


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def table(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    assert "\r\n" in text
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


@pytest.fixture
def comparison(experiment: Experiment) -> Comparison:
    return Comparison.objects.create(experiment=experiment, title="Two prompts", board=board())


def test_examples_become_lines_for_fine_tuning(alice: User, experiment: Experiment) -> None:
    for layout, expected in (
        ("chat", {"messages": [
            {"role": "system", "content": "Judge."},
            {"role": "user", "content": "good"},
            {"role": "assistant", "content": "yes"},
        ]}),
        ("plain", {"prompt": "Judge.\n\ninput: good\noutput:", "completion": " yes"}),
    ):  # fmt: skip
        experiment.draft = spec(instruction="Judge.", examples=EXAMPLES, layout=layout).as_json()
        experiment.save()
        assert lines(download(alice, "experiment", experiment, "examples.jsonl")) == [expected]


def test_runs_become_lines_with_all_their_messages(alice: User, experiment: Experiment) -> None:
    whole = spec(instruction="Judge.", examples=EXAMPLES, input={"input": "fine"}).as_json()
    (run,) = kept(experiment, text="yes")
    kept(experiment, text="cut", status=Status.FAILED)
    Run.objects.filter(pk=run.pk).update(spec=whole)
    (line,) = lines(download(alice, "experiment", experiment, "history.jsonl"))
    assert [message["role"] for message in line["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert line["messages"][-1]["content"] == "yes"


def test_the_history_is_exported_as_it_is_filtered(alice: User, experiment: Experiment) -> None:
    kept(experiment, text="a lighthouse")
    kept(experiment, text="no", model="n")
    kept(experiment, text="gone", deleted_at=timezone.now())
    assert [row["answer"] for row in table(download(alice, "experiment", experiment, "history.csv"))] == [
        "a lighthouse",
        "no",
    ]
    assert [
        row["answer"] for row in table(download(alice, "experiment", experiment, "history.csv", q="LIGHT"))
    ] == ["a lighthouse"]
    file = json.loads(download(alice, "experiment", experiment, "history.json", model="n"))
    assert [run["text"] for run in file["runs"]] == ["no"]


DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x","y")']


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_spreadsheet_runs_nothing(alice: User, experiment: Experiment, text: str) -> None:
    kept(experiment, text=text, prompt_text=text, logprob_sum=-0.5)
    (row,) = table(download(alice, "experiment", experiment, "history.csv"))
    assert row["answer"] == row["prompt"] == f"'{text}"
    assert row["logprob_sum"] == "-0.5", "numbers stay numbers"


def test_texts_of_all_kinds_survive_csv(alice: User, experiment: Experiment) -> None:
    text = 'He said "yes", then\r\nleft;\tÄ 🙂'
    kept(experiment, text=text)
    (row,) = table(download(alice, "experiment", experiment, "history.csv"))
    assert row["answer"] == text


def test_examples_as_csv(alice: User, experiment: Experiment) -> None:
    experiment.draft = spec(examples=EXAMPLES).as_json()
    experiment.save()
    rows = table(download(alice, "experiment", experiment, "examples.csv"))
    assert rows == [
        {"input": "good", "output": "yes", "on": "True"},
        {"input": "'=cmd()", "output": "no", "on": "False"},
    ]


def test_votes_become_preference_pairs(alice: User, bob: User, carol: User, comparison: Comparison) -> None:
    one, two = kept(comparison.experiment, 2, comparison=comparison, row="r1", column="a", text="A")
    Run.objects.filter(pk=two.pk).update(text="B")
    for user, choice in ((alice, "better"), (bob, "worse"), (carol, "tie")):
        Vote.objects.create(comparison=comparison, row="r1", user=user, run=one, against=two, choice=choice)
    pairs = lines(download(alice, "comparison", comparison, "preferences.jsonl"))
    prompt = [{"role": "user", "content": "Say hello."}]
    said = {name: [{"role": "assistant", "content": name}] for name in "AB"}
    assert pairs == [
        {"prompt": prompt, "chosen": said["A"], "rejected": said["B"]},
        {"prompt": prompt, "chosen": said["B"], "rejected": said["A"]},
    ]
    page = (
        client_of(alice).get(reverse("experiment-export", args=[comparison.experiment_id])).content.decode()
    )
    assert "2 preference pairs" in page
    assert "1 vote prefers neither" in page


def test_answers_of_a_comparison_with_what_people_said(alice: User, comparison: Comparison) -> None:
    one, two = kept(comparison.experiment, 2, comparison=comparison, row="r1", column="a")
    Vote.objects.create(comparison=comparison, row="r1", user=alice, run=one, against=two, choice="worse")
    Rating.objects.create(user=alice, run=two, mark=4)
    rows = {row["run"]: row for row in table(download(alice, "comparison", comparison, "answers.csv"))}
    assert [rows[str(one.pk)][key] for key in ("votes_better", "votes_worse", "mean_mark")] == ["0", "1", ""]
    assert [rows[str(two.pk)][key] for key in ("votes_better", "votes_worse", "mean_mark")] == [
        "1",
        "0",
        "4.0",
    ]
    assert rows[str(one.pk)]["input: input"] == "Say hello."
    assert len(lines(download(alice, "comparison", comparison, "answers.jsonl"))) == 2


def test_one_comparison_is_a_file_of_its_own(alice: User, comparison: Comparison) -> None:
    kept(comparison.experiment, 2)
    kept(comparison.experiment, 1, comparison=comparison)
    file = json.loads(download(alice, "comparison", comparison, "comparison.json"))
    assert (len(file["comparisons"]), len(file["runs"])) == (1, 1)


def test_a_file_is_read_in_chunks(alice: User, experiment: Experiment) -> None:
    kept(experiment, 2 * exports.CHUNK + 1)
    pieces = exports.runs_jsonl(exports.runs_of(experiment))
    with CaptureQueriesContext(connection) as seen:
        next(pieces)
    assert len(seen) == 1, "the first line is there before the rest has been read"
    with CaptureQueriesContext(connection) as seen:
        assert len(list(pieces)) == 2 * exports.CHUNK
    assert len(seen) == 2


def test_the_server_sends_pieces_as_they_are_made() -> None:
    made: list[int] = []

    def pieces() -> Any:
        for number in range(100):
            made.append(number)
            yield "x" * 1000

    async def first_then_all() -> tuple[int, int]:
        stream = in_thread(pieces(), size=5000)
        length = len(await anext(stream))
        after_first = len(made)
        async for text in stream:
            length += len(text)
        return after_first, length

    assert asyncio.run(first_then_all()) == (5, 100_000)


@pytest.mark.parametrize("name", ["x.json", "history.exe", "../secret"])
def test_there_are_no_other_files(alice: User, experiment: Experiment, name: str) -> None:
    url = f"/experiments/{experiment.pk}/export/{name}"
    assert client_of(alice).get(url).status_code == 404
