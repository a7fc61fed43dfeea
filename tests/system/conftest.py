"""One warm instance for all tests of the real programs; what must always hold is looked at after each."""

from collections.abc import Iterator

import pytest

from tests.system.browser import Browser
from tests.system.instance import Instance, first_experiment, running
from tests.system.teams import Shared, team_of_two


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running(tmp_path_factory.mktemp("instance")) as instance:
        instance.wait_warm()
        yield instance


@pytest.fixture(scope="session")
def browser(instance: Instance) -> Browser:
    return instance.sign_in()


@pytest.fixture(scope="session")
def stranger(instance: Instance) -> Browser:
    """Another user, who shares no team with the owner."""
    return instance.add_user("dora")


@pytest.fixture(scope="session")
def experiment(browser: Browser) -> str:
    return first_experiment(browser)


@pytest.fixture
def shared(instance: Instance) -> Shared:
    """Alice and Bob, both owners of a team with one experiment; anew for each test."""
    return team_of_two(instance)


@pytest.fixture(autouse=True)
def sound(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test on the shared instance: nothing runs, all is in order, no program had a traceback."""
    if "instance" not in request.fixturenames:
        yield
        return
    instance: Instance = request.getfixturevalue("instance")
    before = len(instance.output)
    yield
    instance.assert_sound()
    said = instance.output[before:]
    assert "Traceback" not in said, said[-6000:]
