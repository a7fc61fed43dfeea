"""Threads as they are read: a page of them with everything in them, and what is marked beside the prompt."""

import uuid
from typing import Any, Literal

from django.contrib.auth.models import User
from django.db.models import Count, Prefetch, Q
from django.db.models.functions import Left, Lower
from django.urls import reverse

from playground.errors import NotFound
from playground.models import About, Comment, Comparison, Experiment, Feeling, Mention, Reaction, Run, Team
from playground.models.comment import CommentQuerySet
from playground.people import name_of
from playground.specs import Strict

PAGE = 25
PREVIEW = 160  # characters of an answer
PEOPLE = 500  # members that can be chosen from while typing


class Search(Strict):
    """Which threads; ``before`` is the last one that the reader has."""

    state: Literal["open", "resolved", "mine"] = "open"
    comparison: uuid.UUID | None = None
    before: uuid.UUID | None = None


def listed(experiment: Experiment, user: User, wanted: Search) -> dict[str, Any]:
    """A page of threads, the newest first. The first page has what stands beside the prompt, too:
    ``marks`` of all open threads, mentions that the user has not seen, and who can be mentioned."""
    rows = _chosen(experiment, user, wanted)
    found = list(_whole(rows).order_by("-pk")[: PAGE + 1])
    page = {"threads": [as_json(thread, user) for thread in found[:PAGE]], "more": len(found) > PAGE}
    return page if wanted.before else page | _beside(experiment, user, wanted)


def _chosen(experiment: Experiment, user: User, wanted: Search) -> CommentQuerySet:
    rows = _of(experiment, wanted)
    if wanted.before:
        rows = rows.filter(pk__lt=_known(experiment, wanted.before))
    if wanted.state == "mine":
        answered = Comment.objects.filter(author=user, deleted_at=None, experiment=experiment)
        named = Comment.objects.filter(mentions__user=user, deleted_at=None, experiment=experiment)
        inside = Q(pk__in=answered.values("parent")) | Q(pk__in=named.values("parent"))
        return rows.filter(Q(author=user) | Q(pk__in=named.values("pk")) | inside)
    return rows.filter(resolved_at__isnull=wanted.state == "open")


def _of(experiment: Experiment, wanted: Search) -> CommentQuerySet:
    rows = experiment.comments.threads()
    if wanted.comparison is None:
        return rows
    if not experiment.comparisons.filter(pk=wanted.comparison, deleted_at=None).exists():
        raise NotFound("comparison")
    return rows.filter(comparison=wanted.comparison)


def _known(experiment: Experiment, pk: uuid.UUID) -> uuid.UUID:
    if not experiment.comments.filter(pk=pk).exists():
        raise NotFound("thread")
    return pk


def _whole(rows: CommentQuerySet) -> CommentQuerySet:
    """``rows`` with all that as_json reads, in a fixed number of queries."""
    shown = [
        Prefetch("mentions", Mention.objects.select_related("user")),
        Prefetch("reactions", Reaction.objects.select_related("user")),
    ]
    replies = Comment.objects.filter(deleted_at=None).select_related("author").order_by("pk")
    runs = Run.objects.annotate(preview=Left("text", PREVIEW)).select_related("user")
    runs = runs.only("status", "queued_at", "deleted_at", "user__first_name", "user__username")
    comparisons = Comparison.objects.only("title", "deleted_at")
    return rows.select_related("author", "resolved_by").prefetch_related(
        *shown,
        Prefetch("replies", replies.prefetch_related(*shown)),
        Prefetch("run", runs),
        Prefetch("comparison", comparisons),
    )


def one(comment: Comment, user: User) -> dict[str, Any] | None:
    """The thread that a comment belongs to; None when nothing is left of it."""
    thread = _whole(Comment.objects.threads()).filter(pk=comment.parent_id or comment.pk).first()
    return as_json(thread, user) if thread else None


