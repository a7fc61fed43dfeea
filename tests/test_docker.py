"""What can be checked of docker/ without a container engine: names, commands and times fit the program."""

import os
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.conf import settings as django_settings
from django.core.management import get_commands
from django.db import connection
from django.utils import timezone

from playground.management.commands import start
from playground.models import WorkerLease
from playground.models.worker_lease import WorkerState

ROOT = Path(__file__).resolve().parents[1]
DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
SETTINGS = (ROOT / "playground" / "settings.py").read_text()


def compose(name: str = "compose.yaml") -> Any:
    return yaml.safe_load((DOCKER / name).read_text())


def commands() -> list[list[str]]:
    """Every command of ours: of the images and of the services."""
    images = [
        yaml.safe_load(found.replace("\\\n", ""))
        for found in re.findall(r"CMD (\[.*?\])\n", DOCKERFILE, re.S)
    ]
    services = compose()["services"]
    ours = [service for service in services.values() if service["image"].startswith("fewshot-")]
    return images + [service["command"] for service in ours if "command" in service]


def names_in_settings() -> set[str]:
    return set(re.findall(r'env\.\w+\(\s*"(\w+)"', SETTINGS))


def test_management_commands_exist() -> None:
    wanted = {command[2] for command in commands() if command[:2] == ["python", "manage.py"]}
    assert wanted == {"worker", "keeper", "migrate"}
    assert wanted <= set(get_commands())


def test_the_web_image_starts_uvicorn_as_the_start_command_does(settings: Any) -> None:
    settings.HOST, settings.PORT = "0.0.0.0", 8000
    expected = ["python", "-m", "uvicorn", *shlex.split(start.uvicorn_options())]
    assert expected in commands()


def test_modules_that_are_run_exist() -> None:
    modules = {command[2] for command in commands() if command[:2] == ["python", "-m"]} - {"uvicorn"}
    assert modules == {"inference.install"}
    assert all((ROOT / f"{module.replace('.', '/')}.py").is_file() for module in modules)


def test_environment_of_our_services_is_read_by_the_program() -> None:
    given = {name for service in compose()["services"].values() for name in service.get("environment", {})}
    assert given - {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"} <= names_in_settings()


def test_every_setting_can_be_changed_by_the_operator() -> None:
    decided_here = {"FEWSHOT_DATA", "FEWSHOT_MODELS", "HOST", "PORT"}  # in the Dockerfile
    assert names_in_settings() - decided_here == set(compose()["services"]["worker"]["environment"])


def test_the_example_explains_every_name_that_is_asked_for() -> None:
    files = [DOCKER / "compose.yaml", DOCKER / "compose.gpu.yaml"]
    asked = {name for file in files for name in re.findall(r"\$\{(\w+)", file.read_text())}
    passed = {name for name, value in compose()["x-environment"].items() if value is None}
    explained = set(re.findall(r"^#?([A-Z_]+)=", (DOCKER / ".env.example").read_text(), re.M))
    assert explained == asked | passed


def test_the_example_holds_no_secret() -> None:
    assert set(re.findall(r"^[A-Z_]+=(.*)$", (DOCKER / ".env.example").read_text(), re.M)) == {""}


def test_the_example_shows_the_defaults_of_the_program() -> None:
    text = (DOCKER / ".env.example").read_text()
    for name, default in re.findall(r'env\.(?:int|float|bool)\("(\w+)", default=(\w+)', SETTINGS):
        shown = re.search(rf"^#{name}=(.*)$", text, re.M)
        assert shown is None or shown[1] == default.lower(), name


def test_workers_are_killed_only_after_their_drain() -> None:
    worker = compose()["services"]["worker"]
    grace, drain = (
        int(worker["stop_grace_period"].removesuffix("s")),
        float(worker["environment"]["FEWSHOT_DRAIN"]),
    )
    assert grace >= drain + start.STOP_WITHIN


def test_nobody_starts_before_what_it_needs() -> None:
    services = compose()["services"]
    for name in ("web", "keeper", "worker"):
        assert set(services[name]["depends_on"]) == {"migrate", "models", "db", "valkey"}
    for name, condition in services["web"]["depends_on"].items():
        assert (condition["condition"] == "service_healthy") == ("healthcheck" in services[name])


def test_the_gpu_overlay_only_changes_services_that_exist() -> None:
    assert set(compose("compose.gpu.yaml")["services"]) == {"worker", "models"} <= set(compose()["services"])


def test_everything_that_is_copied_into_an_image_reaches_the_builder() -> None:
    allowed = (DOCKER / "Dockerfile.dockerignore").read_text().split("\n")
    copied = [line.split()[:-1] for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.M)]
    for path in (path for paths in copied for path in paths):
        assert (ROOT / path).exists()
        assert any(Path(path).match(line[1:]) for line in allowed if line.startswith("!")), path


