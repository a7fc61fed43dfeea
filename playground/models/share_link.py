"""ShareLink: an unguessable, scoped, expiring, revocable link to one thing, for people without an account."""

from typing import Self

from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from playground.models.comparison import Comparison
from playground.models.experiment import Experiment, Version
from playground.models.ids import new_id
from playground.models.packed import PackedJSONField
from playground.models.run import Run
from playground.models.secrets import digest
from playground.models.team import Team

TARGETS = ("experiment", "version", "run", "comparison")
Target = Experiment | Version | Run | Comparison


def is_open() -> Q:
    """The condition that a link is neither revoked nor expired."""
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def open(self) -> Self:
        """Those that are neither revoked nor expired."""
        return self.filter(is_open())

    def by_secret(self, secret: str) -> "ShareLink | None":
        """The open link of ``secret`` with what it shows, unless that has been deleted."""
        links = self.open().filter(secret_hash=digest(secret))
        # Tokens and snapshots are large; what is asked for its passphrase first needs neither.
        link = links.select_related("team").defer("snapshot").first()
        return link if link is not None and link.target_is_kept else None


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

    objects = ShareLinkQuerySet.as_manager()

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

    @property
    def kind(self) -> str:
        return next(name for name in TARGETS if getattr(self, f"{name}_id") is not None)

    @property
    def target(self) -> Target:
        found: Target = getattr(self, self.kind)
        return found

    @property
    def target_is_kept(self) -> bool:
        """Whether neither the target nor the experiment around it was deleted."""
        target = self.target
        around = target if isinstance(target, Experiment) else target.experiment
        return getattr(target, "deleted_at", None) is None and (around is None or around.deleted_at is None)

    @property
    def state(self) -> str:
        """``revoked``, ``expired`` or ``open``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= timezone.now() else "open"

    def count_view(self) -> None:
        rows = type(self).objects.filter(pk=self.pk)
        rows.update(views=F("views") + 1, last_viewed_at=timezone.now())
