"""Invitations: a link admits one person, and nobody after it has ended."""

import json
from datetime import timedelta
from smtplib import SMTPException
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from playground.actions import invitations as actions
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Invitation, Membership, Role, Team
from playground.models.secrets import digest

pytestmark = pytest.mark.usefixtures("plain_static")

PERSON = {"name": "Dave Doe", "password": "a long enough word"}
PAGE = {"Accept": "text/html"}


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def invite(user: User, team: Team, **wanted: Any) -> Any:
    url = reverse("team-invitations", args=[team.pk])
    return client_of(user).post(url, json.dumps(wanted), content_type="application/json")


@pytest.fixture
def link(alice: User, team: Team) -> str:
    return str(invite(alice, team, role="editor").json()["link"])


def role_of(team: Team, user: User | None) -> str | None:
    return Membership.objects.filter(team=team, user=user).values_list("role", flat=True).first()


def test_the_secret_is_shown_once_and_only_its_hash_is_kept(alice: User, team: Team) -> None:
    answer = invite(alice, team, role="viewer").json()
    secret = answer["link"].rstrip("/").rsplit("/", 1)[1]
    invitation = Invitation.objects.get()
    assert len(secret) >= 43  # 256 bits
    assert invitation.secret_hash == digest(secret)
    assert timedelta(days=6.9) < invitation.expires_at - timezone.now() <= timedelta(days=7)
    assert (invitation.role, answer["mail_fault"], mail.outbox) == ("viewer", "", [])
    page = client_of(alice).get(reverse("team", args=[team.pk])).content.decode()
    assert str(invitation.pk) in page
    assert secret not in page


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"role": "emperor"}, "role"),
        ({"days": 0}, "days"),
        ({"days": LIMITS.invitation_days + 1}, "days"),
        ({"email": "nobody"}, "email"),
        ({"email": "dave@example.com"}, "email"),  # without a mail server
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_made_is_said(alice: User, team: Team, wanted: dict[str, Any], field: str) -> None:
    answer = invite(alice, team, **wanted)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert not Invitation.objects.exists()


def test_a_team_has_a_bounded_number_of_open_ones(alice: User, team: Team) -> None:
    soon = timezone.now() + timedelta(days=1)
    Invitation.objects.bulk_create(
        Invitation(team=team, role="viewer", secret_hash=str(number), expires_at=soon)
        for number in range(LIMITS.open_invitations)
    )
    assert invite(alice, team).status_code == 409
    Invitation.objects.filter(secret_hash="7").update(revoked_at=timezone.now())
    assert invite(alice, team).status_code == 201


def test_looking_uses_nothing_up(link: str, team: Team) -> None:
    for _ in range(3):
        answer = Client().get(link)
        assert answer.status_code == 200
        assert "alice invites you" in answer.content.decode()
        assert team.name.replace("'", "&#x27;") in answer.content.decode()
    assert Invitation.objects.open().count() == 1


def test_the_address_goes_nowhere_else(link: str) -> None:
    headers = Client().get(link).headers
    assert headers["Referrer-Policy"] == "strict-origin"  # no-referrer would take the Origin from the form
    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Robots-Tag"] == "noindex"


def test_a_stranger_makes_an_account_and_is_in(link: str, team: Team) -> None:
    client = Client()
    answer = client.post(link, PERSON, follow=True)
    dave = User.objects.get(username="dave.doe")
    assert answer.redirect_chain[-1][0] == f"/experiments/?team={team.pk}"
    assert (dave.first_name, role_of(team, dave)) == ("Dave Doe", Role.EDITOR)
    assert role_of(Team.objects.get(personal_of=dave), dave) == Role.OWNER
    assert Client().login(username="dave.doe", password=PERSON["password"])
    invitation = Invitation.objects.get()
    assert (invitation.accepted_by, bool(invitation.accepted_at)) == (dave, True)


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "Alice"}, {"password": ""}, {"password": "short"}, {"name": "a/b"}]
)
def test_a_stranger_who_errs_is_told_and_may_try_again(link: str, wrong: dict[str, str]) -> None:
    answer = Client().post(link, PERSON | wrong)
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert not User.objects.filter(username="dave.doe").exists()
    assert Client().post(link, PERSON).status_code == 302


