"""Models on demand, with the real programs: two names of the same weights, room for one, and one ruin."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.registry import Registry
from playground.memory import needed_by
from tests.environment import INSTALLED
from tests.system.browser import Browser
from tests.system.instance import Instance, first_experiment, running, spec, start_run, wait_until

FIRST, SECOND, RUIN = "smollm2-135m-instruct", "twin", "ruin"
MOVE = 120  # seconds at most for unloading one model and loading another


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    folder = tmp_path_factory.mktemp("models")
    write_models(folder)
    environment = {"FEWSHOT_MODELS": str(folder / "models.toml"), "FEWSHOT_MODEL_MEMORY": room(folder)}
    with running(tmp_path_factory.mktemp("small"), **environment) as instance:
        instance.wait_warm()
        yield instance


def write_models(folder: Path) -> None:
    """models.toml with the default model, the same weights once more, and weights that are none."""
    ruin = folder / RUIN
    shutil.copytree(INSTALLED / FIRST, ruin, ignore=shutil.ignore_patterns("*.safetensors"))
    (ruin / "model.safetensors").write_bytes(b"no weights")
    shutil.copytree(INSTALLED / FIRST, folder / SECOND, copy_function=link)
    text = (Path(__file__).resolve().parents[2] / "models.toml").read_text()
    for name in (SECOND, RUIN):
        text += f'\n[[model]]\nname = "{name}"\nfolder = "{name}"\nwindow = 2048\n'
    (folder / "models.toml").write_text(text)


def room(folder: Path) -> str:
    """Memory for a good model beside the ruin, which needs less because it has no weights."""
    registry = Registry.load(folder / "models.toml", INSTALLED.parent)
    needs = [needed_by(registry[name], slots=16) for name in (SECOND, RUIN)]
    return f"{sum(needs) // 10**6 + 1}MB"


def link(source: str, target: str) -> None:
    Path(target).symlink_to(Path(source).resolve())


@pytest.fixture(scope="module")
def user(small: Instance) -> Browser:
    return small.sign_in()


def models(user: Browser) -> dict[str, dict[str, Any]]:
    return {model["name"]: model for model in user.get("/models/").json()["models"]}


def states(user: Browser) -> dict[str, str]:
    return {name: model["state"] for name, model in models(user).items()}


def test_running_another_model_loads_it_in_the_place_of_the_first(small: Instance, user: Browser) -> None:
    assert states(user) == {FIRST: "warm", SECOND: "absent", RUIN: "absent"}
    assert "not loaded (about" in models(user)[SECOND]["detail"]
    with user.socket() as page:
        run = start_run(user, first_experiment(user), spec(model=SECOND))
        seen = page.watch(run)
        page.until_end(run, MOVE)
    assert seen.end is not None
    assert seen.end["status"] == "succeeded"
    notes = [frame["note"] for frame in seen.queue]
    assert any(note and note.startswith("the model is being loaded: ") for note in notes), notes
    assert states(user) == {FIRST: "absent", SECOND: "warm", RUIN: "absent"}
    assert len(small.children("celery")) == 1


def test_a_ruined_folder_fails_with_a_reason_and_disturbs_nobody(small: Instance, user: Browser) -> None:
    (pid,) = small.children("celery")
    assert ask(user, RUIN, "load") == 202
    wait_until(lambda: states(user)[RUIN] == "failed", MOVE, "the ruin is failed")
    assert models(user)[RUIN]["detail"] not in ("", "failed")
    wait_until(lambda: small.children("celery") == [pid], 10, "only its own process ended")
    assert states(user)[SECOND] == "warm"
    assert ask(user, RUIN, "unload") == 202
    wait_until(lambda: states(user)[RUIN] == "absent", 5, "the ruin is forgotten")


def test_the_buttons_unload_and_load(small: Instance, user: Browser) -> None:
    assert ask(user, SECOND, "unload") == 202
    wait_until(lambda: states(user)[SECOND] == "absent" and not small.children("celery"), 20, "unloaded")
    assert ask(user, FIRST, "load") == 202
    wait_until(lambda: states(user)[FIRST] == "warm", MOVE, "loaded")
    assert small.health().status == 200
    small.assert_sound()


def ask(user: Browser, model: str, wish: str) -> int:
    return user.post(f"/experiments/{first_experiment(user)}/models/{model}/{wish}").status
