"""API keys: made and revoked by the person whose they are, revoked by owners of the team, too."""

from datetime import timedelta
from typing import Annotated

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from pydantic import AfterValidator, Field, StringConstraints

from playground.actions import audit
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import ApiKey, Scope, Team
from playground.models.api_key import PREFIX, SHOWN, new_key
from playground.models.secrets import digest
from playground.people import name_of
from playground.specs import Strict, clean


class NewApiKey(Strict):
    """``days`` is how long it is good for; 0 means until it is revoked."""

    name: Annotated[
        str,
        AfterValidator(clean),
        AfterValidator(lambda name: " ".join(name.split())),
        StringConstraints(min_length=1, max_length=LIMITS.api_key_name_chars),
    ]
    scopes: Annotated[list[Scope], Field(min_length=1)] = [Scope.READ, Scope.RUN]
    days: int = Field(default=90, ge=0, le=LIMITS.api_key_days)


@transaction.atomic
def make(team: Team, user: User, wanted: NewApiKey) -> tuple[ApiKey, str]:
    """(the key's row, the key itself, which is never seen again). Raises Refusal 409 for one too many."""
    if team.api_keys.open().filter(user=user).count() >= LIMITS.api_keys:
        message = f"You have {LIMITS.api_keys} open API keys in this team; revoke one first."
        raise Refusal("too_many_api_keys", message, status=409)
    secret = new_key()
    key = team.api_keys.create(
        user=user,
        name=wanted.name,
        scopes=[scope for scope in Scope if scope in wanted.scopes],
        shown=secret[: len(PREFIX) + SHOWN],
        secret_hash=digest(secret),
        expires_at=timezone.now() + timedelta(days=wanted.days) if wanted.days else None,
    )
    about = {"name": key.name, "scopes": ", ".join(key.scopes)}
    if key.expires_at:
        audit.record(team, user, "api_key_made", **about, until=date_format(key.expires_at, "j F Y"))
    else:
        audit.record(team, user, "api_key_made_for_good", **about)
    return key, secret


@transaction.atomic
def revoke(key: ApiKey, actor: User | None) -> None:
    """Ends an open key; one that has ended stays as it is."""
    if ApiKey.objects.open().filter(pk=key.pk).update(revoked_at=timezone.now()):
        audit.record(key.team, actor, "api_key_revoked", name=key.name, member=name_of(key.user))
