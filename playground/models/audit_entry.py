"""AuditEntry: who changed what that matters, for the owners of a team. Rows are only ever added."""

from django.contrib.auth.models import User
from django.db import models

from playground.models.team import Team


class AuditEntry(models.Model):
    """``about`` says what was changed and how, in words that outlive the rows; no ``actor``: the system."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="audit")
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=40)
    about = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["team", "-id"])]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action}"
