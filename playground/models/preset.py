"""Preset: generation settings that a team has given a name."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Lower

from playground.models.ids import new_id
from playground.models.team import Team


class Preset(models.Model):
    """``settings`` is a Settings as JSON; rows of an earlier version may lack some of them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="presets")
    name = models.CharField(max_length=40)
    settings = models.JSONField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint("team", Lower("name"), name="one_preset_per_name")]

    def __str__(self) -> str:
        return self.name
