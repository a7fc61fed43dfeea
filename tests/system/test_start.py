"""Starting and stopping everything: one sentence for what is wrong, and nothing left running."""

import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.system.instance import Instance, running, wait_until


def refusal(data: Path, port: int, **environment: str) -> str:
    """What a start that must not succeed says."""
    data.mkdir(exist_ok=True)
    instance = Instance(data, port, **environment)
    ended = instance.manage("start")
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    return ended.stderr


def with_models(data: Path, instance: Instance) -> Path:
    data.mkdir()
    (data / "models").symlink_to((instance.data / "models").resolve())
    return data


def test_a_used_port_is_refused_with_the_cure(tmp_path: Path, instance: Instance) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"PORT={port + 1} make run" in refusal(with_models(tmp_path / "data", instance), port)


def test_a_data_folder_in_use_is_refused(instance: Instance) -> None:
    assert "already runs" in refusal(instance.data, free_port())


def test_a_wrong_model_entry_is_refused_with_its_line(tmp_path: Path) -> None:
    models = tmp_path / "models.toml"
    models.write_text('[[model]]\nname = "mine"\nfolderr = "somewhere"\n')
    said = refusal(tmp_path / "data", free_port(), FEWSHOT_MODELS=str(models))
    assert "models.toml, line 3" in said


def test_the_database_is_readable_for_its_owner_only(instance: Instance) -> None:
    if instance.database:
        pytest.skip("the rows are in no file of ours")
    mode = stat.S_IMODE((instance.data / "db.sqlite3").stat().st_mode)
    assert mode & 0o077 == 0


def test_a_stop_while_a_model_is_loaded_leaves_nothing_running(tmp_path: Path, instance: Instance) -> None:
    """By Ctrl-C; every other instance of these tests is stopped warm, by SIGTERM."""
    with running(with_models(tmp_path / "data", instance)) as other:
        wait_until(lambda: other.children("celery"), 20, "a worker")
        began = time.monotonic()
        other.stop(signal.SIGINT, seconds=10)
        print(f"all down {time.monotonic() - began:.1f} s after SIGINT")
