"""Exports: an experiment, a history, a comparison or a team as pieces of a file, made while it is sent.

Each function yields text, and reads rows in chunks, so that no file is ever in memory as a whole.
"""

import csv
import io
import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from inference import prompts as rendering
from playground.actions.prompts import parts_of
from playground.actions.threads import about_json
from playground.exported import SCHEMA
from playground.models import About, Choice, Comment, Comparison, Experiment, Rating, Run, Team, Version, Vote
from playground.models.run import LIVE
from playground.people import name_of
from playground.specs import Example, Layout, PromptSpec

CHUNK = 100
BOM = "\ufeff"  # Excel reads a CSV as UTF-8 only behind one
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet would run what begins like this
PLAIN_FIELDS = (
    "kind", "model", "model_revision", "status", "attempt", "settings", "spec", "messages", "prompt_text",
    "prompt_ids", "prompt_tokens", "max_new_tokens", "begun", "text", "tokens", "logprob_sum",
    "scored_tokens", "last_seq", "cached_tokens", "completion_tokens", "finish_reason", "error_code",
    "error_message", "receipt", "column", "row", "sample",
)  # fmt: skip
MOMENTS = ("queued_at", "started_at", "first_token_at", "finished_at")
M = TypeVar("M", bound=Model)


def chunks(rows: QuerySet[M]) -> Iterator[M]:
    """All of ``rows`` by id, which is by age, with a short query for every CHUNK of them."""
    last: uuid.UUID | None = None
    while True:
        page = list((rows.filter(pk__gt=last) if last else rows).order_by("pk")[:CHUNK])
        yield from page
        if len(page) < CHUNK:
            return
        last = page[-1].pk


def runs_of(experiment: Experiment) -> QuerySet[Run]:
    return experiment.runs.filter(deleted_at=None)


# JSON, which can be imported again


def experiment_json(
    experiment: Experiment, runs: QuerySet[Run] | None = None, only: Comparison | None = None
) -> Iterator[str]:
    """The experiment; with ``runs`` only these of its runs, with ``only`` one of its comparisons."""
    chosen = (runs_of(experiment) if runs is None else runs).exclude(status__in=LIVE)
    comparisons = experiment.comparisons.filter(deleted_at=None)
    comparisons = comparisons.filter(pk=only.pk) if only else comparisons
    if only:
        chosen = chosen.filter(comparison=only)
    shown = set(comparisons.order_by().values_list("pk", flat=True))
    inside = set(chosen.order_by().values_list("pk", flat=True))
    yield f'{{"fewshot":"experiment","schema":{SCHEMA},"experiment":{_json(_head(experiment))}'
    yield from _array("versions", map(_version, _versions(experiment)))
    yield from _array("comparisons", map(_comparison, chunks(comparisons)))
    votes = Vote.objects.filter(comparison__in=shown).select_related("user")
    yield from _array(
        "votes", (_vote(vote) for vote in chunks(votes) if {vote.run_id, vote.against_id} <= inside)
    )
    ratings = Rating.objects.filter(run__in=chosen.order_by().values("pk")).select_related("user")
    yield from _array("ratings", map(_rating, chunks(ratings)))
    rows = chunks(chosen.select_related("user", "version"))
    yield from _array("runs", (_run(run, shown, inside) for run in rows))
    among = None if runs is None and only is None else inside | shown
    said = _comments(experiment, among)
    yield from _array("comments", (_comment(comment, shown, inside) for comment in said))
    yield "}\n"


def team_json(team: Team) -> Iterator[str]:
    yield f'{{"fewshot":"team","schema":{SCHEMA},"team":{_json(team.name)},"experiments":['
    for index, experiment in enumerate(chunks(team.experiments.filter(deleted_at=None))):
        yield "," if index else ""
        yield from experiment_json(experiment)
    yield "]}\n"


