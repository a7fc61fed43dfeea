"""Team, Membership and role: who may see and do what."""

from django.contrib.auth.models import User
from django.db import models

from playground.models.ids import new_id


class Role(models.TextChoices):
    VIEWER = "viewer"  # reads
    EDITOR = "editor"  # also runs and writes
    OWNER = "owner"  # also manages people

    def is_above(self, other: "Role") -> bool:
        order = list(Role)
        return order.index(self) > order.index(other)


class Team(models.Model):
    """Everything belongs to a team; a personal team keeps its first owner.

    The retention policy: of runs that ended so many days ago the tokens, or the whole run, are let go;
    null keeps them. Runs that a version label, a vote or a share link needs stay.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=80)
    # In the addresses of published prompts: made with the first of them, and kept when the name changes.
    slug = models.CharField(max_length=40, null=True, blank=True, unique=True)
    personal_of = models.OneToOneField(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="personal_team"
    )
    members = models.ManyToManyField(User, through="Membership", related_name="teams")
    keep_tokens_days = models.PositiveIntegerField(null=True)
    keep_runs_days = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.team}"
