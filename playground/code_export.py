"""A request to ``/v1`` as code that runs as it stands: curl, Python, JavaScript, and this machine's terminal.

The key is read from the environment and never stands in the code. Values are written as literals of each
language, so what people wrote stays data wherever it is pasted.
"""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KEY = "FEWSHOT_API_KEY"
# Parameters that the Python client does not know by name.
EXTENSIONS = {"fields", "top_k", "min_p", "repetition_penalty", "ignore_eos"}
MOST_ARGUMENT = 100_000  # bytes of one argument; Linux takes 128 KiB
INDENT = "  "
Written = Callable[[Any], str]


@dataclass(frozen=True)
class Call:
    """``path`` below ``/v1`` gets ``body``; ``complete`` are the arguments of ``manage.py complete``."""

    path: str
    body: dict[str, Any]
    complete: tuple[str, ...]

    @property
    def is_chat(self) -> bool:
        return self.path == "chat/completions"


def curl(call: Call, base: str) -> str:
    body = shlex.quote(_literal(call.body, _json, _json))
    command = (
        f"curl -s {shlex.quote(f'{base}/{call.path}')} \\\n"
        f'  -H "Authorization: Bearer ${KEY}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
    )
    if len(body.encode()) < MOST_ARGUMENT:
        return f"{command}  -d {body}"
    return f"printf %s {body} |\n{command}  --data-binary @-"  # printf is no program, so it takes more


def python(call: Call, base: str) -> str:
    """For the official client."""
    own = {name: value for name, value in call.body.items() if name not in EXTENSIONS}
    more = {name: value for name, value in call.body.items() if name in EXTENSIONS}
    given = own | ({"extra_body": more} if more else {})
    arguments = "".join(
        f"    {name}={_literal(value, _python, _python, 2)},\n" for name, value in given.items()
    )
    return (
        "import os\n\nfrom openai import OpenAI\n\n"
        f'client = OpenAI(base_url={_python(base)}, api_key=os.environ["{KEY}"])\n'
        f"answer = client.{call.path.replace('/', '.')}.create(\n{arguments})\n"
        f"print(answer.choices[0].{_text_of(call)})"
    )


def javascript(call: Call, base: str) -> str:
    """For the official client; a module, such as a file that ends in .mjs."""
    return (
        'import OpenAI from "openai"\n\n'
        f"const client = new OpenAI({{ baseURL: {_json(base)}, apiKey: process.env.{KEY} }})\n"
        f"const answer = await client.{call.path.replace('/', '.')}.create("
        f"{_literal(call.body, _json, _property)})\n"
        f"console.log(answer.choices[0].{_text_of(call)})"
    )


def terminal(call: Call, base: str) -> str:
    """For the machine that this instance runs on, without a key."""
    return shlex.join((".venv/bin/python", "manage.py", "complete", *call.complete))


LANGUAGES = {"curl": curl, "Python": python, "JavaScript": javascript, "Terminal": terminal}


def in_all_languages(call: Call, base: str) -> list[dict[str, str]]:
    """``base`` is the address of ``/v1``."""
    return [{"language": name, "code": write(call, base)} for name, write in LANGUAGES.items()]


def _text_of(call: Call) -> str:
    return "message.content" if call.is_chat else "text"


def _literal(value: Any, scalar: Written, key: Written, depth: int = 0) -> str:
    """``value`` over several lines, save for lists of plain values: token ids would be thousands."""
    if isinstance(value, dict) and value:
        parts = [f"{key(name)}: {_literal(each, scalar, key, depth + 1)}" for name, each in value.items()]
        return _block("{", parts, "}", depth)
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return _block("[", [_literal(each, scalar, key, depth + 1) for each in value], "]", depth)
    return scalar(value)


def _block(opening: str, parts: list[str], closing: str, depth: int) -> str:
    inner = "\n" + INDENT * (depth + 1)
    return f"{opening}{inner}{f',{inner}'.join(parts)}\n{INDENT * depth}{closing}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _python(value: Any) -> str:
    """Strings of JSON mean the same in Python."""
    if isinstance(value, list):
        return f"[{', '.join(map(_python, value))}]"
    return _json(value) if isinstance(value, str) else repr(value)


def _property(name: str) -> str:
    """A name in an object of JavaScript, where one name does not name a property."""
    if name == "__proto__":
        return '["__proto__"]'
    return name if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) else _json(name)
