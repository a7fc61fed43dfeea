"""API keys: shown once, stored hashed, good for what their scopes and their person's role say."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from django.utils import timezone

from playground.access import api_key_of, api_keys_of, prove_api_key
from playground.actions import api_keys, audit
from playground.actions.api_keys import NewApiKey
from playground.api import endpoint
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import ApiKey, Membership, Role, Run, Scope, Team
from playground.specs import checked


def make(user: User, team: Team, **wanted: Any) -> tuple[ApiKey, str]:
    return api_keys.make(team, user, NewApiKey(**({"name": "Script"} | wanted)))


def refused(status: int, secret: str, scope: Scope | None = Scope.RUN) -> str:
    with pytest.raises(Refusal) as caught:
        api_key_of(secret, scope)
    assert caught.value.status == status
    return caught.value.message


def request(secret: str = "", query: str = "") -> Any:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return RequestFactory().get(f"/v1/models{query}", headers=headers)


def test_a_key_is_stored_as_a_hash_alone(alice: User, team: Team) -> None:
    key, secret = make(alice, team)
    assert len(secret) > 40
    assert secret not in str(ApiKey.objects.filter(pk=key.pk).values())
    assert api_key_of(secret, Scope.RUN) == key


def test_a_key_has_the_scopes_it_was_given(alice: User, team: Team) -> None:
    _, secret = make(alice, team, scopes=["read"])
    assert "scope run" in refused(403, secret)
    assert api_key_of(secret, Scope.READ)
    assert api_key_of(secret, None)


def test_a_key_never_goes_further_than_its_person(bob: User, team: Team) -> None:
    _, secret = make(bob, team, scopes=list(Scope))
    assert "role" in refused(403, secret)
    assert api_key_of(secret, Scope.READ)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"revoked_at": timezone.now()}, "revoked"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expired"),
    ],
)
def test_a_key_that_has_ended_says_why(alice: User, team: Team, changes: Any, words: str) -> None:
    key, secret = make(alice, team)
    ApiKey.objects.filter(pk=key.pk).update(**changes)
    assert words in refused(401, secret, None)
    with pytest.raises(Refusal):
        prove_api_key(key, None)


def test_a_key_ends_with_the_membership_and_with_the_account(alice: User, bob: User, team: Team) -> None:
    _, secret = make(bob, team)
    bob.is_active = False
    bob.save()
    refused(401, secret, None)
    bob.is_active = True
    bob.save()
    assert api_key_of(secret, None)
    Membership.objects.filter(user=bob, team=team).delete()
    assert "left" in refused(401, secret, None)


def test_nobody_has_too_many_keys(alice: User, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "LIMITS", type("Few", (), {"api_keys": 1}))
    key, _ = make(alice, team)
    with pytest.raises(Refusal) as caught:
        make(alice, team)
    assert caught.value.code == "too_many_api_keys"
    api_keys.revoke(key, alice)
    make(alice, team)


def test_owners_see_all_keys_of_their_team_and_others_their_own(alice: User, bob: User, team: Team) -> None:
    mine, his = make(alice, team)[0], make(bob, team)[0]
    assert set(api_keys_of(alice)) == {mine, his}
    assert list(api_keys_of(bob)) == [his]
    Membership.objects.filter(user=bob, team=team).update(role=Role.OWNER)
    assert set(api_keys_of(bob)) == {mine, his}


def test_keys_are_written_into_the_audit_log(alice: User, bob: User, team: Team) -> None:
    key, secret = make(bob, team, days=0)
    api_keys.revoke(key, alice)
    api_keys.revoke(key, alice)  # a second time says nothing
    said = [f"{entry.actor_name} {audit.words(entry)}" for entry in team.audit.order_by("pk")]
    assert said == [
        "bob made the API key “Script” (read, run), good until it is revoked",
        "alice revoked the API key “Script” of bob",
    ]
    assert secret not in str(list(team.audit.values()))


@pytest.mark.parametrize(
    "wanted", [{"name": " "}, {"name": "x", "scopes": []}, {"name": "x", "scopes": ["all"]}, {"days": 5000}]
)
def test_what_makes_no_key(wanted: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        checked(NewApiKey, {"name": "x"} | wanted)


# At the door


def test_a_key_comes_in_the_header_alone(alice: User, team: Team) -> None:
    _, secret = make(alice, team)
    assert endpoint.secret_of(request(secret)) == secret
    for bad in (request(), RequestFactory().get("/", headers={"Authorization": f"Basic {secret}"})):
        with pytest.raises(Refusal) as caught:
            endpoint.secret_of(bad)
        assert caught.value.status == 401
    with pytest.raises(Refusal) as caught:
        endpoint.secret_of(request(secret, f"?api_key={secret}"))
    assert caught.value.code == "key_in_address"


@pytest.mark.usefixtures("valkey")
def test_too_many_requests_a_minute_are_told_when_to_come_back(
    alice: User, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = type("Few", (), {"api_requests_per_minute": 2})
    monkeypatch.setattr(endpoint, "LIMITS", few)
    _, secret = make(alice, team)
    _, other = make(alice, team)
    monkeypatch.setattr("playground.api.endpoint.time.time", lambda: 1_800_000_010.0)
    for _ in range(2):
        endpoint.admit(request(secret), None)
    with pytest.raises(Refusal) as caught:
        endpoint.admit(request(secret), None)
    assert (caught.value.status, caught.value.extra["retry_after"]) == (429, 50)
    endpoint.admit(request(other), None)
    monkeypatch.setattr("playground.api.endpoint.time.time", lambda: 1_800_000_060.0)
    endpoint.admit(request(secret), None)


def test_a_silent_broker_stops_nobody(alice: User, team: Team, settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1",
        }
    }
    _, secret = make(alice, team)
    assert endpoint.admit(request(secret), None)


@pytest.mark.usefixtures("valkey")
def test_the_last_use_is_written_once_a_minute(
    alice: User, team: Team, django_assert_num_queries: Any
) -> None:
    key, secret = make(alice, team)
    endpoint.admit(request(secret), Scope.READ)
    used = ApiKey.objects.get(pk=key.pk).last_used_at
    assert used is not None
    with django_assert_num_queries(1):  # the key with the role of its person
        endpoint.admit(request(secret), Scope.READ)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=used - timedelta(minutes=2))
    endpoint.admit(request(secret), Scope.READ)
    assert ApiKey.objects.filter(pk=key.pk, last_used_at__gt=used - timedelta(minutes=1)).exists()


# The terminal


def command(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("apikey", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_last_line_of_create_is_the_key_alone(alice: User, team: Team) -> None:
    out, err = command("create", "--name", "CI", "--user", "alice", "--days", "7", "--scopes", "run")
    secret = out.splitlines()[-1]
    key = api_key_of(secret, Scope.RUN)
    assert (key.name, key.user, key.team, key.scopes) == ("CI", alice, team, ["run"])
    assert secret not in err


def test_keys_are_listed_and_revoked_by_id(alice: User, team: Team) -> None:
    key, secret = make(alice, team)
    out, _ = command("list")
    assert str(key.pk) in out
    assert key.shown in out
    assert secret not in out
    command("revoke", str(key.pk))
    assert "revoked" in refused(401, secret)
    assert "revoked" in command("list", "--user", "alice")[0]


def test_a_team_is_named_or_numbered(alice: User, team: Team) -> None:
    other = Team.objects.create(name="Lab")
    Membership.objects.create(team=other, user=alice, role=Role.EDITOR)
    for name in ("Lab", str(other.pk)):
        secret = command("create", "--name", "x", "--user", "alice", "--team", name)[0].strip()
        assert api_key_of(secret, None).team == other
    with pytest.raises(CommandError, match="no team called"):
        command("create", "--name", "x", "--user", "alice", "--team", "Nowhere")


def test_a_revoked_key_leaves_its_runs(alice: User, team: Team, run: Run) -> None:
    key, _ = make(alice, team)
    Run.objects.filter(pk=run.pk).update(api_key=key)
    key.delete()
    run.refresh_from_db()
    assert run.api_key_id is None
    assert LIMITS.api_keys > 1
