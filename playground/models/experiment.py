"""Experiment and Version: the draft people edit, and the immutable specs that runs point to."""

from django.contrib.auth.models import User
from django.db import models

from playground.models.ids import new_id
from playground.models.tag import Tag
from playground.models.team import Team


class Experiment(models.Model):
    """A saved piece of prompt work.

    ``draft`` is a PromptSpec as JSON. ``draft_version`` counts its saves: a writer names the
    number it has seen, so an old tab cannot overwrite a newer draft. ``inputs`` are test inputs,
    each a map from field to text; they are saved with the draft and are no part of any prompt.
    One with ``deleted_at`` is nowhere to be seen; until the keeper removes it, the deletion can be undone.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="experiments")
    title = models.CharField(max_length=120)
    scope = models.CharField(max_length=500, blank=True)
    draft = models.JSONField()
    inputs = models.JSONField(default=list)
    draft_version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now_add=True)
    edited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")  # last
    forked_from = models.ForeignKey("Version", null=True, on_delete=models.SET_NULL, related_name="forks")
    tags = models.ManyToManyField(Tag, related_name="experiments", blank=True)
    starred_by = models.ManyToManyField(User, related_name="starred_experiments", blank=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["team", "-updated_at"]),
            models.Index(
                fields=["team", "-updated_at", "id"],
                condition=models.Q(deleted_at=None),
                name="experiments_shown",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def hold(self, team: Team) -> bool:
        """Keeps it in ``team`` and undeleted until the transaction ends; False if it is not so any more."""
        rows = type(self).objects.select_for_update(no_key=True)
        return rows.filter(pk=self.pk, team=team, deleted_at=None).only("pk").first() is not None


class Version(models.Model):
    """An immutable numbered PromptSpec of one experiment, found again by its content hash.

    A run uses the newest version that holds its content. ``saved_at`` is set on those that somebody
    saved by hand; only they carry a label and a message. A restored one holds what an earlier one held.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    content_hash = models.CharField(max_length=64)
    label = models.CharField(max_length=80, blank=True)
    message = models.CharField(max_length=500, blank=True)
    saved_at = models.DateTimeField(null=True)
    restored_from = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["experiment", "number"], name="one_version_per_number"),
        ]
        indexes = [models.Index(fields=["experiment", "content_hash"])]

    def __str__(self) -> str:
        return f"v{self.number} of {self.experiment_id}"
