"""One completion from the terminal: the same action, queue and worker as the page.

It asks what its arguments say, what a run has asked (``--run``), or a published prompt (``--prompt``).

Only the completion goes to stdout; numbers and notices go to stderr. Exit code by outcome: 0
succeeded, 1 failed, 2 refused, 3 cancelled, 4 expired, 5 no running instance.
"""

import signal
import sys
import threading
import time
import uuid
from typing import Any

import redis
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.utils import OperationalError
from pydantic import ValidationError

from playground import catalog, events
from playground.access import Verb, personal_team_for, published_prompt_called, run_for
from playground.actions import published_prompts, runs
from playground.actions.teams import ensure_owner
from playground.errors import Refusal
from playground.events import Entry, EntryId
from playground.models import Run
from playground.models.run import Status
from playground.specs import Example, Layout, PromptSpec, refusal

EXIT = {Status.SUCCEEDED: 0, Status.FAILED: 1, Status.CANCELLED: 3, Status.EXPIRED: 4}
REFUSED, NO_INSTANCE = 2, 5
ARROW = "=>"


class Command(BaseCommand):
    help = "Runs one prompt on the running instance of this data folder and streams the completion to stdout."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--instruction", default="", help="what the model should do")
        parser.add_argument(
            "--example", action="append", default=[], metavar="'INPUT => OUTPUT'", help="repeatable"
        )
        parser.add_argument("--input")
        parser.add_argument("--input-name", default="input", help="name of the field (plain layout shows it)")
        parser.add_argument(
            "--output-name", default="output", help="name of the output (plain layout shows it)"
        )
        parser.add_argument(
            "--layout", choices=[layout.value for layout in Layout], default=Layout.CHAT.value
        )
        parser.add_argument("--model", help="name in models.toml (default: the first)")
        parser.add_argument("--max-new-tokens", type=int, default=64)
        parser.add_argument(
            "--sample", action="store_true", help="draw from the distribution instead of greedy"
        )
        parser.add_argument("--temperature", type=float, default=0.7)
        parser.add_argument("--top-k", type=int, default=50)
        parser.add_argument("--top-p", type=float, default=0.9)
        parser.add_argument(
            "--stop", action="append", default=[], help=r"repeatable; \n and \t are understood"
        )
        parser.add_argument("--seed", type=int)
        parser.add_argument("--run", type=uuid.UUID, metavar="ID", help="ask exactly what this run asked")
        parser.add_argument(
            "--prompt", metavar="TEAM/NAME", help="run a published prompt, with --field for its values"
        )
        parser.add_argument("--field", action="append", default=[], metavar="NAME=VALUE", help="repeatable")
        parser.add_argument("--user", help="user name (default: the owner)")

    interrupted = threading.Event()

    def handle(self, *args: Any, **options: Any) -> None:
        if not events.broker_answers():
            self.notice("Nothing runs on this data folder; start it with `make run`.")
            sys.exit(NO_INSTANCE)
        try:
            run = self.submit(options)
        except Refusal as error:
            self.notice(error.message)
            sys.exit(REFUSED)
        except OperationalError as error:
            self.notice(
                f"The database of this data folder cannot be used ({error}); start it with `make run`."
            )
            sys.exit(NO_INSTANCE)
        # Only noted: the signal may come in the middle of a query, on the connection that cancelling needs.
        signal.signal(signal.SIGINT, lambda *_: self.interrupted.set())
        self.follow(run)
        self.summarise(run)
        sys.exit(EXIT[Status(run.status)])

    def notice(self, text: str) -> None:
        self.stderr.write(text)

    def submit(self, options: dict[str, Any]) -> Run:
        user, key = user_called(options["user"]), str(uuid.uuid4())
        if options["run"]:
            origin = run_for(user, options["run"], Verb.RUN)
            wanted = runs.Submission(user, origin.team, None, key, origin.experiment, origin=origin)
            return runs.submit(wanted)[0]
        if options["prompt"]:
            prompt = published_prompt_called(user, options["prompt"])
            spec = published_prompts.spec_of(prompt, values_from(options["field"]))
            return runs.submit(runs.Submission(user, prompt.team, spec, key))[0]
        team = personal_team_for(user, Verb.RUN)
        return runs.submit(runs.Submission(user, team, spec_from(options), key))[0]

    def follow(self, run: Run) -> None:
        """Prints deltas from the tape until the row has ended; a silent broker only makes it coarser."""
        cursor, shown, client = EntryId(0, 0), "", events.connect()
        ended = False
        while not ended:
            for entry in self.entries(client, run, cursor):
                shown = self.show(entry, cursor, shown)
                cursor, ended = entry.id, entry.event["type"] == "end"
            if self.interrupted.is_set():
                self.interrupted.clear()
                runs.cancel(run)
            run.refresh_from_db()
            ended = ended or not run.is_live
        if run.text != shown and run.text.startswith(shown):
            self.write(run.text.removeprefix(shown))
        self.write("\n")

    def entries(self, client: redis.Redis, run: Run, cursor: EntryId) -> list[Entry]:
        try:
            return events.next_entries(client, run.pk, cursor, wait=1.0)
        except redis.RedisError:
            time.sleep(1.0)
            return []

    def show(self, entry: Entry, cursor: EntryId, shown: str) -> str:
        """The text on the screen after ``entry``."""
        if entry.id.attempt != cursor.attempt and shown:
            self.notice("\nThe worker was lost; the answer begins again.")
            shown = ""
        text: str = entry.event.get("text", "")
        if entry.event["type"] == "snapshot":
            text = text.removeprefix(shown)
        self.write(text)
        return shown + text

    def write(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()

    def summarise(self, run: Run) -> None:
        usage, timing = run.usage, run.timing
        prompt = "?" if usage["prompt_tokens"] is None else usage["prompt_tokens"]
        counts = f"{prompt} + {usage['completion_tokens']} tokens"
        numbers = f"{run.status} ({run.finish_reason}) · {counts}"
        if timing["first_token_ms"] is not None:
            numbers += f" · first token {timing['first_token_ms'] / 1000:.2f} s"
        if timing["tokens_per_second"] is not None:
            numbers += f" · {timing['tokens_per_second']} tokens/s"
        self.notice(f"{numbers} · run {run.pk}")
        if run.error_message:
            self.notice(run.error_message)


def user_called(name: str | None) -> User:
    if name is None:
        return ensure_owner()
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user called {name!r}.")
    return user


def values_from(fields: list[str]) -> dict[str, str]:
    """Raises Refusal for one that has no equals sign."""
    pairs = [field.partition("=") for field in fields]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise Refusal("invalid", f"{wrong[0]!r} has no value; write --field 'NAME=VALUE'.")
    return {name: value for name, _, value in pairs}


def spec_from(options: dict[str, Any]) -> PromptSpec:
    """The command line as a PromptSpec; raises Refusal with the first fault."""
    field = options["input_name"]
    if options["input"] is None:
        raise Refusal("invalid", "Say what to ask: --input, --run or --prompt.", field="input")
    try:
        return PromptSpec.model_validate(
            {
                "instruction": options["instruction"],
                "fields": [field],
                "output_name": options["output_name"],
                "examples": [
                    example(number, field, text) for number, text in enumerate(options["example"], 1)
                ],
                "input": {field: options["input"]},
                "layout": options["layout"],
                "model": options["model"] or catalog.registry().default,
                "settings": {
                    "max_new_tokens": options["max_new_tokens"],
                    "mode": "sample" if options["sample"] else "greedy",
                    "stop": [text.replace("\\n", "\n").replace("\\t", "\t") for text in options["stop"]],
                    **{name: options[name] for name in ("temperature", "top_k", "top_p", "seed")},
                },
            }
        )
    except ValidationError as error:
        raise refusal(error) from None


def example(number: int, field: str, text: str) -> Example:
    given, arrow, wanted = text.partition(ARROW)
    if not arrow:
        raise Refusal(
            "invalid", f"Example {number} has no {ARROW!r}; write --example 'input {ARROW} output'."
        )
    return Example(id=f"e{number}", values={field: given.strip()}, output=wanted.strip())
