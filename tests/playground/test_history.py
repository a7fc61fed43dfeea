"""The history of an experiment: pages, search and filters, then who may read it and what is refused."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from playground.models import Experiment, Run, SearchEntry
from playground.models.run import Status
from playground.views.history import PAGE
from tests.conftest import spec

pytestmark = pytest.mark.usefixtures("plain_static")
NOW = timezone.now()


def kept(experiment: Experiment, count: int = 1, **fields: Any) -> list[Run]:
    """Ended runs of an experiment, each a minute older than the one before."""
    base: dict[str, Any] = {"status": Status.SUCCEEDED, "model": "m", "prompt_text": "", "text": "yes"}
    base |= fields
    runs = Run.objects.bulk_create(
        Run(
            team=experiment.team,
            user=experiment.created_by,
            experiment=experiment,
            deadline=NOW,
            idempotency_key=str(uuid.uuid4()),
            settings={"mode": "greedy"},
            spec=spec().as_json(),
            prompt_ids=[],
            prompt_tokens=9,
            max_new_tokens=1,
            queued_at=NOW - timedelta(minutes=age),
            **base,
        )
        for age in range(count)
    )
    SearchEntry.of_new_runs(runs)
    return runs


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(experiment: Experiment) -> str:
    return reverse("experiment-history", args=[experiment.pk])


def history(user: User, experiment: Experiment, **query: Any) -> Any:
    return signed_in(user).get(address(experiment), query)


def found(user: User, experiment: Experiment, **query: Any) -> list[str]:
    return [row["preview"] for row in history(user, experiment, **query).json()["runs"]]


def test_every_run_is_reached_page_by_page_once(alice: User, experiment: Experiment) -> None:
    runs = kept(experiment, 2 * PAGE + 3)
    seen: list[str] = []
    sizes = []
    for _ in range(3):
        page = history(alice, experiment, **({"before": seen[-1]} if seen else {})).json()
        sizes.append((len(page["runs"]), page["more"]))
        seen += [row["id"] for row in page["runs"]]
    assert sizes == [(PAGE, True), (PAGE, True), (3, False)]
    assert seen == [str(run.pk) for run in runs]


def test_runs_of_one_moment_are_not_lost_between_pages(alice: User, experiment: Experiment) -> None:
    kept(experiment, PAGE + 5)
    Run.objects.update(queued_at=NOW)
    first = [row["id"] for row in history(alice, experiment).json()["runs"]]
    rest = [row["id"] for row in history(alice, experiment, before=first[-1]).json()["runs"]]
    assert len({*first, *rest}) == PAGE + 5


def test_search_finds_words_of_prompt_and_answer(alice: User, experiment: Experiment) -> None:
    kept(experiment, text="A lighthouse", prompt_text="tell")
    kept(experiment, text="no", prompt_text="Label 100% of the reviews")
    assert found(alice, experiment, q="LIGHT") == ["A lighthouse"]
    assert found(alice, experiment, q=" reviews ") == ["no"]
    assert found(alice, experiment, q="100%") == ["no"]
    assert found(alice, experiment, q="0% o") == ["no"]
    assert found(alice, experiment, q="_") == []


@pytest.mark.parametrize(
    "query", ["ÉTUDE", "e\u0301tude", "über die", "STRASSE", "京都", "tude", "über\n die"]
)
def test_letters_of_all_alphabets_are_found_in_any_case(
    alice: User, experiment: Experiment, query: str
) -> None:
    kept(experiment, text="Étude ÜBER\ndie Straße, 東京都")
    assert len(found(alice, experiment, q=query)) == 1
    assert found(alice, experiment, q=f"{query}x") == []


def test_beginning_and_end_of_a_long_prompt_are_found(alice: User, experiment: Experiment) -> None:
    kept(experiment, prompt_text=f"first words {'shot ' * 10_000} the input")
    assert found(alice, experiment, q="first words") == found(alice, experiment, q="the input") == ["yes"]


def test_filters_by_model_and_outcome_join(alice: User, experiment: Experiment) -> None:
    kept(experiment, text="good")
    kept(experiment, text="other", model="n")
    kept(experiment, text="late", status=Status.EXPIRED)
    kept(experiment, text="bad", status=Status.FAILED)
    kept(experiment, text="cut", status=Status.CANCELLED)
    kept(experiment, text="now", status=Status.RUNNING)
    assert found(alice, experiment, model="n") == ["other"]
    assert set(found(alice, experiment, outcome="failed")) == {"late", "bad"}
    assert found(alice, experiment, outcome="stopped") == ["cut"]
    assert found(alice, experiment, outcome="live") == ["now"]
    assert found(alice, experiment, outcome="succeeded", model="m") == ["good"]
    assert found(alice, experiment, outcome="stopped", q="good") == []
    assert history(alice, experiment, outcome="live").json()["models"] == ["m", "n"]


def test_a_page_costs_the_same_for_one_run_and_for_many(
    alice: User, experiment: Experiment, django_assert_max_num_queries: Any
) -> None:
    kept(experiment, PAGE)
    client = signed_in(alice)
    with django_assert_max_num_queries(6):  # session, user, experiment, right, models, page
        page = client.get(address(experiment))
    assert len(page.content) < 100 * 1024


def test_a_long_answer_comes_as_its_beginning(alice: User, experiment: Experiment) -> None:
    kept(experiment, text="é" * 5000)
    assert found(alice, experiment) == ["é" * 200]


@pytest.mark.parametrize(
    "query", [{"outcome": "odd"}, {"before": "x"}, {"q": "a\0"}, {"q": "a" * 201}, {"page": "2"}]
)
def test_a_wrong_question_is_refused_in_words(
    alice: User, experiment: Experiment, query: dict[str, str]
) -> None:
    answer = history(alice, experiment, **query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


def test_a_page_begins_only_behind_a_run_of_the_experiment(alice: User, experiment: Experiment) -> None:
    other = Experiment.objects.create(team=experiment.team, created_by=alice, title="x", draft={})
    for stranger in (uuid.uuid4(), kept(other)[0].pk):
        assert history(alice, experiment, before=stranger).status_code == 404


def test_who_may_read_it(bob: User, carol: User, experiment: Experiment) -> None:
    kept(experiment)
    assert found(bob, experiment) == ["yes"]
    assert history(carol, experiment).status_code == 404
    assert Client().get(address(experiment)).status_code == 401
