"""The audit log: what matters is written down with the change, and owners read it in words."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse

from playground.actions import audit, invitations, teams
from playground.errors import Refusal
from playground.models import AuditEntry, Membership, Role, Team

pytestmark = pytest.mark.usefixtures("plain_static")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def lines(team: Team) -> list[str]:
    """The log as owners read it, oldest first."""
    return [f"{entry.actor_name} {audit.words(entry)}" for entry in team.audit.order_by("pk")]


def test_the_life_of_a_team_in_words(alice: User, carol: User) -> None:
    team = teams.make(alice, "Lab")
    teams.rename(team, alice, "The lab")
    teams.rename(team, alice, "The lab")  # changes nothing
    invitation, _ = invitations.make(team, alice, invitations.NewInvitation(role=Role.VIEWER))
    invitations.accept(invitation, carol)
    spare, _ = invitations.make(team, alice, invitations.NewInvitation())
    invitations.revoke(spare, alice)
    member = Membership.objects.get(team=team, user=carol)
    teams.change_role(team, alice, member, Role.EDITOR)
    teams.change_role(team, alice, member, Role.EDITOR)  # changes nothing
    teams.transfer(team, Membership.objects.get(team=team, user=alice), member)
    teams.remove(team, carol, Membership.objects.get(team=team, user=alice))
    until = f"{spare.expires_at:%-d %B %Y}"
    assert lines(team) == [
        "alice made the team",
        "alice renamed the team from “Lab” to “The lab”",
        f"alice made an invitation as viewer, good until {until}",
        "carol accepted an invitation of alice and is viewer",
        f"alice made an invitation as editor, good until {until}",
        "alice revoked an invitation as editor",
        "alice made carol editor (before: viewer)",
        "alice handed the ownership to carol and is an editor now",
        "carol removed alice (editor)",
    ]


def test_what_is_undone_leaves_no_entry(alice: User) -> None:
    team = teams.make(alice, "Lab")

    @transaction.atomic
    def both() -> None:
        teams.rename(team, alice, "Other")
        teams.change_role(team, alice, team.memberships.get(), Role.VIEWER)

    with pytest.raises(Refusal):
        both()
    assert lines(team) == ["alice made the team"]


def test_entries_outlive_people_and_names(alice: User, carol: User) -> None:
    team = teams.make(alice, "Lab")
    audit.record(team, carol, "experiment_deleted", title="Tests {0} {title}")
    audit.record(team, None, "pruned", tokens=3, runs=1)
    carol.delete()
    assert lines(team)[1:] == [
        "carol deleted the experiment “Tests {0} {title}”",
        "Fewshot let go of 3 runs' tokens and 1 runs, as the team's retention says",
    ]


def test_an_action_without_words_is_noticed_when_it_is_written(alice: User, team: Team) -> None:
    for action, about in [("sang", {}), ("team_renamed", {"name": "x"})]:
        with pytest.raises(KeyError):
            audit.record(team, alice, action, **about)
    assert not AuditEntry.objects.exists()
    assert audit.words(AuditEntry(action="learned_to_fly")) == "learned to fly"  # of a later version


def test_owners_read_it_page_by_page(alice: User, bob: User, team: Team) -> None:
    AuditEntry.objects.bulk_create(
        AuditEntry(team=team, actor_name="alice", action="share_link_made", about={"title": f"No. {number}"})
        for number in range(60)
    )
    page = shown(alice, reverse("team", args=[team.pk]))
    assert ["No. 59" in page, "No. 52" in page, "No. 51" in page] == [True, True, False]
    url = reverse("team-activity", args=[team.pk])
    assert "No. 10”" in shown(alice, url)
    assert "No. 9”" in shown(alice, f"{url}?page=2")
    assert client_of(bob).get(url).status_code == 403
    assert "No. 59" not in shown(bob, reverse("team", args=[team.pk]))


def shown(user: User, url: str) -> str:
    answer: Any = client_of(user).get(url)
    assert answer.status_code == 200
    return str(answer.content.decode())
