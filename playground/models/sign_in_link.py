"""SignInLink: the one-time link that an operator's terminal prints."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from playground.models.secrets import digest, new_secret

LIFETIME = timedelta(hours=24)


class SignInLink(models.Model):
    """Signs ``user`` in once. Only the hash of its secret is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    secret_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"sign-in link of {self.user}"

    @classmethod
    def make(cls, user: User) -> str:
        """A new secret for ``user``; older unused ones end."""
        cls.objects.filter(user=user, used_at=None).delete()
        secret = new_secret()
        cls.objects.create(user=user, secret_hash=digest(secret), expires_at=timezone.now() + LIFETIME)
        return secret

    @classmethod
    def find(cls, secret: str) -> "SignInLink | None":
        """The unused link of this secret, or None."""
        links = cls.objects.select_related("user").filter(used_at=None, expires_at__gt=timezone.now())
        return links.filter(secret_hash=digest(secret)).first()

    def use(self) -> bool:
        """True for exactly one caller, however many try at once."""
        return type(self).objects.filter(pk=self.pk, used_at=None).update(used_at=timezone.now()) == 1