def _array(name: str, records: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield f',\n"{name}":['
    for index, record in enumerate(records):
        yield f"{',' if index else ''}\n{_json(record)}"
    yield "]"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _head(experiment: Experiment) -> dict[str, Any]:
    return {
        "title": experiment.title,
        "scope": experiment.scope,
        "spec": experiment.draft,
        "inputs": experiment.inputs,
        "tags": sorted(experiment.tags.values_list("name", flat=True)),
    }


def _versions(experiment: Experiment) -> Iterator[Version]:
    rows = experiment.versions.select_related("author", "restored_from").defer("restored_from__spec")
    return chunks(rows)


def _version(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "spec": version.spec,
        "label": version.label,
        "message": version.message,
        "saved_at": _moment(version.saved_at),
        "restored_from": version.restored_from and version.restored_from.number,
        "author": version.author and name_of(version.author),
        "created_at": _moment(version.created_at),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {"ref": str(comparison.pk), "title": comparison.title, "board": comparison.board}


def _vote(vote: Vote) -> dict[str, Any]:
    return {
        "comparison": str(vote.comparison_id),
        "run": str(vote.run_id),
        "against": str(vote.against_id),
        "user": name_of(vote.user),
        "choice": vote.choice,
        "blind": vote.blind,
        "created_at": _moment(vote.created_at),
    }


def _rating(rating: Rating) -> dict[str, Any]:
    return {
        "run": str(rating.run_id),
        "user": name_of(rating.user),
        "mark": rating.mark,
        "comment": rating.comment,
        "created_at": _moment(rating.created_at),
    }


def _comments(experiment: Experiment, among: set[uuid.UUID] | None) -> Iterator[Comment]:
    """The discussion by age; with ``among`` only what is about these runs and comparisons."""
    rows = experiment.comments.select_related("author", "resolved_by", "parent")
    rows = rows.prefetch_related("mentions__user", "reactions__user")
    said = rows.filter(Q(deleted_at=None) | Q(pk__in=experiment.comments.threads().values("pk")))
    for comment in chunks(said):
        thread = comment.parent or comment
        if among is None or {thread.run_id, thread.comparison_id} & among:
            yield comment


def _comment(comment: Comment, comparisons: set[uuid.UUID], inside: set[uuid.UUID]) -> dict[str, Any]:
    is_gone = comment.deleted_at is not None
    about = about_json(comment)
    if comment.about == About.RUN and comment.run_id not in inside:
        about["run"] = None
    if comment.about == About.COMPARISON and comment.comparison_id not in comparisons:
        about["comparison"] = None
    return {
        "ref": str(comment.pk),
        "parent": comment.parent_id and str(comment.parent_id),
        "author": comment.author and name_of(comment.author),
        "text": "" if is_gone else comment.text,
        "about": about,
        "mentions": [] if is_gone else [name_of(each.user) for each in comment.mentions.all()],
        "reactions": [] if is_gone else _reactions(comment),
        "created_at": _moment(comment.created_at),
        "edited_at": _moment(comment.edited_at),
        "resolved_at": _moment(comment.resolved_at),
        "resolved_by": comment.resolved_by and name_of(comment.resolved_by),
        "deleted_at": _moment(comment.deleted_at),
    }


def _reactions(comment: Comment) -> list[dict[str, str]]:
    """Names are no ids: of two people who are called the same, one reaction of a kind is kept."""
    given = {(name_of(each.user), each.name): None for each in comment.reactions.all()}
    return [{"user": user, "name": name} for user, name in given]


def _run(run: Run, comparisons: set[uuid.UUID], inside: set[uuid.UUID]) -> dict[str, Any]:
    in_cell = run.comparison_id in comparisons
    return {
        "ref": str(run.pk),
        "version": run.version and run.version.number,
        "user": name_of(run.user),
        "comparison": str(run.comparison_id) if in_cell else None,
        "branch_of": str(run.branch_of_id) if run.branch_of_id in inside else None,
        "again_of": str(run.again_of_id) if run.again_of_id in inside else None,
        **{name: getattr(run, name) for name in PLAIN_FIELDS},
        **{name: _moment(getattr(run, name)) for name in MOMENTS},
    }


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


# JSON Lines, for fine-tuning


def examples_jsonl(experiment: Experiment) -> Iterator[str]:
    """One line for each example of the draft that is on."""
    spec = PromptSpec.model_validate(experiment.draft)
    for example in spec.examples:
        if example.on:
            yield _line(_pair(_alone(spec, example), example.output))


def runs_jsonl(runs: QuerySet[Run]) -> Iterator[str]:
    """One line for each answer that came to its end."""
    for run in chunks(runs.exclude(text="").filter(status="succeeded").only("experiment", "spec", "text")):
        spec = PromptSpec.model_validate(run.spec)
        yield _line(_pair(spec, run.text))


def preferences_jsonl(comparison: Comparison) -> Iterator[str]:
    """Votes as pairs in the form that TRL trains on; one that prefers neither answer gives no line."""
    votes = decided(comparison).select_related("run", "against").defer("run__tokens", "against__tokens")
    for vote in chunks(votes):
        pair = [vote.run, vote.against] if vote.choice == Choice.BETTER else [vote.against, vote.run]
        spec = PromptSpec.model_validate(vote.run.spec)
        chosen, rejected = (_said(spec, run.text) for run in pair)
        yield _line({"prompt": _prompt(spec), "chosen": chosen, "rejected": rejected})


def decided(comparison: Comparison) -> QuerySet[Vote]:
    return Vote.objects.filter(comparison=comparison, choice__in=[Choice.BETTER, Choice.WORSE])


def _alone(spec: PromptSpec, example: Example) -> PromptSpec:
    """The prompt that asks for ``example`` without showing any."""
    return spec.model_copy(update={"examples": [], "input": example.values})


def _prompt(spec: PromptSpec) -> Any:
    parts = parts_of(spec)
    return rendering.conversation(parts) if spec.layout == Layout.CHAT else rendering.plain_text(parts)


def _said(spec: PromptSpec, text: str) -> Any:
    return [{"role": "assistant", "content": text}] if spec.layout == Layout.CHAT else text


def _pair(spec: PromptSpec, text: str) -> dict[str, Any]:
    if spec.layout == Layout.CHAT:
        return {"messages": [*_prompt(spec), *_said(spec, text)]}
    # In the plain layout a space stands between the colon and the answer.
    return {"prompt": _prompt(spec), "completion": text if text[:1].isspace() else f" {text}"}


def _line(record: dict[str, Any]) -> str:
    return f"{json.dumps(record, ensure_ascii=False)}\n"


# CSV, for spreadsheets


def examples_csv(experiment: Experiment) -> Iterator[str]:
    spec = PromptSpec.model_validate(experiment.draft)
    yield from _csv([*spec.fields, spec.output_name, "on"])
    for example in spec.examples:
        yield from _csv(
            [*(example.values.get(name, "") for name in spec.fields), example.output, example.on], ""
        )


RUN_COLUMNS = [
    "run", "queued_at", "user", "status", "model", "version", "comparison", "column", "row", "sample",
    "answer", "error", "prompt", "prompt_tokens", "cached_tokens", "completion_tokens", "logprob_sum",
    "mode", "seed", "mean_mark", "votes_better", "votes_worse",
]  # fmt: skip


def runs_csv(runs: QuerySet[Run], fields: list[str]) -> Iterator[str]:
    """One line for each run; ``fields`` are the fields of the input that get a column."""
    yield from _csv([*RUN_COLUMNS, *(f"input: {name}" for name in fields)])
    shown = runs.select_related("user", "version", "comparison").defer("tokens", "prompt_ids", "begun")
    page: list[Run] = []
    for run in chunks(shown):
        page.append(run)
        if len(page) == CHUNK:
            yield from _runs_page(page, fields)
            page = []
    yield from _runs_page(page, fields)


def _runs_page(page: list[Run], fields: list[str]) -> Iterator[str]:
    judged = _judgements([run.pk for run in page])
    for run in page:
        acting = run.settings
        cells = [
            str(run.pk), run.queued_at.isoformat(), name_of(run.user), run.status, run.model,
            run.version and run.version.number, run.comparison and run.comparison.title, run.column, run.row,
            run.sample, run.text, run.error_message, run.prompt_text, run.prompt_tokens, run.cached_tokens,
            run.completion_tokens, run.logprob_sum, acting.get("mode"), acting.get("seed"),
            *judged.get(run.pk, ("", 0, 0)),
        ]  # fmt: skip
        given = run.spec.get("input", {})
        yield from _csv([*cells, *(given.get(name, "") for name in fields)], "")


def _judgements(ids: list[uuid.UUID]) -> dict[uuid.UUID, tuple[Any, int, int]]:
    """Of each run: the mean of its marks, and how often it was the better and the worse one."""
    marks: dict[uuid.UUID, list[int]] = {}
    for pk, mark in Rating.objects.filter(run__in=ids).exclude(mark=None).values_list("run", "mark"):
        marks.setdefault(pk, []).append(mark or 0)
    wins: dict[uuid.UUID, list[int]] = {}
    about = Vote.objects.filter(Q(run__in=ids) | Q(against__in=ids), choice__in=[Choice.BETTER, Choice.WORSE])
    for run, against, choice in about.values_list("run", "against", "choice"):
        better, worse = (run, against) if choice == Choice.BETTER else (against, run)
        wins.setdefault(better, [0, 0])[0] += 1
        wins.setdefault(worse, [0, 0])[1] += 1
    return {
        pk: (
            round(sum(marks[pk]) / len(marks[pk]), 2) if pk in marks else "",
            *(wins.get(pk, [0, 0])),  # type: ignore[misc]
        )
        for pk in marks.keys() | wins.keys()
    }


def _csv(cells: list[Any], before: str = BOM) -> Iterator[str]:
    """One line as RFC 4180 has it, each text made inert; ``before`` stands in front of it."""
    line = io.StringIO()
    csv.writer(line).writerow([inert(cell) for cell in cells])
    yield before + line.getvalue()


def inert(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell
