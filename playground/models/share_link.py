"""ShareLink: an unguessable, scoped, expiring, revocable link to one thing, for people without an account."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q

from playground.models.comparison import Comparison
from playground.models.experiment import Experiment, Version
from playground.models.ids import new_id
from playground.models.packed import PackedJSONField
from playground.models.run import Run
from playground.models.team import Team

TARGETS = ("experiment", "version", "run", "comparison")


class ShareLink(models.Model):
    """Grants reading of exactly its one target.

    With ``snapshot`` it shows what that was when the link was made; without, what it is now. Only the
    hash of its secret is stored, and ``passphrase_hash`` as passwords are (empty: none is asked for).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="share_links")
    experiment = models.ForeignKey(
        Experiment, null=True, on_delete=models.CASCADE, related_name="share_links"
    )
    version = models.ForeignKey(Version, null=True, on_delete=models.CASCADE, related_name="share_links")
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="share_links")
    comparison = models.ForeignKey(
        Comparison, null=True, on_delete=models.CASCADE, related_name="share_links"
    )
    title = models.CharField(max_length=120)
    secret_hash = models.CharField(max_length=64, unique=True)
    snapshot = PackedJSONField(null=True)
    passphrase_hash = models.CharField(max_length=128, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    views = models.PositiveIntegerField(default=0)
    last_viewed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="one_target_per_link",
                condition=Q(
                    *(Q(**{f"{name}__isnull": name != target for name in TARGETS}) for target in TARGETS),
                    _connector=Q.OR,
                ),
            )
        ]
        indexes = [models.Index(fields=["team", "-created_at"])]

    def __str__(self) -> str:
        return f"link to {self.title}"
