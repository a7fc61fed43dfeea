"""Files of an experiment, its history, a comparison and a team; and the page that offers them."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from playground.access import Verb, comparison_for, experiment_for, team_for
from playground.actions import audit
from playground.actions import exports as actions
from playground.errors import NotFound
from playground.models import Choice, Comparison
from playground.specs import checked
from playground.views import history
from playground.views.signed_in import signed_in, user_of

TYPES = {"json": "application/json", "jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
Pieces = Iterator[str]


@never_cache
@login_required
@require_GET
def page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    experiment = experiment_for(user_of(request), pk)
    decided = Q(votes__choice__in=[Choice.BETTER, Choice.WORSE])
    comparisons = experiment.comparisons.filter(deleted_at=None).order_by("-updated_at").defer("board")
    context = {
        "exported": experiment,
        "team": experiment.team,
        "runs": actions.runs_of(experiment).count(),
        "models": sorted(actions.runs_of(experiment).order_by().values_list("model", flat=True).distinct()),
        "outcomes": history.OUTCOMES,
        "comparisons": comparisons.annotate(
            decided=Count("votes", filter=decided), undecided=Count("votes", filter=~decided)
        ),
    }
    return render(request, "experiments/export.html", context)


@signed_in
@require_GET
def experiment(request: HttpRequest, pk: uuid.UUID, name: str) -> HttpResponse:
    """``name`` is that of a file; the history's take the same query as its list."""
    found = experiment_for(user_of(request), pk)
    makers: dict[str, Callable[[], Pieces]] = {
        "experiment.json": lambda: actions.experiment_json(found),
        "examples.jsonl": lambda: actions.examples_jsonl(found),
        "examples.csv": lambda: actions.examples_csv(found),
    }
    if name.startswith("history."):
        runs = history.chosen(found, checked(history.Search, request.GET.dict()))
        makers |= {
            "history.json": lambda: actions.experiment_json(found, runs),
            "history.jsonl": lambda: actions.runs_jsonl(runs),
            "history.csv": lambda: actions.runs_csv(runs, found.draft["fields"]),
        }
    return file(request, found.title, name, makers)


@signed_in
@require_GET
def comparison(request: HttpRequest, pk: uuid.UUID, name: str) -> HttpResponse:
    found = comparison_for(user_of(request), pk)
    runs = found.runs.filter(deleted_at=None)
    makers: dict[str, Callable[[], Pieces]] = {
        "comparison.json": lambda: actions.experiment_json(found.experiment, only=found),
        "answers.jsonl": lambda: actions.runs_jsonl(runs),
        "answers.csv": lambda: actions.runs_csv(runs, fields_of(found)),
        "preferences.jsonl": lambda: actions.preferences_jsonl(found),
    }
    return file(request, found.title, name, makers)


@signed_in
@require_GET
def team(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    found = team_for(user, pk, Verb.MANAGE)
    audit.record(found, user, "team_exported")
    return file(request, found.name, "team.json", {"team.json": lambda: actions.team_json(found)})


def fields_of(comparison: Comparison) -> list[str]:
    """The fields of all columns, each once."""
    return list(
        dict.fromkeys(name for column in comparison.board["columns"] for name in column["spec"]["fields"])
    )


def file(
    request: HttpRequest, title: str, name: str, makers: dict[str, Callable[[], Pieces]]
) -> HttpResponse:
    """The file called ``name`` as a download, made while it is sent; raises NotFound for another name."""
    if name not in makers:
        raise NotFound("file")
    pieces = makers[name]()
    # Under ASGI Django would collect a plain iterator into one list before the first byte is sent.
    body = in_thread(pieces) if isinstance(request, ASGIRequest) else pieces
    answer = StreamingHttpResponse(body, content_type=TYPES[name.rpartition(".")[2]])
    answer["Content-Disposition"] = f'attachment; filename="{slugify(title) or "fewshot"}-{name}"'
    answer["Cache-Control"] = "no-store"
    return answer  # type: ignore[return-value]  # a response to whoever sends it


async def in_thread(pieces: Pieces, size: int = 64 * 1024) -> AsyncIterator[str]:
    """The same text in larger pieces, each made in the thread of the request."""

    def some() -> str:
        taken, length = [], 0
        for piece in pieces:
            taken.append(piece)
            length += len(piece)
            if length >= size:
                break
        return "".join(taken)

    while text := await sync_to_async(some)():
        yield text
