"""SearchEntry: the words of one experiment or run, for full-text search."""

from django.db import models
from django.db.models import Q

from playground.models.experiment import Experiment
from playground.models.run import Run


class SearchEntry(models.Model):
    """``body`` holds title, scope and prompt of an experiment, or prompt and answer of one of its runs.

    A table of its own because SQLite's index follows an integer key, which a table with UUIDs has not
    got in a form that outlives VACUUM.
    """

    id = models.BigAutoField(primary_key=True)
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="search_entries")
    run = models.OneToOneField(Run, null=True, on_delete=models.CASCADE, related_name="search_entry")
    body = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(run=None), name="one_search_entry_per_experiment"
            )
        ]

    def __str__(self) -> str:
        return self.body[:40]
