"""One warm instance for all tests of the real programs; what must always hold is looked at after each."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.environment import INSTALLED
from tests.system.browser import Browser
from tests.system.instance import Instance, first_experiment, running
from tests.system.teams import Shared, team_of_two

NPM_OPENAI = "openai@7.57.0"


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running(tmp_path_factory.mktemp("instance")) as instance:
        instance.wait_warm()
        yield instance


@pytest.fixture(scope="session")
def browser(instance: Instance) -> Browser:
    return instance.sign_in()


@pytest.fixture(scope="session")
def api_key(instance: Instance) -> str:
    return instance.manage("apikey", "create", "--name", "tests").stdout.splitlines()[-1]


@pytest.fixture(scope="session")
def client(instance: Instance, api_key: str) -> Iterator[openai.OpenAI]:
    """The official client, which shows faults instead of trying again."""
    with openai.OpenAI(base_url=f"{instance.base}/v1", api_key=api_key, max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The official client for JavaScript, installed once beside the models."""
    if not (shutil.which("node") and (npm := shutil.which("npm"))):
        pytest.skip("Node and npm are not installed.")
    folder = INSTALLED.parent / "npm" / NPM_OPENAI
    if not (folder / "node_modules" / "openai" / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", NPM_OPENAI]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        if done.returncode:
            pytest.skip(f"{NPM_OPENAI} cannot be installed: {done.stderr[-200:]}")
    return folder / "node_modules"


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
