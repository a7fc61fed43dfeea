"""Deleting with a way back, removing what is old in small steps, and what a team stores."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from playground.actions import deletions, retention, runs, storage
from playground.actions.retention import Policy
from playground.errors import NotFound
from playground.models import AuditEntry, Comparison, Experiment, Rating, Run, ShareLink, Team, Version, Vote
from playground.models.run import Status
from playground.models.secrets import digest
from tests.conftest import spec
from tests.playground.test_history import kept

pytestmark = pytest.mark.usefixtures("valkey", "plain_static")

PAGE = {"Accept": "text/html"}
LONG_AGO = timezone.now() - timedelta(days=100)
TOKENS = [{"t": "yes", "id": 1, "lp": -0.1, "rank": 1, "top": []}]


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def old(experiment: Experiment, count: int = 1, **fields: Any) -> list[Run]:
    return kept(experiment, count, finished_at=LONG_AGO, tokens=TOKENS, **fields)


def post(user: User, name: str, row: Any, **data: Any) -> Any:
    return client_of(user).post(reverse(name, args=[row.pk]), data)


def test_a_deleted_experiment_is_nowhere_and_comes_back(alice: User, experiment: Experiment) -> None:
    client = client_of(alice)
    url = reverse("experiment", args=[experiment.pk])
    page = client.post(reverse("experiment-delete", args=[experiment.pk]), headers=PAGE, follow=True)
    assert "Deleted “" in page.content.decode()
    assert client.get(url).status_code == 404
    assert f'href="/experiments/{experiment.pk}/"' not in page.content.decode()
    other = client.get(reverse("team-deleted", args=[experiment.team_id])).content.decode()
    assert experiment.title in other
    assert "Deleted “" in other, "the way back is on the next page too"
    back = client.post(reverse("experiment-restore", args=[experiment.pk]), headers=PAGE, follow=True)
    assert back.status_code == 200
    assert "Deleted “" not in back.content.decode()
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == [
        "experiment_deleted",
        "experiment_restored",
    ]


def test_deleting_an_experiment_stops_its_runs(alice: User, experiment: Experiment) -> None:
    queued, running = kept(experiment, 2, status=Status.QUEUED)
    Run.objects.filter(pk=running.pk).update(status=Status.RUNNING)
    post(alice, "experiment-delete", experiment)
    queued.refresh_from_db()
    running.refresh_from_db()
    assert queued.status == Status.CANCELLED
    assert running.cancel_requested_at is not None


def test_nothing_is_started_in_a_deleted_experiment(alice: User, experiment: Experiment) -> None:
    deletions.delete(experiment, alice)
    with pytest.raises(NotFound):
        runs.submit(runs.Submission(alice, experiment.team, spec(), "k", experiment))


def test_a_deleted_run_leaves_the_history_and_comes_back(alice: User, experiment: Experiment) -> None:
    run, _ = kept(experiment, 2)
    client = client_of(alice)

    def listed() -> int:
        return len(client.get(reverse("experiment-history", args=[experiment.pk])).json()["runs"])

    undo = client.post(reverse("run-delete", args=[run.pk])).json()["undo"]
    assert listed() == 1
    assert client.get(reverse("run", args=[run.pk])).status_code == 404
    assert client.post(undo["url"]).status_code == 200
    assert listed() == 2


def test_a_shared_experiment_is_no_longer_shown_once_it_is_deleted(
    alice: User, experiment: Experiment
) -> None:
    ShareLink.objects.create(
        team=experiment.team, experiment=experiment, title="x", secret_hash=digest("open-sesame-open-sesame")
    )
    url = reverse("shared", args=["open-sesame-open-sesame"])
    assert Client().get(url).status_code == 200
    deletions.delete(experiment, alice)
    assert Client().get(url).status_code in (404, 410)


def test_only_editors_delete(bob: User, experiment: Experiment) -> None:
    (run,) = kept(experiment)
    assert post(bob, "experiment-delete", experiment).status_code == 403
    assert post(bob, "run-delete", run).status_code == 403
    assert (
        "data-delete-run"
        not in client_of(bob).get(reverse("experiment", args=[experiment.pk])).content.decode()
    )


def purge_all() -> list[int]:
    removed = []
    while count := deletions.purge():
        removed.append(count)
    return removed


def test_the_keeper_removes_after_seven_days_in_batches(alice: User, experiment: Experiment) -> None:
    other = Experiment.objects.create(
        team=experiment.team, title="Stays", draft={}, deleted_at=timezone.now()
    )
    version = Version.objects.create(experiment=experiment, number=1, spec={}, content_hash="x")
    comparison = Comparison.objects.create(experiment=experiment, title="x", board={})
    runs = kept(experiment, deletions.BATCH + 3, version=version, comparison=comparison)
    Vote.objects.create(comparison=comparison, user=alice, run=runs[0], against=runs[1], choice="tie")
    deletions.delete(experiment, alice)
    assert purge_all() == []
    Experiment.objects.filter(pk=experiment.pk).update(deleted_at=timezone.now() - deletions.KEPT)
    assert purge_all() == [deletions.BATCH, 3, 1]
    assert list(Experiment.objects.filter(team=other.team)) == [other]
    assert not Run.objects.filter(experiment=experiment.pk).exists()


def test_runs_of_a_removed_comparison_go_with_it(experiment: Experiment) -> None:
    comparison = Comparison.objects.create(
        experiment=experiment, title="x", board={}, deleted_at=timezone.now() - deletions.KEPT
    )
    kept(experiment, 2, comparison=comparison)
    kept(experiment, 1)
    assert purge_all() == [2, 1]
    assert Run.objects.count() == 1


def protected(alice: User, experiment: Experiment) -> list[Run]:
    """Old runs that a policy keeps, each for another reason."""
    voted, against, rated, shared, labelled, starred, live = old(experiment, 7)
    comparison = Comparison.objects.create(experiment=experiment, title="x", board={})
    Vote.objects.create(comparison=comparison, user=alice, run=voted, against=against, choice="tie")
    Rating.objects.create(user=alice, run=rated, mark=5)
    ShareLink.objects.create(team=experiment.team, run=shared, title="x", secret_hash="x")
    version = Version.objects.create(experiment=experiment, number=1, spec={}, content_hash="x", label="Best")
    Run.objects.filter(pk=labelled.pk).update(version=version)
    loved = Experiment.objects.create(team=experiment.team, title="x", draft={})
    loved.starred_by.add(alice)
    Run.objects.filter(pk=starred.pk).update(experiment=loved)
    Run.objects.filter(pk=live.pk).update(status=Status.RUNNING)
    return [voted, against, rated, shared, labelled, starred, live]


def test_a_policy_removes_what_is_old_unless_somebody_needs_it(alice: User, experiment: Experiment) -> None:
    stay = [*protected(alice, experiment), *kept(experiment, 2, finished_at=timezone.now(), tokens=TOKENS)]
    gone = old(experiment, 3)
    team = experiment.team
    seen = retention.preview(team, Policy(tokens=30, runs=90))
    assert (seen.runs, seen.token_runs) == (3, 5), "the tokens of a shared and of a live run stay"
    assert seen.run_bytes > 0 < seen.token_bytes
    retention.save(team, alice, Policy(tokens=30, runs=90))
    retention.prune()
    assert set(Run.objects.values_list("pk", flat=True)) == {run.pk for run in stay}
    assert not Run.objects.filter(pk__in=[run.pk for run in gone]).exists()
    assert Run.objects.filter(tokens__isnull=True, text="yes").count() == 5
    entry = AuditEntry.objects.get(action="pruned")
    assert (entry.about, entry.actor) == ({"tokens": 5, "runs": 3}, None)
    retention.prune()
    assert AuditEntry.objects.filter(action="pruned").count() == 1


def test_without_a_policy_everything_stays(experiment: Experiment) -> None:
    old(experiment, 2)
    retention.prune()
    assert Run.objects.filter(tokens__isnull=False).count() == 2


def test_pruning_many_runs_takes_many_small_steps(alice: User, experiment: Experiment) -> None:
    old(experiment, 2 * deletions.BATCH + 1)
    Team.objects.filter(pk=experiment.team_id).update(keep_runs_days=30)
    retention.prune(patience=0)
    assert Run.objects.count() == 2 * deletions.BATCH + 1, "a round without time does nothing"
    retention.prune(patience=60)
    assert not Run.objects.exists()


def test_storage_counts_bytes_by_kind(alice: User, experiment: Experiment) -> None:
    before = storage.of_team(experiment.team)
    kept(experiment, 3, text="é" * 1000, prompt_text="p" * 500, tokens=TOKENS * 50)
    ShareLink.objects.create(
        team=experiment.team, experiment=experiment, title="x", secret_hash="x", snapshot={"a": 1}
    )
    with CaptureQueriesContext(connection) as seen:
        found = storage.of_team(experiment.team)
    assert len(seen) == 3
    assert (found.runs, found.experiments) == (3, 1)
    assert found.texts >= 3 * (100 if connection.vendor == "postgresql" else 2500)
    assert found.tokens > 0 < found.snapshots
    assert found.total > before.total == 0


def test_an_owner_previews_and_saves_a_policy(alice: User, experiment: Experiment) -> None:
    old(experiment, 2)
    client = client_of(alice)
    url = reverse("team-storage", args=[experiment.team_id])
    page = client.get(url, {"tokens": "30", "runs": "45"}).content.decode()
    assert "<strong>2 runs</strong>" in page
    assert '<option value="45" selected>' in page, "days that are no choice of ours are kept"
    assert retention.of_team(Team.objects.get(pk=experiment.team_id)) == Policy()
    assert client.post(url, {"tokens": "30", "runs": ""}).status_code == 302
    assert retention.of_team(Team.objects.get(pk=experiment.team_id)) == Policy(tokens=30)
    assert AuditEntry.objects.get().action == "retention_changed"


@pytest.mark.parametrize("days", ["0", "-1", "x", "99999", "1.5"])
def test_a_wrong_policy_is_refused(alice: User, experiment: Experiment, days: str) -> None:
    assert post(alice, "team-storage", experiment.team, tokens=days).status_code == 422


def test_an_editor_sees_storage_and_changes_nothing(bob: User, experiment: Experiment) -> None:
    url = reverse("team-storage", args=[experiment.team_id])
    page = client_of(bob).get(url, {"runs": "7"}).content.decode()
    assert "An owner of the team can change this." in page
    assert "would now" not in page
    assert client_of(bob).post(url, {"runs": "7"}).status_code == 403


def test_what_was_never_deleted_cannot_be_brought_back(alice: User, experiment: Experiment) -> None:
    assert post(alice, "experiment-restore", experiment).status_code == 404
    missing = Experiment(pk=uuid.uuid4())
    assert post(alice, "experiment-restore", missing).status_code == 404
