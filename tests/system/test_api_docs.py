"""docs/api.md: its examples run as they stand, and its table says what the interface does."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import openai
import pytest

from playground.api.bodies import ONLY_NEUTRAL, Chat, Completion
from tests.system.browser import Browser
from tests.system.instance import ROOT, Instance

PAGE = (ROOT / "docs" / "api.md").read_text()
FENCES = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [
    (language, code, following[1] if following[0] == "text" else None)
    for (language, code), following in zip(FENCES, [*FENCES[1:], ("", "")], strict=True)
    if language != "text"
]
NOT_OF_THE_INTERFACE = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}


@pytest.fixture(scope="module")
def published(browser: Browser, experiment: str) -> str:
    """The address of the first experiment, published as the page tells."""
    made = browser.post(f"/experiments/{experiment}/published", {"name": "review-sentiment"})
    assert made.status == 201, made.body
    address: str = made.json()["published"]["address"]
    return address


@pytest.mark.parametrize(("language", "code", "expected"), EXAMPLES)
def test_the_examples_run_as_they_stand(
    instance: Instance,
    api_key: str,
    published: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    language: str,
    code: str,
    expected: str | None,
) -> None:
    code = code.replace("http://localhost:8000", instance.base)
    assert published in PAGE
    environment = {**instance.environment, "FEWSHOT_API_KEY": api_key}
    folder = ROOT
    if language == "js":
        (tmp_path / "node_modules").symlink_to(request.getfixturevalue("node_modules"))
        (folder := tmp_path).joinpath("example.mjs").write_text(code)
        command = ["node", "example.mjs"]
    else:
        command = [sys.executable, "-c", code] if language == "python" else ["sh", "-ec", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert '"error"' not in done.stdout
    assert expected is None or done.stdout.strip() == expected.strip()


def rows() -> dict[str, tuple[str, str]]:
    """What the table says of each parameter, for chat and for completions."""
    found = re.findall(r"^\| `(\w+)` \|([\w ]*)\|([\w ]*)\|", PAGE, re.MULTILINE)
    return {name: (chat.strip(), completions.strip()) for name, chat, completions in found}


def parameters(method: object) -> set[str]:
    return set(inspect.signature(method).parameters) - NOT_OF_THE_INTERFACE  # type: ignore[arg-type]


def test_every_parameter_of_the_official_client_has_a_row() -> None:
    client = openai.OpenAI(api_key="none")
    known = parameters(client.chat.completions.create) | parameters(client.completions.create)
    assert known <= set(rows())


@pytest.mark.parametrize(("at", "kind"), [(0, Chat), (1, Completion)])
def test_the_table_says_what_is_taken(at: int, kind: type[Chat] | type[Completion]) -> None:
    neutral = {name.split(".")[0] for name in ONLY_NEUTRAL}
    said = {name: row[at] for name, row in rows().items()}
    taken = {name for name, words in said.items() if words and words != "refused"}
    assert taken == set(kind.model_fields)
    assert {name for name in taken if said[name].startswith("only")} == neutral & set(kind.model_fields)
