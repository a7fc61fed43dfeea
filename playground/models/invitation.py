"""Invitation: a link that makes whoever signs in with it a member of a team."""

from django.contrib.auth.models import User
from django.db import models

from playground.models.ids import new_id
from playground.models.team import Role, Team


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

    def __str__(self) -> str:
        return f"invitation to {self.team}"
