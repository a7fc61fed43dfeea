"""SearchEntry: the words of one experiment or run, for full-text search."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from django.db import connection, models
from django.db.models import Q

from playground.models.experiment import Experiment
from playground.models.run import Run

MOST = 20_000  # characters of one entry; the words in the middle of very long prompts are not found
AROUND = 60  # characters of a snippet on either side of what was found
PARTS = re.compile(r'"([^"]*)"|([^\s"]+)')
INDEX = "playground_searchindex"  # SQLite's, made with its triggers by a migration


@dataclass(frozen=True)
class Part:
    """A word or a phrase that people look for; ``open`` is a last word that may go on."""

    words: str
    open: bool = False


def parts_of(query: str) -> list[Part]:
    """What people typed, in pieces: phrases stand in quotes; what holds no letter or digit is left out."""
    found = [match for match in PARTS.finditer(query.replace("\0", " ")) if re.search(r"[^\W_]", match[0])]
    parts = [Part(match[1] or match[2]) for match in found]
    if found and found[-1][2] is not None and not query[-1:].isspace():
        parts[-1] = Part(parts[-1].words, open=True)
    return parts


class SearchEntryQuerySet(models.QuerySet["SearchEntry"]):
    def matching(self, query: str) -> Self:
        """Entries with all words and phrases of ``query``, the best first. No text is a syntax error."""
        parts = [Part(folded(part.words), part.open) for part in parts_of(query)]
        if not parts:
            return self.none()
        return self._in_postgresql(parts) if connection.vendor == "postgresql" else self._in_sqlite(parts)

    def _in_sqlite(self, parts: list[Part]) -> Self:
        words = " ".join(f'"{part.words}"' + "*" * part.open for part in parts)
        rows: Any = self.extra(  # noqa: S610  # only the parameter holds what people typed
            tables=[INDEX],
            where=[f"{INDEX}.rowid = playground_searchentry.id", f"{INDEX} MATCH %s"],
            params=[words],
            select={"rank": f"{INDEX}.rank"},
            order_by=["rank"],
        )
        found: Self = rows
        return found

    def _in_postgresql(self, parts: list[Part]) -> Self:
        wanted = " && ".join(
            "to_tsquery('simple', %s)" if part.open else "phraseto_tsquery('simple', %s)" for part in parts
        )
        values = [_as_prefix(part.words) if part.open else part.words for part in parts]
        vector = "to_tsvector('simple', playground_searchentry.body)"
        rows: Any = self.extra(  # noqa: S610  # only the parameters hold what people typed
            where=[f"{vector} @@ ({wanted})"],
            params=values,
            select={"rank": f"-ts_rank({vector}, {wanted})"},
            select_params=values,
            order_by=["rank"],
        )
        found: Self = rows
        return found


def _as_prefix(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "':*"


def folded(text: str) -> str:
    """``text`` without what a search does not tell apart: case, ways to write one letter, white space."""
    return " ".join(unicodedata.normalize("NFC", text.casefold()).split())


class SearchEntry(models.Model):
    """``body`` is title, scope and prompt of an experiment, or prompt and answer of one of its runs, folded.

    Folded here, since databases know the case of other letters than a to z in different ways, and slowly.
    A table of its own because SQLite's index follows an integer key, which a table with UUIDs has not
    got in a form that outlives VACUUM.
    """

    id = models.BigAutoField(primary_key=True)
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="search_entries")
    run = models.OneToOneField(Run, null=True, on_delete=models.CASCADE, related_name="search_entry")
    body = models.TextField()

    objects = SearchEntryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(run=None), name="one_search_entry_per_experiment"
            )
        ]

    def __str__(self) -> str:
        return self.body[:40]

    @classmethod
    def of_experiment(cls, pk: Any, title: str, scope: str, draft: dict[str, Any]) -> None:
        """Keeps the words of an experiment as it is now."""
        body = folded(words_of(title, scope, draft))
        cls.objects.update_or_create(experiment_id=pk, run=None, defaults={"body": body})

    @classmethod
    def of_run(cls, run: Run) -> None:
        """Keeps the words of a run as it is now; one without an experiment is in no list."""
        if run.experiment_id:
            defaults = {"body": folded(words_of_run(run)), "experiment_id": run.experiment_id}
            cls.objects.update_or_create(run=run, defaults=defaults)

    @classmethod
    def of_new_runs(cls, runs: Iterable[Run]) -> None:
        """The same of runs that have no entries yet."""
        entries = [
            SearchEntry(run=run, experiment_id=run.experiment_id, body=folded(words_of_run(run)))
            for run in runs
            if run.experiment_id
        ]
        SearchEntry.objects.bulk_create(entries)

    def snippet(self, query: str) -> list[dict[str, Any]]:
        """The text around the first word of ``query`` that stands in it: [{"text", "hit"}]."""
        words = {word for part in parts_of(query) for word in part.words.split()}
        either = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
        pattern = re.compile(either or "(?!)", re.IGNORECASE)
        whole = self.words
        first = pattern.search(whole)
        start = max(0, first.start() - AROUND) if first else 0
        end = (first.end() if first else 0) + AROUND
        text = ("…" if start else "") + whole[start:end] + ("…" if end < len(whole) else "")
        return _segments(" ".join(text.split()), pattern)

    @property
    def words(self) -> str:
        """What ``body`` was made of, as people wrote it."""
        if self.run:
            return words_of_run(self.run)
        return words_of(self.experiment.title, self.experiment.scope, self.experiment.draft)


def _segments(text: str, pattern: re.Pattern[str]) -> list[dict[str, Any]]:
    segments, place = [], 0
    for match in pattern.finditer(text):
        segments += [{"text": text[place : match.start()], "hit": False}, {"text": match[0], "hit": True}]
        place = match.end()
    return [part for part in [*segments, {"text": text[place:], "hit": False}] if part["text"]]


def words_of_run(run: Run) -> str:
    """The answer, which may take half of the room, and beginning and end of the prompt: inputs stand last."""
    answer = run.text[: MOST // 2]
    half = (MOST - len(answer)) // 2
    prompt = run.prompt_text
    return "\n".join([answer, prompt] if len(prompt) <= 2 * half else [answer, prompt[:half], prompt[-half:]])


def words_of(title: str, scope: str, draft: dict[str, Any]) -> str:
    """Title, scope, and every text of the prompt."""
    texts = [title, scope, draft.get("instruction", ""), *draft.get("input", {}).values()]
    for example in draft.get("examples", []):
        texts += [*example.get("values", {}).values(), example.get("output", "")]
    return "\n".join(text for text in texts if text)[:MOST]
