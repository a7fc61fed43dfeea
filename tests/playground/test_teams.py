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


# People


def act(user: User, form: str, team: Team, /, *more: Any, **fields: Any) -> Any:
    """Posts a form of the team's page and returns the page behind it, or the refusal."""
    return client_of(user).post(reverse(form, args=[team.pk, *more]), fields, follow=True)


def role_of(team: Team, user: User) -> str | None:
    return Membership.objects.filter(team=team, user=user).values_list("role", flat=True).first()


def join(team: Team, user: User, role: Role) -> Membership:
    return Membership.objects.update_or_create(team=team, user=user, defaults={"role": role})[0]


def test_whoever_makes_a_team_owns_it(alice: User) -> None:
    answer = client_of(alice).post(reverse("team-new"), {"name": "  The   lab \n"}, follow=True)
    team = Team.objects.get(name="The lab")
    assert role_of(team, alice) == Role.OWNER
    assert "<h1>The lab</h1>" in answer.content.decode()


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\0b"])
def test_a_team_needs_a_name(alice: User, name: str) -> None:
    answer = client_of(alice).post(reverse("team-new"), {"name": name})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert Team.objects.count() == 1


def test_an_owner_renames_gives_roles_and_removes(alice: User, carol: User, lab: Team) -> None:
    join(lab, carol, Role.VIEWER)
    act(alice, "team-name", lab, name="Lab two")
    act(alice, "team-member", lab, carol.pk, role="editor")
    assert role_of(lab, carol) == Role.EDITOR
    assert "no longer a member" in act(alice, "team-member-remove", lab, carol.pk).content.decode()
    assert role_of(lab, carol) is None
    lab.refresh_from_db()
    assert lab.name == "Lab two"
    assert client_of(carol).get(reverse("team", args=[lab.pk])).status_code == 404


def test_members_see_each_other_and_nothing_to_change(alice: User, carol: User, lab: Team) -> None:
    join(lab, carol, Role.EDITOR)
    page = client_of(carol).get(reverse("team", args=[lab.pk])).content.decode()
    assert "alice" in page
    assert not [word for word in ("data-role-form", 'id="invite"', "/name", "/delete") if word in page]
    assert 'popovertarget="leave"' in page


def test_an_unknown_role_changes_nothing(alice: User, carol: User, lab: Team) -> None:
    join(lab, carol, Role.VIEWER)
    page = act(alice, "team-member", lab, carol.pk, role="emperor").content.decode()
    assert "role:" in page
    assert role_of(lab, carol) == Role.VIEWER


def test_the_last_owner_stays(alice: User, carol: User, lab: Team) -> None:
    join(lab, carol, Role.EDITOR)
    for name, more, fields in [("team-member", [alice.pk], {"role": "viewer"}), ("team-leave", [], {})]:
        assert "A team needs an owner" in act(alice, name, lab, *more, **fields).content.decode()
    assert act(alice, "team-member-remove", lab, alice.pk).status_code == 404  # leaving is another form
    assert role_of(lab, alice) == Role.OWNER
    join(lab, carol, Role.OWNER)
    assert "You have left" in act(alice, "team-leave", lab).content.decode()
    assert (role_of(lab, alice), role_of(lab, carol)) == (None, Role.OWNER)


def test_a_personal_team_keeps_its_first_owner(alice: User, bob: User, team: Team) -> None:
    join(team, bob, Role.OWNER)
    refused: list[tuple[User, str, list[int], dict[str, Any]]] = [
        (bob, "team-member", [alice.pk], {"role": "viewer"}),
        (bob, "team-member-remove", [alice.pk], {}),
        (alice, "team-leave", [], {}),
        (alice, "team-transfer", [], {"member": bob.pk}),
    ]
    for user, form, more, fields in refused:
        assert "keeps its first owner" in act(user, form, team, *more, **fields).content.decode()
    assert "goes with its account" in act(bob, "team-delete", team, name=team.name).content.decode()
    assert role_of(team, alice) == Role.OWNER
    act(bob, "team-transfer", team, member=alice.pk)  # Bob may let go of his part in it
    assert role_of(team, bob) == Role.EDITOR


def test_ownership_is_handed_over(alice: User, carol: User, lab: Team) -> None:
    join(lab, carol, Role.VIEWER)
    act(alice, "team-transfer", lab, member=carol.pk)
    assert (role_of(lab, alice), role_of(lab, carol)) == (Role.EDITOR, Role.OWNER)
    assert act(alice, "team-transfer", lab, member=carol.pk).status_code == 403


def test_an_owner_cannot_hand_over_to_oneself_or_an_outsider(alice: User, carol: User, lab: Team) -> None:
    assert "choose somebody else" in act(alice, "team-transfer", lab, member=alice.pk).content.decode()
    assert act(alice, "team-transfer", lab, member=carol.pk).status_code == 404
    assert role_of(lab, alice) == Role.OWNER


def test_a_team_is_deleted_with_everything_by_typing_its_name(alice: User, lab: Team, valkey: None) -> None:
    run = make_run(alice)
    experiment = lab.experiments.get()
    version = experiment.versions.create(number=1, spec={}, content_hash="x")
    Run.objects.filter(pk=run.pk).update(team=lab, experiment=experiment, version=version)
    assert "nothing was deleted" in act(alice, "team-delete", lab, name="the lab").content.decode()
    assert "has been deleted" in act(alice, "team-delete", lab, name=" The lab ").content.decode()
    assert not Team.objects.filter(pk=lab.pk).exists()
    assert not Run.objects.exists()
    assert Experiment.objects.count() == 1


def test_the_page_of_a_team_costs_the_same_however_many_members(alice: User, lab: Team) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as found:
            client.get(reverse("team", args=[lab.pk]))
        return len(found)

    client = client_of(alice)
    join(lab, User.objects.create_user("dora"), Role.VIEWER)
    before = cost()
    for number in range(5):
        join(lab, User.objects.create_user(f"member {number}"), Role.EDITOR)
    assert cost() == before
