"""ApiKey: a credential for programs, of one person in one team."""

from datetime import timedelta
from typing import Self

from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from playground.models.ids import new_id
from playground.models.secrets import new_secret
from playground.models.team import Team

PREFIX = "fs-"  # what a leaked key is found by, in logs and repositories
SHOWN = 8  # characters that lists show
USE_NOTED_EVERY = timedelta(minutes=1)


class Scope(models.TextChoices):
    READ = "read"  # looks at what the team has
    RUN = "run"  # asks models
    WRITE = "write"  # changes what the team has


def new_key() -> str:
    """256 random bits behind the prefix."""
    return PREFIX + new_secret()


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def open(self) -> Self:
        """Those that are neither revoked nor expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None)

    def in_force(self) -> Self:
        """Open ones whose user is still there and a member of the team, with the ``role`` they have."""
        members = self.open().filter(user__is_active=True, user__memberships__team=F("team"))
        return members.annotate(role=F("user__memberships__role"))


class ApiKey(models.Model):
    """May do what its scopes say, and never more than its user may in the team. Only its hash is stored."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="api_keys")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    shown = models.CharField(max_length=len(PREFIX) + SHOWN)  # its first characters, to tell keys apart
    secret_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)  # None: until it is revoked
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ApiKeyQuerySet.as_manager()
    role: str  # of its user in the team; only rows that ``in_force`` gave have it

    def __str__(self) -> str:
        return f"API key {self.name} of {self.user}"

    @property
    def ending(self) -> str:
        """Why it opens nothing any more, as a sentence; empty while it is open."""
        if self.revoked_at:
            return "This API key was revoked."
        if self.expires_at and self.expires_at <= timezone.now():
            return "This API key has expired."
        return ""

    def note_use(self) -> None:
        """Writes when it was used, at most once a minute: a busy program would write with every request."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > USE_NOTED_EVERY:
            type(self).objects.filter(pk=self.pk).update(last_used_at=now)
