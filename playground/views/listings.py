"""Which experiments a list shows, and what their rows say."""

import uuid
from collections.abc import Iterable
from itertools import groupby
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db.models import Count, Prefetch, QuerySet, prefetch_related_objects
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone
from pydantic import AfterValidator, Field

from playground.access import experiments_of
from playground.limits import LIMITS
from playground.models import Experiment, Mention, Run, Tag
from playground.specs import Strict, checked, clean, shot_label


class Listing(Strict):
    """The query of the list page, checked. No ``team`` means all teams, ``tag`` a name in any case."""

    team: uuid.UUID | None = None
    q: Annotated[str, Field(max_length=200), AfterValidator(clean)] = ""
    tag: Annotated[str, Field(max_length=LIMITS.tag_chars), AfterValidator(clean)] = ""
    starred: Literal["", "1"] = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """What the address asks for; raises Refusal. Words that are none of ours are not read."""
        known = {key: value for key in cls.model_fields if (value := request.GET.get(key))}
        return checked(cls, known)

    @property
    def query(self) -> str:
        """The same as the query of an address."""
        return urlencode(self.model_dump(mode="json", exclude_defaults=True))

    @property
    def is_narrowed(self) -> bool:
        return bool(self.tag or self.starred)

    @property
    def without_tag(self) -> str:
        return self.model_copy(update={"tag": ""}).query

    @property
    def starred_or_all(self) -> str:
        """The query of the button that turns the starred ones on or off."""
        return self.model_copy(update={"starred": "" if self.starred else "1"}).query

    @property
    def before_tag(self) -> str:
        """The query of another tag, without its name: it goes on with it."""
        rest = self.without_tag
        return f"{rest}&tag=" if rest else "tag="


def listed(user: User, wanted: Listing) -> QuerySet[Experiment]:
    """The experiments that ``wanted`` asks for, newest first."""
    rows = experiments_of(user)
    if wanted.team:
        rows = rows.filter(team=wanted.team)
    if wanted.tag:
        with_tag = Experiment.tags.through.objects.filter(tag__name__iexact=wanted.tag)
        rows = rows.filter(pk__in=with_tag.values("experiment"))
    return rows.filter(starred_by=user) if wanted.starred else rows


def rows_of(user: User, page: Iterable[uuid.UUID]) -> list[Experiment]:
    """The experiments of a page of ids, newest first, each with what its row shows.

    Drafts are long: the database sorts ids alone, and reads rows for one page only.
    """
    ids = list(page)
    shown = experiments_of(user).select_related("team").filter(pk__in=ids)
    runs = Run.objects.filter(experiment__in=ids, deleted_at=None)
    counts = dict(runs.order_by().values_list("experiment").annotate(Count("pk")))
    starred = set(user.starred_experiments.filter(pk__in=ids).values_list("pk", flat=True))
    unseen = Mention.objects.unseen_by(user).filter(comment__experiment__in=ids).order_by()
    calls = dict(unseen.values_list("comment__experiment").annotate(Count("pk")))
    return [row_of(one, counts.get(one.pk, 0), calls.get(one.pk, 0), one.pk in starred) for one in shown]


def with_tags(rows: list[Experiment]) -> list[Experiment]:
    prefetch_related_objects(rows, Prefetch("tags", Tag.objects.order_by(Lower("name"))))
    return rows


def row_of(experiment: Experiment, runs: int, calls: int, starred: bool) -> Experiment:
    row: Any = experiment
    row.run_count, row.calls, row.starred = runs, calls, starred
    on = sum(1 for example in experiment.draft.get("examples", []) if example.get("on"))
    shots = experiment.draft.get("shots")
    row.shot_label = shot_label(on if shots is None else min(on, shots))
    return experiment


def by_age(experiments: list[Any]) -> list[tuple[str, list[Any]]]:
    """Experiments, newest first, under the headings of the rail; those with a star come first."""
    now = timezone.now()

    def heading(experiment: Any) -> str:
        days = (now - experiment.updated_at).days
        if experiment.starred:
            return "Starred"
        return "Today" if days < 1 else "This week" if days < 7 else "Earlier"

    ordered = sorted(experiments, key=lambda experiment: not experiment.starred)
    return [(label, list(group)) for label, group in groupby(ordered, key=heading)]