def probe(what: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # -S: nothing installed is needed, but for PostgreSQL.
    alone = ["-S"] if connection.vendor == "sqlite" else []
    command = [sys.executable, *alone, str(DOCKER / "probe.py"), what]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)


def stored(tmp_path: Path, state: WorkerState, age: float, host: str) -> str:
    """The address of a database whose only worker was heard of ``age`` seconds ago."""
    seen_at = timezone.now() - timedelta(seconds=age)
    WorkerLease.objects.create(name=f"{host}:some-model", model="some-model", state=state, seen_at=seen_at)
    if connection.vendor == "postgresql":
        whole = urlsplit(os.environ["DATABASE_URL"])
        return whole._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    copy = sqlite3.connect(tmp_path / "db.sqlite3")
    connection.connection.backup(copy)
    copy.close()
    return f"sqlite:///{tmp_path / 'db.sqlite3'}"


@pytest.mark.django_db(transaction=True)
def test_the_probe_looks_at_every_model_of_its_host(tmp_path: Path) -> None:
    now = timezone.now()
    for number, state in enumerate([WorkerState.ABSENT, WorkerState.FAILED, WorkerState.WARM]):
        name = f"{socket.gethostname()}:m{number}"
        WorkerLease.objects.create(name=name, model=f"m{number}", state=state, seen_at=now)
    url = stored(tmp_path, WorkerState.FAILED, 0, socket.gethostname())
    assert probe("worker", DATABASE_URL=url).returncode == 0
    WorkerLease.objects.filter(state=WorkerState.WARM).delete()
    (tmp_path / "later").mkdir()
    url = stored(tmp_path / "later", WorkerState.ABSENT, 0, socket.gethostname())
    assert "is failed" in probe("worker", DATABASE_URL=url).stderr


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("state", "age", "host", "says"),
    [
        (WorkerState.WARM, 1, socket.gethostname(), ""),
        (WorkerState.DRAINING, 1, socket.gethostname(), ""),
        (WorkerState.ABSENT, 1, socket.gethostname(), ""),
        (WorkerState.LOADING, 1, socket.gethostname(), "is loading"),
        (WorkerState.FAILED, 1, socket.gethostname(), "is failed"),
        (WorkerState.WARM, 60, socket.gethostname(), "silent for 60 s"),
        (WorkerState.WARM, 1, "another-host", "No worker of this host"),
    ],
)
def test_the_probe_believes_a_fresh_row_of_its_own_worker(
    tmp_path: Path, state: WorkerState, age: float, host: str, says: str
) -> None:
    done = probe("worker", DATABASE_URL=stored(tmp_path, state, age, host))
    assert (done.returncode == 0) == (says == "")
    assert says in done.stderr


def test_the_probe_asks_for_columns_that_exist() -> None:
    asked = re.search(r'QUERY = "(.*)"', (DOCKER / "probe.py").read_text())
    assert asked
    columns = {field.column for field in WorkerLease._meta.concrete_fields}
    assert set(re.findall(r"SELECT (\w+), (\w+), (\w+)", asked[1])[0]) <= columns
    assert WorkerLease._meta.db_table in asked[1]


def test_the_probe_says_that_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        done = probe("web", PORT=str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "does not answer" in done.stderr


def test_static_files_of_the_image_are_not_hidden_by_a_volume() -> None:
    assert "FEWSHOT_DATA=/data" in DOCKERFILE
    assert {volume.split(":")[1] for volume in compose()["services"]["web"]["volumes"]} == {
        "/data/models",
        "/app/models.toml",
    }
    assert django_settings.STATIC_ROOT.parent == django_settings.DATA_DIR
