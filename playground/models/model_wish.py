"""ModelWish: what somebody last asked for a model. A new ``asked_at`` is a new request."""

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone


class Wish(models.TextChoices):
    LOAD = "load"
    UNLOAD = "unload"


class ModelWish(models.Model):
    """One row for each model; hosts act when it changes, so an old wish is not obeyed twice."""

    model = models.CharField(primary_key=True, max_length=80)
    wanted = models.CharField(max_length=10, choices=Wish)
    asked_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.wanted} {self.model}"
