"""Comment: what somebody says about a run, an example, words of the prompt, or all of it.

A comment without ``parent`` begins a thread; the others answer it, on one level.
"""

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from playground.models.comparison import Comparison
from playground.models.experiment import Experiment
from playground.models.ids import new_id
from playground.models.run import Run


class About(models.TextChoices):
    EXPERIMENT = "experiment"
    COMPARISON = "comparison"
    RUN = "run"
    EXAMPLE = "example"
    TEXT = "text"


class CommentQuerySet(models.QuerySet["Comment"]):
    def threads(self) -> "CommentQuerySet":
        """Those that begin a thread of which something is left to read."""
        answered = Comment.objects.filter(parent=models.OuterRef("pk"), deleted_at=None)
        left = models.Q(deleted_at=None) | models.Exists(answered)
        return self.filter(left, parent=None)


class Comment(models.Model):
    """``place`` is the id of an example, or the path of a text with the ``quote`` from it (see anchors.py).

    ``run`` and ``comparison`` say where it belongs; a run that is removed leaves its comments behind.
    One with ``deleted_at`` is not shown; until the keeper removes its text, the deletion can be undone.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="comments")
    comparison = models.ForeignKey(Comparison, null=True, on_delete=models.SET_NULL, related_name="comments")
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="comments")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="replies")
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="comments")
    text = models.CharField(max_length=2000)
    about = models.CharField(max_length=10, choices=About, default=About.EXPERIMENT)
    place = models.CharField(max_length=120, blank=True)
    quote = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    deleted_at = models.DateTimeField(null=True)

    objects = CommentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["experiment", "-id"], condition=models.Q(parent=None), name="comment_threads"
            ),
            models.Index(fields=["experiment", "-created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.author} on {self.about}"


class MentionQuerySet(models.QuerySet["Mention"]):
    def unseen_by(self, user: User) -> "MentionQuerySet":
        return self.filter(user=user, seen_at=None, comment__deleted_at=None)


class Mention(models.Model):
    """A member who is named in a comment; counted for them until they have seen it."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="mentions")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mentions")
    seen_at = models.DateTimeField(null=True)

    objects = MentionQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["comment", "user"], name="one_mention_per_comment")]
        indexes = [
            models.Index(fields=["user"], condition=models.Q(seen_at=None), name="mentions_unseen"),
        ]

    def __str__(self) -> str:
        return f"@{self.user}"


class Feeling(models.TextChoices):
    """The emoji that a reaction can be; the page draws them (templates/comments/_templates.html)."""

    YES = "yes"
    NO = "no"
    SMILE = "smile"
    PARTY = "party"
    HEART = "heart"
    EYES = "eyes"


class Reaction(models.Model):
    """One person's emoji on a comment."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="reactions")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="reactions")
    name = models.CharField(max_length=10, choices=Feeling)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["comment", "user", "name"], name="one_reaction_per_emoji"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.name}"
