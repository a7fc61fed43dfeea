"""PublishedPrompt: a version that programs run by a name; Publication: what has had it, and since when."""

from typing import Self

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from playground.models.experiment import Version
from playground.models.ids import new_id
from playground.models.team import Team

PREFIX = "prompt:"  # of an address, where programs have the name of a model


class PublishedPromptQuerySet(models.QuerySet["PublishedPrompt"]):
    def open(self) -> Self:
        """Those that answer; none does while its experiment is deleted."""
        return self.filter(version__isnull=False, version__experiment__deleted_at=None)

    def called(self, address: str) -> Self:
        team, _, name = address.removeprefix(PREFIX).partition("/")
        return self.filter(team__slug=team, name=name)


class PublishedPrompt(models.Model):
    """One row for each name in a team, which stays when nothing is published under it any more.

    Programs read the row with its version in one query, so each has one version as a whole.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="published_prompts")
    name = models.CharField(max_length=60)
    version = models.ForeignKey(Version, null=True, on_delete=models.SET_NULL, related_name="published_as")
    published_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    published_at = models.DateTimeField(default=timezone.now)

    objects = PublishedPromptQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_published_prompt_per_name")]

    def __str__(self) -> str:
        return self.address

    @property
    def address(self) -> str:
        """What programs send as the model."""
        return f"{PREFIX}{self.team.slug}/{self.name}"

    @property
    def is_open(self) -> bool:
        return self.version is not None and self.version.experiment.deleted_at is None

    def put(self, version: Version | None, user: User | None) -> None:
        """From now on the name means ``version``; with None, nothing."""
        now = timezone.now()
        self.publications.create(version=version, by=user, at=now)
        self.version, self.published_by, self.published_at = version, user, now
        self.save(update_fields=["version", "published_by", "published_at"])


class Publication(models.Model):
    """An entry of a prompt's history; without a version it was ended, or its experiment is gone."""

    prompt = models.ForeignKey(PublishedPrompt, on_delete=models.CASCADE, related_name="publications")
    version = models.ForeignKey(Version, null=True, on_delete=models.SET_NULL, related_name="+")
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.prompt_id} at {self.at}"
