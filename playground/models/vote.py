"""What people think of answers: Vote judges one answer against another, Rating one alone."""

from django.contrib.auth.models import User
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from playground.models.comparison import Comparison
from playground.models.ids import new_id
from playground.models.run import Run


class Choice(models.TextChoices):
    """Of ``run`` against ``against``."""

    BETTER = "better"
    WORSE = "worse"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class Vote(models.Model):
    """One person's choice between two answers to the same input; ``blind`` when the columns were hidden."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="votes")
    row = models.CharField(max_length=40)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="votes")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="votes")
    against = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="votes_against")
    choice = models.CharField(max_length=10, choices=Choice)
    blind = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "run", "against"], name="one_vote_per_pair"),
        ]
        indexes = [models.Index(fields=["comparison", "row"])]

    def __str__(self) -> str:
        return f"{self.user}: {self.choice}"


class Rating(models.Model):
    """One person's mark and words for one answer; either may be missing."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="ratings")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="ratings")
    mark = models.PositiveSmallIntegerField(
        null=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    comment = models.CharField(max_length=2000, blank=True)
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "run"], name="one_rating_per_answer")]

    def __str__(self) -> str:
        return f"{self.user}: {self.mark}"
