"""Any actors in any order: a team always has an owner, and nobody else ever manages it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from playground.access import Verb, invitation_for, member_of, team_to_change
from playground.actions import invitations, teams
from playground.errors import Refusal
from playground.models import Invitation, Membership, Role, Team

PEOPLE = ("ann", "ben", "cem", "dia")
person, role = st.sampled_from(PEOPLE), st.sampled_from(list(Role))


class Life(RuleBasedStateMachine):
    """The real thing beside a model of it: who has which role, and which invitations are open."""

    @initialize(founder=person, is_personal=st.booleans())
    def found(self, founder: str, is_personal: bool) -> None:
        self.users = {name: User.objects.get_or_create(username=name)[0] for name in PEOPLE}
        self.first = founder if is_personal else None
        Team.objects.filter(personal_of=self.users[founder]).delete()
        self.team = teams.make(self.users[founder], "Team")
        if is_personal:
            Team.objects.filter(pk=self.team.pk).update(personal_of=self.users[founder])
        self.roles: dict[str, Role] = {founder: Role.OWNER}
        self.links: list[dict[str, Any]] = []

    def tries(self, work: Callable[[], Any]) -> int:
        """The status of a change: 200, or that of its refusal."""
        try:
            with transaction.atomic():
                work()
        except Refusal as error:
            return error.status
        return 200

    def managed(self, actor: str) -> Team:
        return team_to_change(self.users[actor], self.team.pk, Verb.MANAGE)

    def member(self, team: Team, name: str) -> Membership:
        return member_of(team, self.users[name].pk)

    def may_manage(self, actor: str) -> int:
        """What somebody gets who asks to manage."""
        if actor not in self.roles:
            return 404
        return 200 if self.roles[actor] == Role.OWNER else 403

    def may_end(self, name: str) -> int:
        """What an owner gets who would stop being one."""
        owners = [other for other, role in self.roles.items() if role == Role.OWNER]
        return 409 if name == self.first or owners == [name] else 200

    def end(self, name: str) -> None:
        for link in self.links:
            link["open"] = link["open"] and link["by"] != name

    @rule(actor=person, name=person, new=role)
    def change(self, actor: str, name: str, new: Role) -> None:
        def work() -> None:
            team = self.managed(actor)
            teams.change_role(team, self.users[actor], self.member(team, name), new)

        expected = self.may_manage(actor)
        if expected == 200 and name not in self.roles:
            expected = 404
        if expected == 200 and self.roles[name] == Role.OWNER and new != Role.OWNER:
            expected = self.may_end(name)
        assert self.tries(work) == expected
        if expected == 200:
            if self.roles[name] == Role.OWNER and new != Role.OWNER:
                self.end(name)
            self.roles[name] = new

    @rule(actor=person, name=person)
    def remove(self, actor: str, name: str) -> None:
        def work() -> None:
            team = self.managed(actor)
            teams.remove(team, self.users[actor], self.member(team, name))

        self.goes(work, name, self.may_manage(actor))

    @rule(name=person)
    def leave(self, name: str) -> None:
        def work() -> None:
            team = team_to_change(self.users[name], self.team.pk, Verb.READ)
            teams.remove(team, self.users[name], self.member(team, name))

        self.goes(work, name, 200)

    def goes(self, work: Callable[[], Any], name: str, expected: int) -> None:
        if expected == 200 and name not in self.roles:
            expected = 404
        if expected == 200 and self.roles[name] == Role.OWNER:
            expected = self.may_end(name)
        assert self.tries(work) == expected
        if expected == 200 and self.roles.pop(name) == Role.OWNER:
            self.end(name)

    @rule(actor=person, heir=person)
    def transfer(self, actor: str, heir: str) -> None:
        def work() -> None:
            team = self.managed(actor)
            teams.transfer(team, self.member(team, actor), self.member(team, heir))

        expected = self.may_manage(actor)
        if expected == 200 and heir not in self.roles:
            expected = 404
        if expected == 200 and (heir == actor or actor == self.first):
            expected = 409
        assert self.tries(work) == expected
        if expected == 200:
            self.roles |= {heir: Role.OWNER, actor: Role.EDITOR}
            self.end(actor)

    @rule(actor=person, offered=role)
    def invite(self, actor: str, offered: Role) -> None:
        made: list[str] = []

        def work() -> None:
            wanted = invitations.NewInvitation(role=offered)
            made.append(invitations.make(self.managed(actor), self.users[actor], wanted)[1])

        assert self.tries(work) == self.may_manage(actor)
        self.links += [{"secret": secret, "role": offered, "by": actor, "open": True} for secret in made]

    @rule(name=person, data=st.data())
    def accept(self, name: str, data: st.DataObject) -> None:
        if not self.links:
            return
        link = data.draw(st.sampled_from(self.links))
        invitation = Invitation.objects.find(link["secret"])
        assert invitation
        has = self.roles.get(name)
        gains = has is None or link["role"].is_above(has)
        expected = 410 if gains and not link["open"] else 200
        assert self.tries(lambda: invitations.accept(invitation, self.users[name])) == expected
        if gains and link["open"]:
            self.roles[name], link["open"] = link["role"], False

    @rule(actor=person, data=st.data())
    def revoke(self, actor: str, data: st.DataObject) -> None:
        if not self.links:
            return
        link = data.draw(st.sampled_from(self.links))
        found = Invitation.objects.find(link["secret"])
        assert found
        user = self.users[actor]
        expected = self.may_manage(actor)
        assert self.tries(lambda: invitations.revoke(invitation_for(user, found.pk), user)) == expected
        if expected == 200:
            link["open"] = False

    @rule(actor=person)
    def rename(self, actor: str) -> None:
        user = self.users[actor]
        assert self.tries(lambda: teams.rename(self.managed(actor), user, "Other")) == self.may_manage(actor)

    @invariant()
    def roles_are_those_of_the_model_and_there_is_an_owner(self) -> None:
        if not hasattr(self, "team"):
            return
        rows = self.team.memberships.values_list("user__username", "role")
        assert dict(rows) == self.roles
        assert Role.OWNER in self.roles.values()
        if self.first:
            assert self.roles[self.first] == Role.OWNER
        still_open = self.team.invitations.open().count()
        assert still_open == sum(link["open"] for link in self.links)


@pytest.mark.django_db
def test_a_team_always_has_an_owner_and_only_owners_manage() -> None:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=checks
        ),
    )
