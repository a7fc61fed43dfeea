"""Activity: what happened lately in an experiment, put together from the rows that it left."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Max
from django.db.models.functions import Left, TruncMinute

from playground.actions.threads import person
from playground.models import Experiment
from playground.people import name_of

MOST = 50
SINGLE_RUNS = 200  # that are looked at; those of one press become one entry
PRESS = timedelta(seconds=60)
WORDS = 160  # characters of a comment

Entry = dict[str, Any]


def listed(experiment: Experiment) -> list[Entry]:
    """The newest entries, ``{kind, at, user, ...}``; a kind adds what leads to the thing."""
    kinds = (_comments, _resolutions, _runs, _cells, _versions, _comparisons, _draft)
    entries = [entry for kind in kinds for entry in kind(experiment)]
    entries.sort(key=lambda entry: entry["at"], reverse=True)
    return [entry | {"at": entry["at"].isoformat()} for entry in entries[:MOST]]


def _entry(kind: str, at: datetime, user: User | None, **more: Any) -> Entry:
    who = person(user) if user else {"id": None, "name": name_of(None)}
    return {"kind": kind, "at": at, "user": who, **more}


def _comments(experiment: Experiment) -> Iterator[Entry]:
    rows: Any = experiment.comments.filter(deleted_at=None).select_related("author").defer("text")
    for row in rows.annotate(words=Left("text", WORDS)).order_by("-created_at")[:MOST]:
        kind = "replied" if row.parent_id else "commented"
        thread = str(row.parent_id or row.pk)
        yield _entry(kind, row.created_at, row.author, thread=thread, words=row.words)


def _resolutions(experiment: Experiment) -> Iterator[Entry]:
    rows: Any = experiment.comments.threads().exclude(resolved_at=None).select_related("resolved_by")
    for row in rows.annotate(words=Left("text", WORDS)).order_by("-resolved_at")[:MOST]:
        words = "" if row.deleted_at else row.words
        yield _entry("resolved", row.resolved_at, row.resolved_by, thread=str(row.pk), words=words)


def _runs(experiment: Experiment) -> Iterator[Entry]:
    """Runs of one person that began within a minute were one press, or hardly more."""
    rows = experiment.runs.filter(deleted_at=None, comparison=None).order_by("-queued_at")
    rows = rows.select_related("user").only("experiment", "queued_at", "user__first_name", "user__username")
    press: list[Any] = []
    for run in rows[:SINGLE_RUNS]:
        if press and (run.user_id != press[0].user_id or press[0].queued_at - run.queued_at > PRESS):
            yield _press(press)
            press = []
        press.append(run)
    if press:
        yield _press(press)


def _press(runs: list[Any]) -> Entry:
    newest = runs[0]
    return _entry("ran", newest.queued_at, newest.user, run=str(newest.pk), count=len(runs))


def _cells(experiment: Experiment) -> Iterator[Entry]:
    """Runs of comparisons are many: the database counts them by the minute."""
    rows = experiment.runs.filter(deleted_at=None, comparison__deleted_at=None, comparison__isnull=False)
    rows = rows.annotate(minute=TruncMinute("queued_at")).order_by()
    names = ("user_id", "user__first_name", "user__username")
    counted = rows.values("comparison_id", "comparison__title", "minute", *names)
    for row in counted.annotate(count=Count("pk"), at=Max("queued_at")).order_by("-at")[:MOST]:
        user = User(pk=row["user_id"], first_name=row["user__first_name"], username=row["user__username"])
        board = {"comparison": str(row["comparison_id"]), "title": row["comparison__title"]}
        yield _entry("ran", row["at"], user, count=row["count"], **board)


def _versions(experiment: Experiment) -> Iterator[Entry]:
    rows = experiment.versions.exclude(saved_at=None).select_related("author").defer("spec")
    for row in rows.order_by("-saved_at")[:MOST]:
        assert row.saved_at
        yield _entry("saved", row.saved_at, row.author, number=row.number, title=row.label)


def _comparisons(experiment: Experiment) -> Iterator[Entry]:
    rows = experiment.comparisons.filter(deleted_at=None).select_related("created_by").defer("board")
    for row in rows.order_by("-created_at")[:MOST]:
        board = {"comparison": str(row.pk), "title": row.title}
        yield _entry("compared", row.created_at, row.created_by, **board)


def _draft(experiment: Experiment) -> Iterator[Entry]:
    """Of edits only the last is known; who made the experiment is the first of all."""
    yield _entry("made", experiment.created_at, experiment.created_by)
    if experiment.edited_by_id is not None:
        yield _entry("edited", experiment.updated_at, experiment.edited_by)
