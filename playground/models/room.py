"""Room: the document in which people edit one experiment at the same time."""

from django.db import models

from playground.models.experiment import Experiment
from playground.models.ids import new_id


class Room(models.Model):
    """``state`` is a Yjs document (playground/documents.py); the experiment's draft is what it holds.

    The id names the document: one that has begun anew has another, and pages that still hold the earlier one
    merge into it what they have. Rows without anybody in the room go after a while; the draft stays.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    experiment = models.OneToOneField(Experiment, on_delete=models.CASCADE, related_name="room")
    state = models.BinaryField()
    saved_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"room of {self.experiment_id}"
