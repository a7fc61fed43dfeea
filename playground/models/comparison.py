"""Comparison: variants of a prompt side by side. A cell is column x row and holds runs."""

from django.contrib.auth.models import User
from django.db import models

from playground.models.experiment import Experiment
from playground.models.ids import new_id

KEY = 40  # characters of the key of a column or a row


class Comparison(models.Model):
    """The draft of a comparison; its runs point back to the cell that they stand in.

    ``board`` is a Board (playground/boards.py) as JSON: columns, each with a PromptSpec of its own, rows
    of inputs, and what the columns share. ``draft_version`` counts its saves, as that of an experiment.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="comparisons")
    title = models.CharField(max_length=120)
    board = models.JSONField()
    draft_version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["experiment", "-updated_at"])]

    def __str__(self) -> str:
        return self.title
