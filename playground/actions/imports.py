"""Imports: an exported file becomes experiments of a team. Ids are new, references and names are kept."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from pydantic import ValidationError

from playground.actions import tags
from playground.actions.experiments import made
from playground.anchors import AboutExample, AboutText
from playground.errors import Refusal
from playground.exported import (
    SCHEMA,
    AboutComparison,
    AboutRun,
    ExperimentFile,
    ExportedComment,
    ExportedRun,
    ExportedVersion,
    File,
    TeamFile,
)
from playground.limits import LIMITS
from playground.models import (
    Comment,
    Comparison,
    Experiment,
    Mention,
    Rating,
    Reaction,
    Run,
    SearchEntry,
    Team,
    Version,
    Vote,
)
from playground.models.ids import new_id
from playground.people import name_of
from playground.specs import refusal

BATCH = 100
Ids = dict[uuid.UUID, uuid.UUID]


def read(data: bytes) -> list[ExperimentFile]:
    """The experiments of a file; raises Refusal with one sentence about what is wrong with it."""
    if len(data) > LIMITS.import_bytes:
        most = LIMITS.import_bytes // 1024**2
        message = f"The file is larger than {most} MiB. Export fewer runs, or restore a backup."
        raise Refusal("too_large", message, status=413)
    try:
        file = File.validate_json(data)
    except ValidationError as error:
        raise _fault(error) from None
    except ValueError:  # bytes that are no text
        raise _unreadable() from None
    files = file.experiments if isinstance(file, TeamFile) else [file]
    if sum(len(each.runs) for each in files) > LIMITS.imported_runs:
        message = f"The file holds more than {LIMITS.imported_runs:,} runs. Restore a backup instead."
        raise Refusal("too_large", message, status=413)
    return files


def _fault(error: ValidationError) -> Refusal:
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return _unreadable()
    if first["loc"][-1:] == ("schema",) and first["type"] == "literal_error":
        message = (
            f"The file has schema {first['input']!r}, and this Fewshot reads {SCHEMA}. Upgrade it first."
        )
        return Refusal("import_schema", message)
    if first["type"].startswith("union_tag") or not first["loc"]:
        return Refusal("not_an_export", "This is no experiment or team that Fewshot has exported as JSON.")
    found = refusal(error)
    return Refusal("bad_import", f"The file cannot be imported. {found.message}", field=found.field)


def _unreadable() -> Refusal:
    message = "The file is no whole JSON text: it may have been cut off, or be of another kind."
    return Refusal("not_an_export", message)


@transaction.atomic
def store(team: Team, user: User, files: list[ExperimentFile]) -> list[Experiment]:
    """All of ``files`` or nothing."""
    people = People(user)
    tags.lock(team)
    return [Import(team, user, people, file).store() for file in files]


class People:
    """Who a name of the file is here: the one who imports, or else somebody who can never sign in.

    A name proves nothing, so that no work is put down to a member who has not done it.
    """

    def __init__(self, user: User) -> None:
        self.known = {name_of(user): user}

    def called(self, name: str) -> User:
        if name not in self.known:
            absent = User(username=f"imported-{uuid.uuid4()}", first_name=name, is_active=False)
            absent.set_unusable_password()
            absent.save()
            self.known[name] = absent
        return self.known[name]


class Import:
    """One experiment on its way into the database."""

    def __init__(self, team: Team, user: User, people: People, file: ExperimentFile) -> None:
        self.team, self.user, self.people, self.file = team, user, people, file
        self.runs: Ids = {run.ref: new_id() for run in file.runs}
        self.comparisons: Ids = {comparison.ref: new_id() for comparison in file.comparisons}
        self.boards = {run.ref: run.comparison for run in file.runs}
        self.versions: dict[int, Version] = {}

    def store(self) -> Experiment:
        head = self.file.experiment
        self.experiment = made(
            team=self.team,
            title=head.title.strip() or "Untitled",
            scope=head.scope,
            draft=head.spec.as_json(),
            inputs=head.inputs,
            created_by=self.user,
        )
        self.experiment.tags.set(tags.called(self.team, head.tags))
        self._store_versions()
        self._store_comparisons()
        self._store_runs()
        self._store_judgements()
        self._store_comments()
        return self.experiment

    def _store_versions(self) -> None:
        for exported in sorted(self.file.versions, key=lambda version: version.number):
            self.versions[exported.number] = self._version(exported)
        rows = list(self.versions.values())
        dates = [version.created_at for version in rows]
        Version.objects.bulk_create(rows, batch_size=BATCH)
        _date(Version, rows, dates)

    def _version(self, exported: ExportedVersion) -> Version:
        earlier = self.versions.get(exported.restored_from or 0)
        return Version(
            experiment=self.experiment,
            number=exported.number,
            spec=exported.spec.as_json(),
            content_hash=exported.spec.content_hash(),
            label=exported.label,
            message=exported.message,
            saved_at=exported.saved_at,
            restored_from=earlier,
            author=self.people.called(exported.author) if exported.author else None,
            created_at=exported.created_at,
        )

    def _store_comparisons(self) -> None:
        Comparison.objects.bulk_create(
            Comparison(
                id=self.comparisons[exported.ref],
                experiment=self.experiment,
                title=exported.title,
                board=exported.board.as_json(),
                created_by=self.user,
            )
            for exported in self.file.comparisons
        )

    def _store_runs(self) -> None:
        for start in range(0, len(self.file.runs), BATCH):
            rows = [self._run(run) for run in self.file.runs[start : start + BATCH]]
            Run.objects.bulk_create(rows)
            SearchEntry.of_new_runs(rows)

    def _run(self, run: ExportedRun) -> Run:
        same = run.model_dump(
            mode="json",
            exclude_unset=True,
            exclude={"ref", "version", "user", "comparison", "branch_of", "again_of", "spec", *MOMENTS},
        )
        key = self.runs[run.ref]
        return Run(
            id=key,
            team=self.team,
            experiment=self.experiment,
            user=self.people.called(run.user),
            version=self.versions[run.version] if run.version is not None else None,
            comparison_id=run.comparison and self.comparisons[run.comparison],
            branch_of_id=run.branch_of and self.runs[run.branch_of],
            again_of_id=run.again_of and self.runs[run.again_of],
            idempotency_key=f"import {key}",
            deadline=run.queued_at,
            spec=run.spec.as_json(),
            asks_hash=run.spec.asks_hash(),
            **same,
            **{name: getattr(run, name) for name in MOMENTS},
        )

    def _store_judgements(self) -> None:
        rows = {run.ref: run.row for run in self.file.runs}
        votes = [
            Vote(
                comparison_id=self.comparisons[vote.comparison],
                row=rows[vote.run],
                user=self.people.called(vote.user),
                run_id=self.runs[vote.run],
                against_id=self.runs[vote.against],
                choice=vote.choice,
                blind=vote.blind,
            )
            for vote in self.file.votes
        ]
        ratings = [
            Rating(
                user=self.people.called(rating.user),
                run_id=self.runs[rating.run],
                mark=rating.mark,
                comment=rating.comment,
            )
            for rating in self.file.ratings
        ]
        Vote.objects.bulk_create(votes, batch_size=BATCH)
        Rating.objects.bulk_create(ratings, batch_size=BATCH)
        _date(Vote, votes, [vote.created_at for vote in self.file.votes])
        _date(Rating, ratings, [rating.created_at for rating in self.file.ratings])

    def _store_comments(self) -> None:
        said = self.file.comments
        ids = {comment.ref: new_id() for comment in said}
        rows = [self._comment(comment, ids) for comment in said]
        Comment.objects.bulk_create([row for row in rows if row.parent_id is None], batch_size=BATCH)
        Comment.objects.bulk_create([row for row in rows if row.parent_id], batch_size=BATCH)
        called = self.people.called
        mentions = [
            Mention(comment_id=ids[comment.ref], user=called(name), seen_at=comment.created_at)
            for comment in said
            for name in comment.mentions
        ]
        reactions = [
            Reaction(comment_id=ids[comment.ref], user=called(one.user), name=one.name)
            for comment in said
            for one in comment.reactions
        ]
        Mention.objects.bulk_create(mentions, batch_size=BATCH)
        Reaction.objects.bulk_create(reactions, batch_size=BATCH)

    def _comment(self, comment: ExportedComment, ids: Ids) -> Comment:
        called = self.people.called
        return Comment(
            id=ids[comment.ref],
            experiment=self.experiment,
            parent_id=comment.parent and ids[comment.parent],
            author=called(comment.author) if comment.author else None,
            text=comment.text,
            resolved_by=called(comment.resolved_by) if comment.resolved_by else None,
            **self._about(comment),
            **{name: getattr(comment, name) for name in ("created_at", *SETTLED)},
        )

    def _about(self, comment: ExportedComment) -> dict[str, Any]:
        """A run that stands in a comparison takes its comments there."""
        match comment.about:
            case AboutRun(run=run) if run is not None:
                board = self.boards[run]
                comparison = board and self.comparisons[board]
                return {"about": "run", "run_id": self.runs[run], "comparison_id": comparison}
            case AboutComparison(comparison=ref) if ref is not None:
                return {"about": "comparison", "comparison_id": self.comparisons[ref]}
            case AboutExample(example=example):
                return {"about": "example", "place": example}
            case AboutText(path=path, quote=quote):
                return {"about": "text", "place": path, "quote": quote.model_dump()}
        return {"about": comment.about.kind}


SETTLED = ("edited_at", "resolved_at", "deleted_at")
MOMENTS = ("queued_at", "started_at", "first_token_at", "finished_at")


def _date(model: Any, rows: list[Any], dates: list[datetime]) -> None:
    """Gives rows the moment of their making, which the database's own has replaced."""
    for row, date in zip(rows, dates, strict=True):
        row.created_at = date
    model.objects.bulk_update(rows, ["created_at"], batch_size=BATCH)
