"""Who may import whom, looked at in fresh processes and in the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TORCHLESS = [
    "inference",
    "inference.types",
    "inference.registry",
    "inference.tokenizer",
    "inference.prompts",
    "inference.remote",
    "inference.spans",
]


def modules_after(imports: str) -> set[str]:
    code = f"{imports}\nimport sys\nprint(' '.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_inference_never_loads_django() -> None:
    modules = modules_after("import inference.engine, inference.loader, inference.prompts, inference.install")
    assert "inference.engine" in modules
    assert not {name for name in modules if name.split(".")[0] in ("django", "celery", "redis", "playground")}


def test_the_web_program_never_loads_torch() -> None:
    modules = modules_after("import playground.asgi, playground.urls")
    assert "playground.consumers.socket" in modules
    assert not modules & {"torch", "transformers", "playground.worker", "inference.engine"}


@pytest.mark.parametrize("module", TORCHLESS)
def test_torchless_modules(module: str) -> None:
    assert not modules_after(f"import {module}") & {"torch", "transformers"}


def imports_of(path: Path) -> set[str]:
    """Every module that a file names in an import, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def importers(module: str) -> set[str]:
    """Files of the project that import ``module`` or something in it."""
    return {
        str(path.relative_to(ROOT))
        for folder in ("playground", "inference")
        for path in (ROOT / folder).rglob("*.py")
        if any(name == module or name.startswith(module + ".") for name in imports_of(path))
    }


def test_models_import_no_actions() -> None:
    assert not {path for path in importers("playground.actions") if path.startswith("playground/models/")}


def test_addresses_for_programs_know_no_pages() -> None:
    programs = files_of("api") | files_of("rest")
    assert not importers("playground.views") & programs
    assert importers("playground.api") - {"playground/asgi.py", "playground/urls.py"} <= programs


def test_the_openai_addresses_know_nothing_of_the_others() -> None:
    assert importers("playground.rest") - {"playground/urls.py"} <= files_of("rest")


def files_of(folder: str) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in (ROOT / "playground" / folder).glob("*.py")}


def test_tasks_and_worker_import_no_actions() -> None:
    assert not importers("playground.actions") & {
        "playground/tasks.py",
        "playground/worker.py",
        "playground/publisher.py",
    }


def test_only_the_worker_imports_the_engine() -> None:
    outside = {path for path in importers("inference.engine") if not path.startswith("inference/")}
    assert outside == {"playground/prober.py", "playground/worker.py"}


def test_only_actions_ring_doorbells() -> None:
    sends = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "playground").rglob("*.py")
        if "send_task(" in path.read_text() or ".delay(" in path.read_text()
    }
    assert sends == {"playground/actions/doorbells.py"}


def test_only_events_know_the_streams() -> None:
    commands = (".xadd(", ".xread(", ".xrange(", ".xrevrange(")
    users = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "playground").rglob("*.py")
        if any(command in path.read_text() for command in commands)
    }
    assert users == {"playground/events.py", "playground/room_events.py"}


def test_no_template_or_script_writes_raw_html() -> None:
    files = [
        *ROOT.glob("templates/**/*.html"),
        *ROOT.glob("static/js/**/*.js"),
        *ROOT.glob("playground/**/*.py"),
    ]
    words = ("|safe", "mark_safe", "innerHTML", "insertAdjacentHTML", "autoescape off", "document.write")
    assert len(files) > 40
    assert not [f"{path}: {word}" for path in files for word in words if word in path.read_text()]
