"""Votes and ratings: what people think of answers. Everybody changes only their own."""

import uuid
from typing import Annotated, Any

from django.contrib.auth.models import User
from django.db import transaction
from pydantic import AfterValidator, Field

from playground.errors import NotFound, Refusal
from playground.limits import LIMITS
from playground.models import Choice, Comparison, Rating, Run, Vote
from playground.people import name_of
from playground.specs import Strict, clean

OPPOSITE = {Choice.BETTER: Choice.WORSE, Choice.WORSE: Choice.BETTER}


class Ballot(Strict):
    """``choice`` is about ``run``, seen against ``against``; null takes the vote back."""

    run: uuid.UUID
    against: uuid.UUID
    choice: Choice | None


class Opinion(Strict):
    """Of one answer. Without mark and comment it is taken back."""

    mark: int | None = Field(default=None, ge=1, le=5)
    comment: Annotated[str, Field(max_length=LIMITS.comment_chars), AfterValidator(clean)] = ""


def cast(
    comparison: Comparison, user: User, run: Run, against: Run, choice: Choice | None, *, blind: bool = False
) -> Vote | None:
    """Stores the user's vote on two answers of one row, in place of an earlier one on them.

    Raises NotFound for a run of another comparison, Refusal ``not_a_pair`` for two that do not answer the
    same row, and 409 ``run_is_live`` while one of them is being written.
    """
    _refuse_no_pair(comparison, run, against)
    with transaction.atomic():
        # One vote on two answers, whichever was named first.
        Vote.objects.filter(user=user, run=against, against=run).delete()
        if choice is None:
            Vote.objects.filter(user=user, run=run, against=against).delete()
            return None
        values = {"comparison": comparison, "row": run.row, "choice": choice, "blind": blind}
        return Vote.objects.update_or_create(user=user, run=run, against=against, defaults=values)[0]


def _refuse_no_pair(comparison: Comparison, run: Run, against: Run) -> None:
    if not run.comparison_id == against.comparison_id == comparison.pk:
        raise NotFound("run")
    if run.row != against.row or run == against:
        raise Refusal("not_a_pair", "A vote needs two answers to the same row.")
    if run.is_live or against.is_live:
        message = "One of these answers is still being written. Vote when both have ended."
        raise Refusal("run_is_live", message, status=409)


def rate(run: Run, user: User, opinion: Opinion) -> Rating | None:
    """Stores the user's mark and words on an answer; raises 409 ``run_is_live`` while it is written."""
    if run.is_live:
        message = "This answer is still being written. Rate it when it has ended."
        raise Refusal("run_is_live", message, status=409)
    if opinion.mark is None and not opinion.comment.strip():
        Rating.objects.filter(user=user, run=run).delete()
        return None
    return Rating.objects.update_or_create(user=user, run=run, defaults=opinion.model_dump())[0]


def listed(comparison: Comparison) -> dict[str, list[dict[str, Any]]]:
    """All votes and ratings of a comparison, oldest first."""
    votes = comparison.votes.select_related("user").order_by("created_at", "pk")
    ratings = Rating.objects.filter(run__comparison=comparison).select_related("user")
    return {
        "votes": [vote_as_json(vote) for vote in votes],
        "ratings": [rating_as_json(rating) for rating in ratings.order_by("created_at", "pk")],
    }


def vote_as_json(vote: Vote) -> dict[str, Any]:
    return {
        "run": str(vote.run_id),
        "against": str(vote.against_id),
        "row": vote.row,
        "choice": vote.choice,
        "blind": vote.blind,
        **_voter(vote.user),
    }


def rating_as_json(rating: Rating) -> dict[str, Any]:
    return {
        "run": str(rating.run_id),
        "mark": rating.mark,
        "comment": rating.comment,
        **_voter(rating.user),
    }


def _voter(user: User) -> dict[str, Any]:
    return {"user_id": user.pk, "user_name": name_of(user)}
