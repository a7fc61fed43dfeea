"""Comparisons: made, saved, looked at, deleted; then who may do none of it."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from playground.actions import comparisons, deletions
from playground.boards import Board
from playground.limits import LIMITS
from playground.models import Comparison, Experiment, Run
from playground.models.run import Status
from tests.conftest import make_run, spec

pytestmark = pytest.mark.usefixtures("plain_static", "valkey")
SAMPLING = {"mode": "sample", "temperature": 1.0}


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def ask(user: User, name: str, pk: Any, body: Any = None, method: str = "post", **headers: str) -> Any:
    send = getattr(client_of(user), method)
    if method in ("get", "delete"):
        return send(reverse(name, args=[pk]))
    return send(reverse(name, args=[pk]), json.dumps(body), content_type="application/json", headers=headers)


def column(key: str, title: str = "", **changes: Any) -> dict[str, Any]:
    return {"key": key, "title": title, "spec": spec(input={}, **changes).as_json()}


def board(columns: int = 2, rows: int = 2, **changes: Any) -> dict[str, Any]:
    whole = {
        "columns": [column(f"c{number}", instruction=f"Way {number}.") for number in range(columns)],
        "rows": [{"key": f"r{number}", "values": {"input": f"Text {number}"}} for number in range(rows)],
    } | changes
    return Board.model_validate(whole).as_json()


@pytest.fixture
def comparison(experiment: Experiment) -> Comparison:
    return experiment.comparisons.create(title="Ways", board=board())


def store(comparison: Comparison, whole: dict[str, Any]) -> None:
    comparison.board = whole
    comparison.save()


def press(user: User, comparison: Comparison, key: str = "", **body: Any) -> Any:
    return ask(user, "comparison-runs", comparison.pk, body, Idempotency_Key=key or str(uuid.uuid4()))


def cells_of(user: User, comparison: Comparison) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = ask(user, "comparison-cells", comparison.pk, method="get").json()["cells"]
    return listed


def ended(**changes: Any) -> None:
    """All runs end well."""
    now = timezone.now()
    values = {"status": Status.SUCCEEDED, "text": "yes", "finish_reason": "stop", "finished_at": now}
    Run.objects.live().update(**values | changes)


# Making


def test_one_column_is_compared_with_its_copy_on_the_test_inputs(alice: User, experiment: Experiment) -> None:
    inputs = [{"input": "Say hello."}, {"input": "Say goodbye."}, {"input": " "}]
    Experiment.objects.filter(pk=experiment.pk).update(inputs=inputs)
    answer = ask(alice, "comparisons", experiment.pk, {"columns": [{"spec": spec().as_json()}]})
    assert answer.status_code == 201
    made = experiment.comparisons.get(pk=answer.json()["comparison"]["id"])
    whole = comparisons.board_of(made)
    assert answer.json()["comparison"]["url"] == f"/comparisons/{made.pk}/"
    assert [row.values for row in whole.rows] == [{"input": "Say hello."}, {"input": "Say goodbye."}]
    assert whole.columns[0].spec == whole.columns[1].spec
    assert whole.columns[0].spec.input == {}
    assert (made.title, made.created_by) == ("Comparison 1", alice)


def test_versions_are_compared_by_their_numbers(alice: User, experiment: Experiment) -> None:
    for number, text in ((1, "Be brief."), (2, "Be kind.")):
        one = spec(instruction=text)
        experiment.versions.create(number=number, spec=one.as_json(), content_hash=one.content_hash())
    body = {"versions": [2, 1], "title": " Two ", "rows": [{"input": "x"}]}
    answer = ask(alice, "comparisons", experiment.pk, body)
    made = experiment.comparisons.get(pk=answer.json()["comparison"]["id"])
    columns = comparisons.board_of(made).columns
    assert [column.spec.instruction for column in columns] == ["Be kind.", "Be brief."]
    assert ([column.title for column in columns], made.title) == (["v2", "v1"], "Two")
    assert ask(alice, "comparisons", experiment.pk, body | {"versions": [1, 3]}).status_code == 404


ONE = {"spec": spec().as_json()}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"columns": [{"spec": {}}]},
        {"versions": [1], "columns": [ONE]},
        {"columns": [ONE] * (LIMITS.columns + 1)},
    ],
    ids=["nothing", "no spec", "both", "too many"],
)
def test_what_is_no_comparison_is_refused(alice: User, experiment: Experiment, body: dict[str, Any]) -> None:
    assert ask(alice, "comparisons", experiment.pk, body).status_code == 422
    assert not experiment.comparisons.exists()


def test_the_list_has_what_is_not_deleted(
    alice: User, experiment: Experiment, comparison: Comparison
) -> None:
    copy = ask(alice, "comparison-copy", comparison.pk).json()["comparison"]["id"]
    assert ask(alice, "comparison", comparison.pk, method="delete").status_code == 200
    (row,) = ask(alice, "comparisons", experiment.pk, method="get").json()["comparisons"]
    assert (row["id"], row["title"], row["columns"], row["rows"]) == (copy, "Ways (copy)", 2, 2)
    assert ask(alice, "comparison-cells", comparison.pk, method="get").status_code == 404
    for _ in range(2):
        assert ask(alice, "comparison-restore", comparison.pk).status_code == 200
    assert len(ask(alice, "comparisons", experiment.pk, method="get").json()["comparisons"]) == 2


def test_deleting_stops_its_runs_and_is_written_down(alice: User, comparison: Comparison) -> None:
    press(alice, comparison)
    Run.objects.filter(pk__in=comparison.runs.values("pk")[:1]).update(status=Status.RUNNING)
    for _ in range(2):
        ask(alice, "comparison", comparison.pk, method="delete")
    assert not comparison.runs.filter(status=Status.QUEUED).exists()
    assert comparison.runs.get(status=Status.RUNNING).cancel_requested_at is not None
    ask(alice, "comparison-restore", comparison.pk)
    audit = comparison.experiment.team.audit.order_by("pk").values_list("action", "about__title")
    assert list(audit) == [("comparison_deleted", "Ways"), ("comparison_restored", "Ways")]


def test_the_list_costs_the_same_for_many(
    alice: User, experiment: Experiment, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        author = User.objects.create(username=f"p{number}")
        experiment.comparisons.create(title=str(number), board=board(), created_by=author)
    client = client_of(alice)
    with django_assert_max_num_queries(5):
        client.get(reverse("comparisons", args=[experiment.pk]))


# The draft


def test_an_old_tab_cannot_overwrite_a_newer_draft(alice: User, comparison: Comparison) -> None:
    draft = {"draft_version": 1, "title": "New", "board": board(3)}
    assert ask(alice, "comparison-draft", comparison.pk, draft, "put").json() == {"draft_version": 2}
    late = ask(alice, "comparison-draft", comparison.pk, draft | {"title": "Late", "board": board(1)}, "put")
    assert (late.status_code, late.json()["error"]["code"]) == (409, "draft_conflict")
    assert late.json()["error"]["message"].startswith("This comparison was changed")
    stored = {key: late.json()[key] for key in ("draft_version", "title", "board")}
    assert stored == {"draft_version": 2, "title": "New", "board": board(3)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": []},
        {"rows": []},
        {"baseline": "x"},
        {"samples": 17},
        {"columns": [column("a"), column("a")]},
        {"rows": [{"key": "a b"}]},
    ],
    ids=["no column", "no row", "baseline", "samples", "keys twice", "no key"],
)
def test_what_is_no_board_is_refused(alice: User, comparison: Comparison, wrong: dict[str, Any]) -> None:
    draft = {"draft_version": 1, "title": "New", "board": board() | wrong}
    assert ask(alice, "comparison-draft", comparison.pk, draft, "put").status_code == 422


# Looking


def test_a_cell_shows_its_newest_run_and_its_figures(alice: User, comparison: Comparison) -> None:
    press(alice, comparison)
    ended(text="old")
    press(alice, comparison, cells=[{"column": "c0", "row": "r0"}])
    now = timezone.now()
    ended(
        text="new",
        completion_tokens=5,
        scored_tokens=4,
        logprob_sum=-2.0,
        first_token_at=now,
        cached_tokens=3,
    )
    listed = {(cell["column"], cell["row"]): cell for cell in cells_of(alice, comparison)}
    assert {place: cell["text"] for place, cell in listed.items()} == {
        ("c0", "r0"): "new",
        ("c0", "r1"): "old",
        ("c1", "r0"): "old",
        ("c1", "r1"): "old",
    }
    newest = listed["c0", "r0"]
    figures = newest["figures"]
    assert (figures["logprob_sum"], figures["logprob_mean"], figures["completion_tokens"]) == (-2.0, -0.5, 5)
    assert figures["cached_tokens"] == 3
    assert figures["latency_ms"] >= figures["first_token_ms"] >= 0
    assert (newest["status"], newest["user_name"], newest["error"]) == ("succeeded", "alice", None)
    assert "tokens" not in newest


def test_an_edit_makes_cells_stale_only_if_it_changes_what_is_asked(
    alice: User, comparison: Comparison
) -> None:
    off = {"id": "e", "values": {"input": "x"}, "output": "y", "on": False}
    columns = [
        column("c0", instruction="Way 0.", examples=[off], settings={"temperature": 0.3}),
        column("c1"),
    ]
    press(alice, comparison)
    assert {cell["stale"] for cell in cells_of(alice, comparison)} == {False}
    store(comparison, board() | {"columns": columns})
    stale = {cell["column"]: cell["stale"] for cell in cells_of(alice, comparison)}
    assert stale == {"c0": False, "c1": True}, (
        "an example that is off and a setting greedy ignores change nothing"
    )


def test_what_the_board_no_longer_has_is_not_shown(alice: User, comparison: Comparison) -> None:
    press(alice, comparison)
    store(comparison, board(1, 1))
    assert [(cell["column"], cell["row"]) for cell in cells_of(alice, comparison)] == [("c0", "r0")]


def test_a_large_board_costs_as_many_queries_as_a_small_one(
    alice: User, experiment: Experiment, comparison: Comparison, django_assert_num_queries: Any
) -> None:
    press(alice, comparison, cells=[{"column": "c0", "row": "r0"}])
    run = Run.objects.get()
    for columns, rows in ((4, 5), (12, 100)):
        one = experiment.comparisons.create(title="x", board=board(columns, rows))
        Run.objects.bulk_create(
            copy_of(run, comparison=one, column=f"c{column}", row=f"r{row}")
            for column in range(columns)
            for row in range(rows)
        )
        client = client_of(alice)
        with django_assert_num_queries(6):  # session, user, comparison, right, cells, people
            listed = client.get(reverse("comparison-cells", args=[one.pk])).json()["cells"]
        assert len(listed) == columns * rows


def copy_of(run: Run, comparison: Comparison, **changes: Any) -> Run:
    fields = {field.attname: getattr(run, field.attname) for field in Run._meta.fields if field.name != "id"}
    own = {"idempotency_key": str(uuid.uuid4()), "comparison_id": comparison.pk}
    return Run(**fields | own | changes)


def test_the_page_starts_from_all_it_needs(alice: User, bob: User, comparison: Comparison) -> None:
    press(alice, comparison)
    for user, may in ((alice, True), (bob, False)):
        page = ask(user, "comparison", comparison.pk, method="get").context["page"]
        assert page["comparison"]["draft_version"] == 1
        assert (page["board"], len(page["cells"])) == (board(), 4)
        assert (page["may_run"], page["may_edit"], page["may_judge"]) == (may, may, True)


# The history


def test_the_history_leaves_comparisons_out_unless_asked(
    alice: User, experiment: Experiment, comparison: Comparison
) -> None:
    press(alice, comparison)
    client = client_of(alice)
    address = reverse("experiment-history", args=[experiment.pk])
    assert client.get(address).json()["runs"] == []
    rows = client.get(address, {"among": "comparisons"}).json()["runs"]
    assert len(rows) == 4
    assert rows[0]["comparison"] == {"title": "Ways", "url": f"/comparisons/{comparison.pk}/"}
    deletions.delete(comparison, alice)
    rows = client.get(address, {"among": "comparisons"}).json()["runs"]
    assert rows[0]["comparison"] == {"title": "Ways", "url": ""}


def test_the_receipt_says_from_which_comparison_a_run_is(alice: User, comparison: Comparison) -> None:
    press(alice, comparison)
    run = Run.objects.first()
    assert run
    receipt = ask(alice, "run-receipt", run.pk, method="get").content.decode()
    assert f'<a href="/comparisons/{comparison.pk}/">Ways</a>' in receipt
    deletions.delete(comparison, alice)
    receipt = ask(alice, "run-receipt", run.pk, method="get").content.decode()
    assert "“Ways”, which was deleted" in receipt
    assert "comparison" not in ask(alice, "run-receipt", make_run(alice).pk, method="get").content.decode()


# Rights

WRITES = [
    ("comparison-draft", "put", {"draft_version": 1, "title": "x", "board": board()}),
    ("comparison-runs", "post", {}),
    ("comparison-cancel", "post", {"everyone": True}),
    ("comparison-copy", "post", {}),
    ("comparison-restore", "post", {}),
    ("comparison", "delete", {}),
]
READS = [("comparison", "get", None), ("comparison-cells", "get", None)]


@pytest.mark.parametrize(("name", "method", "body"), WRITES, ids=lambda part: str(part)[:20])
def test_a_viewer_changes_nothing_and_an_outsider_finds_nothing(
    alice: User, bob: User, carol: User, comparison: Comparison, name: str, method: str, body: Any
) -> None:
    press(alice, comparison)
    before = list(Run.objects.values()), list(Comparison.objects.values())
    for user, status in ((bob, 403), (carol, 404)):
        assert ask(user, name, comparison.pk, body, method, Idempotency_Key="k").status_code == status
    assert (list(Run.objects.values()), list(Comparison.objects.values())) == before


@pytest.mark.parametrize(("name", "method", "body"), READS)
def test_a_viewer_reads_and_others_do_not(
    bob: User, carol: User, comparison: Comparison, name: str, method: str, body: Any
) -> None:
    assert ask(bob, name, comparison.pk, body, method).status_code == 200
    assert ask(carol, name, comparison.pk, body, method).status_code == 404
    assert Client().get(reverse(name, args=[comparison.pk])).status_code in (302, 401)


def test_only_editors_make_comparisons(bob: User, carol: User, experiment: Experiment) -> None:
    body = {"columns": [{"spec": spec().as_json()}]}
    assert ask(bob, "comparisons", experiment.pk, body).status_code == 403
    assert ask(carol, "comparisons", experiment.pk, body).status_code == 404
    assert ask(bob, "comparisons", experiment.pk, method="get").json() == {"comparisons": []}
    assert ask(carol, "comparisons", experiment.pk, method="get").status_code == 404
