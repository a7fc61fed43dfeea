"""Comments: begin a thread, answer, edit, delete, settle, react. The server says who the author is."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from pydantic import AfterValidator, Field, StringConstraints

from playground.access import Verb, may
from playground.actions import audit, rooms
from playground.anchors import AboutAll, AboutExample, AboutText
from playground.errors import NotFound, Refusal
from playground.limits import LIMITS
from playground.models import About, Comment, Comparison, Experiment, Feeling, Mention, Reaction, Run, Team
from playground.people import name_of
from playground.specs import Strict, clean

Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LIMITS.comment_chars),
    AfterValidator(clean),
]


class AboutRun(Strict):
    kind: Literal["run"]
    run: uuid.UUID


class AboutComparison(Strict):
    kind: Literal["comparison"]
    comparison: uuid.UUID


Anchor = Annotated[
    AboutAll | AboutComparison | AboutRun | AboutExample | AboutText, Field(discriminator="kind")
]


class Words(Strict):
    """What somebody writes; ``mentions`` are ids of members whom the text names as ``@name``."""

    text: Text
    mentions: list[int] = Field(default=[], max_length=LIMITS.mentions)


class NewThread(Words):
    about: Anchor = AboutAll(kind="experiment")


class Resolution(Strict):
    resolved: bool


class Seen(Strict):
    """Comments in which the caller has read that they are mentioned."""

    comments: list[uuid.UUID] = Field(max_length=200)


@transaction.atomic
def begin(
    experiment: Experiment, author: User, wanted: NewThread, target: Run | Comparison | None = None
) -> Comment:
    """Begins a thread; ``target`` is the run or the comparison that ``wanted.about`` names.

    Raises Refusal 409 when the experiment has as many threads as it may, 404 for who is no member.
    """
    if experiment.comments.threads().count() >= LIMITS.threads:
        raise _full(f"This experiment has {LIMITS.threads} threads already; delete one first.")
    fields = _columns(wanted.about) | _belongs(experiment, target)
    return _stored(Comment(experiment=experiment, author=author, text=wanted.text, **fields), wanted)


def _columns(about: Any) -> dict[str, Any]:
    columns: dict[str, Any] = {"about": About(about.kind)}
    match about:
        case AboutExample():
            columns["place"] = about.example
        case AboutText():
            columns |= {"place": about.path, "quote": about.quote.model_dump()}
    return columns


def _belongs(experiment: Experiment, target: Run | Comparison | None) -> dict[str, Any]:
    if target is None:
        return {}
    if target.experiment_id != experiment.pk:
        raise NotFound(str(target._meta.verbose_name))
    if isinstance(target, Run):
        return {"run": target, "comparison_id": target.comparison_id}
    return {"comparison": target}


@transaction.atomic
def reply(comment: Comment, author: User, wanted: Words) -> Comment:
    """Answers the thread of ``comment``, which is open again by that."""
    thread = comment.parent or comment
    if thread.replies.filter(deleted_at=None).count() >= LIMITS.replies:
        raise _full(f"This thread has {LIMITS.replies} replies already; begin another one.")
    Comment.objects.filter(pk=thread.pk).update(resolved_at=None, resolved_by=None)
    made = Comment(experiment=comment.experiment, parent=thread, author=author, text=wanted.text)
    return _stored(made, wanted)


def _full(message: str) -> Refusal:
    return Refusal("too_many_comments", message, status=409)


def _stored(comment: Comment, words: Words) -> Comment:
    comment.save()
    _mention(comment, words)
    assert comment.author
    _tell(comment, comment.author)
    return comment


def _tell(comment: Comment, user: User) -> None:
    """Pages that are open fetch the thread, each with its own rights."""
    thread = str(comment.parent_id or comment.pk)
    rooms.tell(comment.experiment_id, "comment", thread=thread, comment=str(comment.pk), by=user.pk)


def _mention(comment: Comment, words: Words) -> None:
    """Makes the mentions those of ``words``; who was named before and has seen it is not told again."""
    named = {user.pk: user for user in _members(comment.experiment.team, words.mentions)}
    named = {pk: user for pk, user in named.items() if f"@{name_of(user)}" in words.text}
    comment.mentions.exclude(user__in=named).delete()
    known = set(comment.mentions.values_list("user", flat=True))
    now = timezone.now()
    Mention.objects.bulk_create(
        Mention(comment=comment, user=user, seen_at=now if pk == comment.author_id else None)
        for pk, user in named.items()
        if pk not in known
    )


def _members(team: Team, ids: list[int]) -> list[User]:
    found = list(team.members.filter(pk__in=ids))
    if len(found) != len(set(ids)):
        raise NotFound("member")
    return found


@transaction.atomic
def edit(comment: Comment, user: User, words: Words) -> None:
    """Changes the words of one's own comment; nobody puts words into the mouth of another."""
    if comment.author_id != user.pk:
        raise _not_yours("Only who wrote a comment may edit it.")
    if comment.text != words.text:
        Comment.objects.filter(pk=comment.pk).update(text=words.text, edited_at=timezone.now())
    _mention(comment, words)
    _tell(comment, user)


def _not_yours(message: str) -> Refusal:
    return Refusal("forbidden", message, status=403)


def delete(comment: Comment, user: User) -> None:
    """Hides one's own comment, or as an owner of the team anybody's. Repeating it is harmless."""
    _hide(comment, user, timezone.now(), "deleted")


def restore(comment: Comment, user: User) -> None:
    """Undoes a deletion; what is there already stays as it is."""
    _hide(comment, user, None, "restored")


@transaction.atomic
def _hide(comment: Comment, user: User, deleted_at: datetime | None, what: str) -> None:
    team = comment.experiment.team
    if comment.author_id != user.pk and not may(user, team.pk, Verb.MANAGE):
        raise _not_yours("Only who wrote a comment and owners of the team may delete it.")
    rows = Comment.objects.filter(pk=comment.pk, deleted_at__isnull=deleted_at is not None)
    if rows.update(deleted_at=deleted_at) and comment.author_id != user.pk:
        author, title = name_of(comment.author), comment.experiment.title
        audit.record(team, user, f"comment_{what}", author=author, title=title)
    _tell(comment, user)


def resolve(comment: Comment, user: User, wanted: Resolution) -> None:
    """Settles the thread of ``comment`` or opens it again: who began it may, and who may edit."""
    thread = comment.parent or comment
    if thread.author_id != user.pk and not may(user, comment.experiment.team_id, Verb.EDIT):
        raise _not_yours("Only who began a thread and editors may resolve it.")
    rows = Comment.objects.filter(pk=thread.pk, resolved_at__isnull=wanted.resolved)
    now = timezone.now() if wanted.resolved else None
    rows.update(resolved_at=now, resolved_by=user if wanted.resolved else None)
    _tell(comment, user)


def react(comment: Comment, user: User, name: str, *, on: bool) -> None:
    """Puts the user's own emoji on a comment or takes it off; raises NotFound for one that is not offered."""
    if name not in Feeling.values:
        raise NotFound("reaction")
    if on:
        Reaction.objects.get_or_create(comment=comment, user=user, name=name)
    else:
        Reaction.objects.filter(comment=comment, user=user, name=name).delete()
    _tell(comment, user)


def see(experiment: Experiment, user: User, seen: Seen) -> None:
    """Stops counting mentions of the user; raises NotFound for comments of elsewhere."""
    if experiment.comments.filter(pk__in=seen.comments).count() != len(set(seen.comments)):
        raise NotFound("comment")
    unseen = Mention.objects.filter(user=user, comment__in=seen.comments, seen_at=None)
    unseen.update(seen_at=timezone.now())
