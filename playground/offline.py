"""A shared page as one file that works without a network: styles, scripts and document are inside.

The scripts are our modules as they are, one after the other in the order of their imports, each in a
function of its own. That is simple because they are written simply: tests/js/imports.test.mjs holds
every import to one relative line, and what a module exports is declared with ``export``.
"""

import re
from base64 import b64encode
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.text import slugify

from playground.actions.snapshots import Document
from playground.shared_page import STYLES, context_of

STATIC = (Path(settings.BASE_DIR) / "static").resolve()
ENTRY = "js/shared.js"
IMPORT = re.compile(r'^import (?:\{ ([\w, ]+) \} from )?"(\.{1,2}/[\w./]+)";$', re.M)
EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.M)
# What the bundle could not carry over as it is, and what would end its element early.
REFUSED = re.compile(r"^(?:import|export)\b|\bimport\(|import\.meta|</script|<!--", re.M)
REFUSED_STYLE = re.compile(r"url\(|@import|</style", re.I)


def offline_page(document: Document, at: datetime) -> str:
    """The file; ``at`` is when its content was true."""
    early, script, style = (STATIC / "js/early.js").read_text(), bundle(ENTRY), styles()
    hashes = f"script-src {_hash(early)} {_hash(script)}; style-src {_hash(style)}"
    policy = f"default-src 'none'; {hashes}; base-uri 'none'; form-action 'none'"
    context = context_of(document) | {"at": at, "policy": policy}
    page: str = render_to_string("share/offline.html", context)
    # Text of users cannot hold these marks: the template has written its "<" as "&lt;".
    page = page.replace("<!--assets-->", f"<script>{early}</script><style>{style}</style>")
    return page.replace("<!--script-->", f"<script>{script}</script>")


def file_name(document: Document) -> str:
    return f"{slugify(document['title']) or document['kind']}.html"


@cache
def styles() -> str:
    text = "\n".join((STATIC / name).read_text() for name in STYLES)
    if found := REFUSED_STYLE.search(text):
        raise ValueError(f"a style of the shared page cannot go into a file: {found[0]}")
    return text


@cache
def bundle(entry: str) -> str:
    """``entry`` and all it imports as one script. Raises ValueError for what cannot be carried over."""
    modules: dict[Path, str] = {}
    _add(STATIC / entry, modules, [])
    return "\n".join(['"use strict";', *modules.values()])


def _add(path: Path, modules: dict[Path, str], importers: list[Path]) -> None:
    if path in modules:
        return
    if path in importers:
        raise ValueError(f"{path.name} imports itself, by way of others")
    source = path.read_text()
    for _, target in IMPORT.findall(source):
        _add((path.parent / target).resolve(), modules, [*importers, path])
    modules[path] = _wrapped(path, source)


def _wrapped(path: Path, source: str) -> str:
    """The module as a function that is called at once, and gives what it exports."""

    def taken(found: re.Match[str]) -> str:
        names, target = found[1], (path.parent / found[2]).resolve()
        return f"const {{ {names} }} = {_name(target)};" if names else ""

    exported = [name for _, name in EXPORT.findall(source)]
    code = EXPORT.sub(r"\1 \2", IMPORT.sub(taken, source))
    if found := REFUSED.search(code):
        raise ValueError(f"{path.name} cannot go into a file: {found[0]}")
    return f"const {_name(path)} = (() => {{\n{code}\nreturn {{ {', '.join(exported)} }};\n}})();"


def _name(path: Path) -> str:
    return "module_" + re.sub(r"\W", "_", str(path.relative_to(STATIC).with_suffix("")))


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