def test_a_name_taken_in_the_same_moment_makes_nothing(
    link: str, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.views.welcome.WelcomeForm.clean_name", lambda self: "Alice")
    answer = Client().post(link, PERSON)
    assert "Somebody else here has this name." in answer.content.decode()
    assert (User.objects.count(), Invitation.objects.open().count()) == (1, 1)


def test_somebody_with_an_account_joins_once(link: str, team: Team, carol: User) -> None:
    client = client_of(carol)
    assert "Join as carol" in client.get(link).content.decode()
    assert client.post(link).status_code == 302
    assert role_of(team, carol) == Role.EDITOR
    late = Client().post(link, PERSON, headers=PAGE)
    assert (late.status_code, "has been used" in late.content.decode()) == (410, True)
    assert User.objects.filter(username="dave.doe").count() == 0


def test_of_two_at_once_one_is_in(link: str, team: Team, alice: User, carol: User) -> None:
    """Both have looked before either acted."""
    first, second = (Invitation.objects.get() for _ in range(2))
    actions.accept(first, carol)
    with pytest.raises(Refusal) as refused:
        actions.accept(second, User.objects.create_user("dora"))
    assert refused.value.status == 410
    assert team.memberships.count() == 2


@pytest.mark.parametrize(("has", "gets"), [("viewer", "editor"), ("editor", "editor"), ("owner", "owner")])
def test_a_role_is_raised_and_never_lowered(link: str, team: Team, carol: User, has: str, gets: str) -> None:
    Membership.objects.create(team=team, user=carol, role=has)
    client_of(carol).post(link)
    assert role_of(team, carol) == gets
    assert Invitation.objects.open().count() == (0 if has == "viewer" else 1)  # of no use to her: still good


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"revoked_at": timezone.now()}, "was withdrawn"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "has expired"),
        ({"accepted_at": timezone.now()}, "has been used"),
    ],
)
def test_an_ended_one_says_so(
    link: str, team: Team, carol: User, change: dict[str, Any], words: str, method: str
) -> None:
    Invitation.objects.update(**change)
    for client in (Client(), client_of(carol)):
        answer = getattr(client, method)(link)
        assert answer.status_code == 410
        assert words in answer.content.decode()
    assert team.memberships.count() == 1


def test_wrong_secrets_are_all_the_same(link: str, alice: User) -> None:
    half = link[: len(link) // 2] + "/"
    for wrong in ("/invitations/x/", half, link[:-2] + "/", f"/invitations/{'a' * 43}/"):
        for client in (Client(), client_of(alice)):
            answer = client.get(wrong, headers=PAGE)
            assert (answer.status_code, "no such invitation" in answer.content.decode()) == (404, True)


def test_revoking_ends_the_link(link: str, alice: User, carol: User) -> None:
    url = reverse("invitation-revoke", args=[Invitation.objects.get().pk])
    assert client_of(carol).post(url).status_code == 404
    assert client_of(alice).post(url).status_code == 302
    assert client_of(alice).post(url).status_code == 302  # again is harmless
    assert Client().get(link).status_code == 410


def test_links_of_somebody_who_is_no_owner_any_more_end(
    alice: User, carol: User, team: Team, link: str
) -> None:
    """Else a removed owner would come back by a link of their own."""
    Membership.objects.create(team=team, user=carol, role=Role.OWNER)
    of_carol = invite(carol, team, role="owner").json()["link"]
    client_of(alice).post(reverse("team-member-remove", args=[team.pk, carol.pk]))
    assert client_of(carol).post(of_carol).status_code == 410
    assert role_of(team, carol) is None
    assert Client().get(link).status_code == 200


# E-mail


@pytest.fixture
def mail_on(settings: Any) -> None:
    settings.EMAIL_URL = "smtp://mail.example.com"


def test_with_a_mail_server_the_link_is_sent(alice: User, team: Team, mail_on: None) -> None:
    answer = invite(alice, team, email="dave@example.com").json()
    (message,) = mail.outbox
    assert message.to == ["dave@example.com"]
    assert answer["link"] in message.body
    assert answer["mail_fault"] == ""
    assert 'type="email"' in client_of(alice).get(reverse("team", args=[team.pk])).content.decode()


def test_a_mail_that_fails_is_said_and_the_link_stays(
    alice: User, team: Team, mail_on: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise SMTPException("mailbox unavailable")

    monkeypatch.setattr("playground.actions.invitations.send_mail", refuse)
    answer = invite(alice, team, email="dave@example.com")
    assert answer.status_code == 201
    assert "could not be sent" in answer.json()["mail_fault"]
    assert Client().get(answer.json()["link"]).status_code == 200


def test_the_address_of_the_invitation_becomes_that_of_the_account(
    alice: User, team: Team, mail_on: None
) -> None:
    link = invite(alice, team, email="dave@example.com").json()["link"]
    Client().post(link, PERSON)
    assert User.objects.get(username="dave.doe").email == "dave@example.com"
