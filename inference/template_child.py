"""The process that renders a model's chat template: started by :mod:`inference.template`, never imported.

A template comes with a model and is code: Jinja's sandbox keeps it from the system, but not from
looping or growing for ever. A process of its own can be limited by the kernel: memory as a whole,
processor time for each rendering, after which the process dies.

Each line on standard input is one JSON request, each line on standard output one JSON answer.
"""

import json
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NoReturn

import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

CPU_SECONDS = 2.0
MEMORY_BYTES = 512 * 2**20
OUTPUT_CHARS = 4 * 2**20


class GenerationTag(jinja2.ext.Extension):
    """``{% generation %}`` marks assistant text for training; here its body is simply rendered."""

    tags: set[str] = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def environment() -> ImmutableSandboxedEnvironment:
    """Configured as transformers configures it for ``apply_chat_template``."""
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, jinja2.ext.loopcontrols]
    )
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    return made


def tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON without the HTML escapes of Jinja's own filter."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def raise_exception(message: str) -> NoReturn:
    """How a template refuses a conversation."""
    raise jinja2.TemplateError(message)


def render(template: jinja2.Template, variables: dict[str, Any], conversations: Sequence[Any]) -> list[str]:
    """The text of each conversation, all of them rendered at the same moment."""
    now = datetime.now()
    texts = []
    for messages in conversations:
        text = template.render(messages=messages, strftime_now=now.strftime, **variables)
        if len(text) > OUTPUT_CHARS:
            raise jinja2.TemplateError(f"its text is longer than {OUTPUT_CHARS} characters")
        texts.append(text)
    return texts


def answer(request: dict[str, Any], templates: dict[str, jinja2.Template]) -> dict[str, Any]:
    """``texts`` or ``error``; a template is compiled once."""
    source = request["template"]
    try:
        if source not in templates:
            templates[source] = environment().from_string(source)
        return {"texts": render(templates[source], request["variables"], request["conversations"])}
    except MemoryError:
        return {"error": "it needs too much memory"}
    except Exception as error:  # whatever a template does must not end the process
        return {"error": f"{error}" or type(error).__name__}


def main() -> None:
    with suppress(ValueError):  # macOS knows the limit and refuses it; the others hold there
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    templates: dict[str, jinja2.Template] = {}
    for line in sys.stdin.buffer:
        # The timer counts processor time, so a busy machine does not make a template look hostile;
        # its signal has no handler and ends the process wherever it is.
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        reply = json.dumps(answer(json.loads(line), templates))
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(reply.encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
