"""Tag: a word that a team puts on its experiments to find them again."""

from django.db import models
from django.db.models.functions import Lower

from playground.models.ids import new_id
from playground.models.team import Team


class Tag(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint("team", Lower("name"), name="one_tag_per_name")]

    def __str__(self) -> str:
        return self.name
