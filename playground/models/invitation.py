"""Invitation: a link that makes whoever signs in with it a member of a team."""

from typing import Self

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from playground.models.ids import new_id
from playground.models.secrets import digest
from playground.models.team import Role, Team


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> Self:
        """Those that still admit somebody."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())

    def find(self, secret: str) -> "Invitation | None":
        """The invitation of this secret, whether it is open or has ended."""
        return self.select_related("team", "created_by").filter(secret_hash=digest(secret)).first()


class Invitation(models.Model):
    """Good for one person until ``expires_at``. Only the hash of its secret is stored.

    With ``email`` it was also sent there; the link, not the address, is what admits.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role)
    email = models.EmailField(blank=True)
    secret_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"invitation to {self.team}"

    @property
    def ending(self) -> str:
        """Why it admits nobody any more, as a sentence; empty while it is open."""
        if self.accepted_at:
            return "This invitation has been used."
        if self.revoked_at:
            return "This invitation was withdrawn."
        return "This invitation has expired." if self.expires_at <= timezone.now() else ""

    def use(self, user: User) -> bool:
        """True for exactly one caller, and only while it is open."""
        rows = type(self).objects.open().filter(pk=self.pk)
        return rows.update(accepted_by=user, accepted_at=timezone.now()) == 1
