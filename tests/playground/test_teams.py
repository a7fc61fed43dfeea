"""Teams: whose experiments a list shows, where new ones go, and who manages people."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from playground.models import AuditEntry, Experiment, Membership, Role, Run, Tag, Team
from tests.conftest import make_run

pytestmark = pytest.mark.usefixtures("plain_static")


@pytest.fixture
def lab(alice: User) -> Team:
    """A second team of Alice's, with one experiment."""
    team = Team.objects.create(name="The lab")
    Membership.objects.create(team=team, user=alice, role=Role.OWNER)
    Experiment.objects.create(team=team, title="Spectra", draft={"examples": []})
    return team


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def listed(user: User, query: str = "") -> str:
    answer = client_of(user).get(f"/experiments/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_shows_all_teams_or_one(alice: User, experiment: Experiment, lab: Team) -> None:
    whole, one = listed(alice), listed(alice, f"?team={lab.pk}")
    assert experiment.title in whole
    assert "Spectra" in whole
    assert '<span class="list-team">The lab</span>' in whole
    assert "Spectra" in one
    assert f"/experiments/{experiment.pk}/" not in one
    assert "list-team" not in one


@pytest.mark.parametrize(
    ("query", "status"), [(f"?team={uuid.UUID(int=7)}", 404), ("?team=seven", 422), ("?odd=1", 200)]
)
def test_an_odd_query_is_answered_in_words(alice: User, query: str, status: int) -> None:
    answer = client_of(alice).get(f"/experiments/{query}", headers={"Accept": "text/html"})
    assert answer.status_code == status


def test_a_foreign_team_cannot_be_listed_or_written_to(carol: User, lab: Team) -> None:
    assert client_of(carol).get(f"/experiments/?team={lab.pk}").status_code == 404
    assert client_of(carol).post(reverse("experiment-new"), {"team": lab.pk}).status_code == 404
    assert client_of(carol).post(reverse("experiment-new"), {"team": "seven"}).status_code == 404
    assert lab.experiments.count() == 1


def test_a_new_experiment_goes_into_the_chosen_team(alice: User, bob: User, team: Team, lab: Team) -> None:
    client_of(alice).post(reverse("experiment-new"), {"team": lab.pk})
    client_of(alice).post(reverse("experiment-new"), {"team": lab.pk, "starter": "summary"})
    client_of(alice).post(reverse("experiment-new"))
    assert (lab.experiments.count(), team.experiments.count()) == (3, 2)
    assert client_of(bob).post(reverse("experiment-new"), {"team": team.pk}).status_code == 403
    assert team.experiments.count() == 2


def test_the_rail_holds_the_experiments_of_the_team(alice: User, experiment: Experiment, lab: Team) -> None:
    page = client_of(alice).get(reverse("experiment", args=[lab.experiments.get().pk])).content.decode()
    rail = page[page.index('id="rail"') : page.index("</nav>", page.index('id="rail"'))]
    assert "Spectra" in rail
    assert experiment.title not in rail
    assert f'name="team" value="{lab.pk}"' in rail


def test_lists_cost_the_same_however_many_teams(alice: User, lab: Team, experiment: Experiment) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as found:
            client.get("/experiments/")
        return len(found)

    client = client_of(alice)
    before = cost()
    for number in range(5):
        more = Team.objects.create(name=f"Team {number}")
        Membership.objects.create(team=more, user=alice, role=Role.VIEWER)
        Experiment.objects.create(team=more, title="One more", draft={"examples": []})
    assert cost() == before


def move(user: User, experiment: Experiment, team: Any) -> Any:
    return client_of(user).post(reverse("experiment-team", args=[experiment.pk]), {"team": team})


def test_moving_takes_everything_along(alice: User, experiment: Experiment, lab: Team, valkey: None) -> None:
    run = make_run(alice)
    Run.objects.filter(pk=run.pk).update(experiment=experiment)
    experiment.tags.add(Tag.objects.create(team=experiment.team, name="Spectral"))
    kept = Tag.objects.create(team=lab, name="spectral")
    assert move(alice, experiment, lab.pk).status_code == 302
    experiment.refresh_from_db()
    run.refresh_from_db()
    assert (experiment.team, run.team, experiment.tags.get()) == (lab, lab, kept)
    said = {(entry.team.name, entry.action): entry.about for entry in AuditEntry.objects.all()}
    assert said == {
        ("alice's team", "experiment_moved_away"): {"title": experiment.title, "team": "The lab"},
        ("The lab", "experiment_moved_here"): {"title": experiment.title, "team": "alice's team"},
    }


def test_only_owners_move_and_only_to_where_they_may_write(
    alice: User, bob: User, carol: User, team: Team, experiment: Experiment
) -> None:
    own = Team.objects.get(personal_of=bob)
    assert move(bob, experiment, own.pk).status_code == 403
    Membership.objects.filter(team=team, user=bob).update(role=Role.EDITOR)
    assert move(bob, experiment, own.pk).status_code == 403
    assert move(carol, experiment, Team.objects.get(personal_of=carol).pk).status_code == 404
    assert move(alice, experiment, own.pk).status_code == 404
    Membership.objects.create(team=own, user=alice, role=Role.VIEWER)
    assert move(alice, experiment, own.pk).status_code == 403
    experiment.refresh_from_db()
    assert experiment.team == team
    assert not AuditEntry.objects.exists()
