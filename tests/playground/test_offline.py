"""The offline file: one page, nothing outside it, and user text stays text. tests/browser opens one."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from playground import offline
from playground.actions.snapshots import Document
from playground.offline import bundle, file_name, offline_page
from tests.conftest import spec

HOSTILE = [
    "</script><script>window.pwned = 1</script>",
    "<!--assets--><!--script--><!--",
    "line\u2028and paragraph\u2029separators",
    '"><img src="https://example.com/x.png" onerror="window.pwned = 1">',
    "</style></title></textarea>{{ 7|add:1 }}{% now 'Y' %}",
    "]]>&amp;&lt;\u202e",
]


def run_of(text: str) -> Document:
    token = {"t": text, "id": 1, "lp": -0.5, "rank": 1, "top": [[1, text, -0.5]], "ms": 0}
    return {
        "status": "succeeded",
        "model": text,
        "settings_words": text,
        "text": text,
        "tokens": [token, token],
        "prompt": {"text": text, "parts": [["instruction", text, False], ["format", text, True]]},
        "finish_reason": "stop",
        "error": {"code": "x", "message": text},
        "usage": {"prompt_tokens": 1, "cached_tokens": 0, "given_tokens": 0, "completion_tokens": 2},
        "timing": {},
        "span_ms": 10,
        "queued_at": timezone.now().isoformat(),
        "receipt": [[text, text]],
    }


def document_of(text: str, kind: str = "experiment") -> Document:
    stored = spec(instruction=text, input={"input": text}).as_json()
    head: dict[str, Any] = {"schema": 1, "kind": kind, "title": text, "team": text, "left_out": [text]}
    return head | {"scope": text, "message": text, "spec": stored, "runs": [run_of(text)]}


def page_of(document: Document) -> str:
    return offline_page(document, timezone.now())


def elements(page: str, name: str) -> list[str]:
    return re.findall(rf"<{name}(?: [^>]*)?>(.*?)</{name}>", page, re.S)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", ["experiment", "run"])
def test_hostile_text_stays_text(text: str, kind: str) -> None:
    document = document_of(text, kind)
    page = page_of(document)
    plain = page_of(document_of("harmless", kind))
    # The same elements as a page of harmless text has, and the same attributes.
    assert re.findall(r"<(/?\w[\w-]*)", page) == re.findall(r"<(/?\w[\w-]*)", plain)
    assert page.count("<!--") == plain.count("<!--") == 0
    (data,) = re.findall(r'<script id="shared-document" type="application/json">(.*?)</script>', page, re.S)
    assert json.loads(data) == document
    assert not {"\u2028", "<", ">"} & set(data)


def test_it_asks_for_nothing() -> None:
    page = page_of(document_of("harmless"))
    addresses = re.findall(r'(?:src|href|action|poster|srcset|data-follow)="([^"]*)"', page)
    assert [address for address in addresses if not address.startswith("#")] == []
    assert "url(" not in page
    assert "@import" not in page
    assert not re.search(r"^(import|export) ", page, re.M)


def test_its_policy_allows_these_scripts_and_styles_alone() -> None:
    page = page_of(document_of("harmless"))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert page.index("Content-Security-Policy") < page.index("<script")
    early, _, script = elements(page, "script")
    (style,) = elements(page, "style")
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in (early, script, style)]
    assert unescape(policy) == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}' 'sha256-{hashes[1]}'; "
        f"style-src 'sha256-{hashes[2]}'; base-uri 'none'; form-action 'none'"
    )


def test_every_module_is_there_once_and_before_those_that_import_it() -> None:
    script = bundle(offline.ENTRY)
    names = re.findall(r"^const (module_\w+) = \(", script, re.M)
    assert len(names) == len(set(names)) > 10
    assert names[-1] == "module_js_shared"
    for name in set(re.findall(r"= (module_\w+);", script)):
        assert script.index(f"const {name} =") < script.index(f"= {name};")


@pytest.mark.parametrize(
    "source",
    [
        'import thing from "./other.js";',
        'import * as all from "./other.js";',
        'export { thing } from "./other.js";',
        "export default 1",
        "export let counted = 0",
        'const late = () => import("./other.js")',
        'const text = "</script>"',
        'import { one } from "./entry.js";',
    ],
)
def test_what_the_file_could_not_carry_is_refused(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "entry.js").write_text(source)
    (tmp_path / "other.js").write_text("export const thing = 1")
    monkeypatch.setattr(offline, "STATIC", tmp_path.resolve())
    with pytest.raises(ValueError):
        bundle.__wrapped__("entry.js")


def test_imports_with_and_without_names_are_carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "entry.js").write_text('import "./a.js";\nimport { one, two } from "./b.js";\none(two)')
    (tmp_path / "a.js").write_text("let private = 1")
    (tmp_path / "b.js").write_text("export async function one() {}\nexport const two = 2\nlet private = 3")
    monkeypatch.setattr(offline, "STATIC", tmp_path.resolve())
    script = bundle.__wrapped__("entry.js")
    assert "const { one, two } = module_b;" in script
    assert "return { one, two };" in script


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Review sentiment", "review-sentiment.html"),
        ("../../etc", "etc.html"),
        ("日本", "run.html"),
        ('a"\r\nb', "a-b.html"),
    ],
)
def test_the_name_of_the_file_is_harmless(title: str, name: str) -> None:
    assert file_name({"title": title, "kind": "run"}) == name
