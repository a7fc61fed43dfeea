"""The docs name what there is: every event kind, frame, setting, error code and command, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from playground.consumers import protocol
from playground.errors import RUN_ERRORS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "docker" / "README.md"])
EVENTS, ARCHITECTURE = (ROOT / "docs" / name for name in ("events.md", "architecture.md"))
MADE_LATER = {"docker/.env"}  # by the operator
OPERATING, README = ROOT / "docs" / "operating.md", ROOT / "README.md"


def section(page: Path, heading: str) -> str:
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", page.read_text(), re.M | re.S)
    assert found, f"{page.name} has no heading {heading!r}"
    return found[1]


def rows(page: Path, heading: str) -> set[str]:
    """The names in the first column of the tables below a heading."""
    return set(re.findall(r"^\| `([^`]+)` \|", section(page, heading), re.M))


def examples(page: Path, heading: str, key: str) -> set[str]:
    """The kinds of the JSON examples below a heading; each line is an object of its own."""
    blocks = re.findall(r"```json\n(.*?)```", section(page, heading), re.S)
    return {json.loads(line)[key] for block in blocks for line in block.splitlines()}


def source(*patterns: str) -> str:
    return "\n".join(path.read_text() for pattern in patterns for path in sorted(ROOT.glob(pattern)))


def client_frames() -> dict[str, Any]:
    kinds = protocol.Frame.__subclasses__()
    return {kind.model_fields["op"].annotation.__args__[0]: kind for kind in kinds}  # type: ignore[union-attr]


def test_every_tape_event_is_documented_with_an_example() -> None:
    written = set(re.findall(r'"type": "(\w+)"', source("playground/*.py")))
    assert rows(EVENTS, "Tape events") == written
    assert examples(EVENTS, "Tape events", "type") >= written - {"snapshot"}


def test_every_frame_of_the_server_is_documented_with_an_example() -> None:
    text = source("playground/consumers/*.py")
    sent = set(re.findall(r'"op": "(\w+)"|\btell\(\s*"(\w+)"|write_frame\(\s*"(\w+)"', text))
    names = {name for names in sent for name in names if name}
    assert rows(EVENTS, "Frames from the server") == names
    assert examples(EVENTS, "Frames from the server", "op") == names


def test_every_frame_of_the_browser_is_documented() -> None:
    assert rows(EVENTS, "Frames from the browser") == set(client_frames())


@pytest.mark.parametrize("op", sorted(client_frames()))
def test_the_fields_of_every_frame_of_the_browser_are_documented(op: str) -> None:
    row = re.search(rf"^\| `{op}` \|([^|]*)\|", section(EVENTS, "Frames from the browser"), re.M)
    assert row
    assert set(re.findall(r"`(\w+)`", row[1])) == set(client_frames()[op].model_fields) - {"op"}


def test_the_example_frames_of_the_browser_are_valid() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", section(EVENTS, "Frames from the browser"), re.S)
    read = [protocol.read_frame(line) for line in block.splitlines()]
    assert {frame.op for frame in read} == {"watch", "ack"}


def test_every_close_code_is_documented() -> None:
    assert rows(EVENTS, "Close codes") == set(re.findall(r"\b44\d\d\b", source("playground/consumers/*.py")))


def test_every_setting_is_in_the_readme() -> None:
    assert rows(README, "Settings") == set(
        re.findall(r'env\.\w+\(\s*"(\w+)"', source("playground/settings.py"))
    )


def test_every_error_code_is_documented() -> None:
    text = source("playground/**/*.py")
    calls = r'\b(?:Refusal|super\(\).__init__|self\.fault|self\.close)\(\s*(?:\w+,\s*)?"(\w+)",|code="(\w+)"'
    raised = {name for names in re.findall(calls, text) for name in names if name}
    assert {"not_found", "bad_frame", "signed_out", "access_lost", "prompt_too_long"} <= raised
    assert rows(ARCHITECTURE, "Error codes") == raised | set(RUN_ERRORS)


def test_every_command_is_documented() -> None:
    commands = {path.stem for path in (ROOT / "playground" / "management" / "commands").glob("[!_]*.py")}
    assert rows(OPERATING, "Commands") == commands


def test_functions_of_the_traced_prompt_exist() -> None:
    text = section(ARCHITECTURE, "One prompt, file by file")
    steps = re.findall(r"^\| \d+ \| `([^`]+)` \| ([^|]+) \|", text, re.M)
    assert len(steps) > 20
    for path, names in steps:
        code = (ROOT / path).read_text()
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"\b(?:def|class) {name}\b", code), f"{path} has no {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_named_in_a_page_exist(page: Path) -> None:
    text = page.read_text()
    paths = re.findall(
        r"`((?:playground|inference|static|tests|docker|assets|templates|bin)/[\w./-]+)`", text
    )
    links = [link for link in re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", text) if "://" not in link]
    missing = [path for path in paths if not (ROOT / path).exists()]
    missing += [link for link in links if not (page.parent / link).exists()]
    assert not set(missing) - MADE_LATER


def test_no_page_names_a_place_of_one_machine() -> None:
    assert len(PAGES) > 10
    assert not [page for page in PAGES if re.search(r"/(work|root|home)/", page.read_text())]