def as_json(thread: Comment, user: User) -> dict[str, Any]:
    return {
        "id": str(thread.pk),
        "about": about_json(thread) | _target(thread),
        "resolved": _resolved(thread),
        "comments": [_comment(each, user) for each in (thread, *thread.replies.all())],
    }


def _resolved(thread: Comment) -> dict[str, str] | None:
    if thread.resolved_at is None:
        return None
    return {"at": thread.resolved_at.isoformat(), "by": name_of(thread.resolved_by)}


def _comment(comment: Comment, user: User) -> dict[str, Any]:
    """A deleted one that others have answered keeps its place, without its words."""
    is_gone = comment.deleted_at is not None
    mentions = [] if is_gone else list(comment.mentions.all())
    return {
        "id": str(comment.pk),
        "user_id": comment.author_id,
        "user_name": name_of(comment.author),
        "text": "" if is_gone else comment.text,
        "deleted": is_gone,
        "created_at": comment.created_at.isoformat(),
        "edited": comment.edited_at is not None,
        "mentions": [person(each.user) for each in mentions],
        "unseen": any(each.user == user and each.seen_at is None for each in mentions),
        "reactions": [] if is_gone else _reactions(comment, user),
    }


def _reactions(comment: Comment, user: User) -> list[dict[str, Any]]:
    """Those that somebody gave, in the order in which they are offered."""
    given = list(comment.reactions.all())
    by_name = {name: [each.user for each in given if each.name == name] for name in Feeling.values}
    return [
        {"name": name, "users": [name_of(one) for one in users], "mine": user in users}
        for name, users in by_name.items()
        if users
    ]


def about_json(thread: Comment) -> dict[str, Any]:
    """The anchor as it was given, less what only a whole thread has room for."""
    about: dict[str, Any] = {"kind": thread.about}
    match thread.about:
        case About.RUN:
            about["run"] = thread.run_id and str(thread.run_id)
        case About.COMPARISON:
            about["comparison"] = thread.comparison_id and str(thread.comparison_id)
        case About.EXAMPLE:
            about["example"] = thread.place
        case About.TEXT:
            about |= {"path": thread.place, "quote": thread.quote}
    return about


def _target(thread: Comment) -> dict[str, Any]:
    """What is said of the run and the comparison of a thread; null for what is gone."""
    told: dict[str, Any] = {}
    run: Any = thread.run
    if thread.about == About.RUN and run is not None:
        told["answer"] = {
            "preview": run.preview,
            "user_name": name_of(run.user),
            "queued_at": run.queued_at.isoformat(),
            "deleted": run.deleted_at is not None,
        }
    if (comparison := thread.comparison) is not None:
        url = None if comparison.deleted_at else reverse("comparison", args=[comparison.pk])
        told["in"] = {"id": str(comparison.pk), "title": comparison.title, "url": url}
    return told


def _beside(experiment: Experiment, user: User, wanted: Search) -> dict[str, Any]:
    living = Count("replies", filter=Q(replies__deleted_at=None))
    opened: Any = _of(experiment, wanted).filter(resolved_at=None).annotate(living=living).order_by("pk")
    unseen = Mention.objects.unseen_by(user).filter(comment__experiment=experiment)
    return {
        "marks": [mark(thread, thread.living + (thread.deleted_at is None)) for thread in opened],
        "unseen": [
            {"comment": str(each.comment_id), "thread": str(each.comment.parent_id or each.comment_id)}
            for each in unseen.select_related("comment")
        ],
        "people": people(experiment.team),
    }


def mark(thread: Comment, comments: int) -> dict[str, Any]:
    return {"thread": str(thread.pk), "about": about_json(thread), "comments": comments}


def people(team: Team) -> list[dict[str, Any]]:
    members = team.members.filter(is_active=True).order_by(Lower("first_name"), "username")
    return [person(user) for user in members[:PEOPLE]]


def person(user: User) -> dict[str, Any]:
    return {"id": user.pk, "name": name_of(user)}
