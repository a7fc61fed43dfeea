"""Retention: what a team lets go by itself, and what that would be."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import Combinable
from django.utils import timezone
from pydantic import Field

from playground.actions import audit
from playground.actions.deletions import BATCH, remove_runs
from playground.actions.storage import TEXTS, TOKENS, total
from playground.models import Comment, Rating, Run, ShareLink, Team, Vote
from playground.models.run import LIVE
from playground.specs import Strict

CHOICES = (7, 30, 90, 180, 365)  # days that the page offers
PATIENCE = 2.0  # seconds of one round of the keeper
Days = Annotated[int, Field(ge=1, le=3650)] | None


class Policy(Strict):
    """Days after its end for which a run keeps its tokens, and for which it is kept; null is for ever."""

    tokens: Days = None
    runs: Days = None

    @property
    def words(self) -> str:
        return f"tokens {_days(self.tokens)}, runs {_days(self.runs)}"


@dataclass(frozen=True)
class Preview:
    """What a policy would let go if it acted now. A run that goes takes its tokens along."""

    token_runs: int
    token_bytes: int
    runs: int
    run_bytes: int


def _days(days: int | None) -> str:
    return "for ever" if days is None else "for a day" if days == 1 else f"for {days} days"


def of_team(team: Team) -> Policy:
    return Policy(tokens=team.keep_tokens_days, runs=team.keep_runs_days)


@transaction.atomic
def save(team: Team, user: User, policy: Policy) -> None:
    """Lets the keeper act on ``policy`` from its next round on."""
    if policy == of_team(team):
        return
    team.keep_tokens_days, team.keep_runs_days = policy.tokens, policy.runs
    team.save(update_fields=["keep_tokens_days", "keep_runs_days"])
    audit.record(team, user, "retention_changed", policy=policy.words)


def preview(team: Team, policy: Policy) -> Preview:
    going = too_old(team, policy.runs).aggregate(rows=Count("pk"), bytes=total(*TOKENS, *TEXTS))
    losing = tokens_too_old(team, policy.tokens).exclude(pk__in=too_old(team, policy.runs).values("pk"))
    tokens = losing.aggregate(rows=Count("pk"), bytes=total("tokens", "scores"))
    return Preview(tokens["rows"], tokens["bytes"], going["rows"], going["bytes"])


def too_old(team: Team, days: int | None) -> QuerySet[Run]:
    """Runs to remove: nobody judged, discussed, shared or starred them, and their version has no label."""
    return _ended_before(team, days).filter(
        ~Exists(Vote.objects.filter(run=OuterRef("pk"))),
        ~Exists(Vote.objects.filter(against=OuterRef("pk"))),
        ~Exists(Rating.objects.filter(run=OuterRef("pk"))),
        ~Exists(Comment.objects.filter(run=OuterRef("pk"), deleted_at=None)),
        ~Q(version__isnull=False, version__label__gt=""),
        Q(experiment=None) | Q(experiment__starred_by=None),
        *_not_shared(),
    )


def tokens_too_old(team: Team, days: int | None) -> QuerySet[Run]:
    """Runs whose tokens are let go; a shared one needs them to be played back."""
    return _ended_before(team, days).filter(*_not_shared(), tokens__isnull=False)


def _ended_before(team: Team, days: int | None) -> QuerySet[Run]:
    if days is None:
        return Run.objects.none()
    before = timezone.now() - timedelta(days=days)
    return Run.objects.filter(team=team, finished_at__lt=before).exclude(status__in=LIVE)


def _not_shared() -> list[Combinable]:
    links = ShareLink.objects.filter(revoked_at=None)
    return [
        ~Exists(links.filter(**{kind: OuterRef(column)}))
        for kind, column in (
            ("run", "pk"),
            ("version", "version"),
            ("comparison", "comparison"),
            ("experiment", "experiment"),
        )
    ]


def prune(patience: float = PATIENCE) -> None:
    """One round of the keeper over all teams with a policy, in small transactions and for a bounded time."""
    until = time.monotonic() + patience
    for team in Team.objects.exclude(keep_tokens_days=None, keep_runs_days=None):
        prune_team(team, until)


def prune_team(team: Team, until: float) -> None:
    policy = of_team(team)
    runs = tokens = 0
    while time.monotonic() < until:
        with transaction.atomic():
            removed = remove_runs(too_old(team, policy.runs))
            dropped = _drop_tokens(tokens_too_old(team, policy.tokens))
        runs, tokens = runs + removed, tokens + dropped
        if not removed and not dropped:
            break
    if runs or tokens:
        audit.record(team, None, "pruned", tokens=tokens, runs=runs)


def _drop_tokens(runs: QuerySet[Run]) -> int:
    batch = list(runs.order_by().values_list("pk", flat=True)[:BATCH])
    return Run.objects.filter(pk__in=batch).update(tokens=None, scores=None) if batch else 0
