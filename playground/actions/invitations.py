"""Invitations: made by owners, accepted with the link, sent by e-mail where that is configured."""

import logging
from datetime import timedelta
from smtplib import SMTPException
from typing import Annotated

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import date_format
from pydantic import AfterValidator, Field

from playground.actions import audit
from playground.actions.teams import make_personal_team, username_of
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Invitation, Membership, Role, Team
from playground.models.secrets import digest, new_secret
from playground.people import name_of
from playground.specs import Strict

log = logging.getLogger(__name__)


def is_address(text: str) -> str:
    try:
        if text:
            validate_email(text)
    except ValidationError:
        raise ValueError("is not an e-mail address") from None
    return text


class NewInvitation(Strict):
    """``email`` is where the link is sent; without one it is only shown."""

    role: Role = Role.EDITOR
    days: int = Field(default=7, ge=1, le=LIMITS.invitation_days)
    email: Annotated[str, Field(max_length=254), AfterValidator(is_address)] = ""


def make(team: Team, actor: User, wanted: NewInvitation) -> tuple[Invitation, str]:
    """(the invitation, its secret, which is never seen again); ``team`` as access.team_to_change gives it.

    Raises Refusal: 409 when the team has too many open ones, 422 for an address without a mail server.
    """
    if wanted.email and not settings.EMAIL_URL:
        message = "This instance sends no e-mail; leave the address empty and pass the link on yourself."
        raise Refusal("no_mail", message, field="email")
    if team.invitations.open().count() >= LIMITS.open_invitations:
        message = f"This team has {LIMITS.open_invitations} open invitations; revoke one first."
        raise Refusal("too_many_invitations", message, status=409)
    secret = new_secret()
    invitation = team.invitations.create(
        role=wanted.role,
        email=wanted.email,
        secret_hash=digest(secret),
        created_by=actor,
        expires_at=timezone.now() + timedelta(days=wanted.days),
    )
    about = {"role": wanted.role, "until": date_format(invitation.expires_at, "j F Y")}
    if wanted.email:
        audit.record(team, actor, "invitation_sent", **about, email=wanted.email)
    else:
        audit.record(team, actor, "invitation_made", **about)
    return invitation, secret


def send(invitation: Invitation, link: str) -> str:
    """Sends the link, outside of any transaction; empty, or one sentence about why it was not sent."""
    assert invitation.created_by
    lines = [
        f"{name_of(invitation.created_by)} invites you to the team “{invitation.team.name}”",
        f"on Fewshot, as {invitation.role}. Open this link to join; it works once, until",
        f"{date_format(invitation.expires_at, 'j F Y, H:i')} UTC:",
        "",
        link,
        "",
        "If you do not know what this is about, you can ignore it.",
    ]
    try:
        send_mail(f"Invitation to {invitation.team.name}", "\n".join(lines), None, [invitation.email])
    except (OSError, SMTPException) as error:
        log.warning("An invitation could not be sent: %s", error)
        return "The e-mail could not be sent. The link works: pass it on yourself."
    return ""


@transaction.atomic
def revoke(invitation: Invitation, actor: User) -> None:
    """Ends an open invitation; one that has ended stays as it is."""
    rows = Invitation.objects.open().filter(pk=invitation.pk)
    if rows.update(revoked_at=timezone.now()):
        audit.record(invitation.team, actor, "invitation_revoked", role=invitation.role)


@transaction.atomic
def accept(invitation: Invitation, user: User) -> None:
    """Makes ``user`` a member.

    Whoever has this role or a higher one already keeps it, and the link stays good for somebody else.
    Raises Refusal 410 when the invitation has ended.
    """
    team = Team.objects.select_for_update().filter(pk=invitation.team_id).first()
    member = Membership.objects.filter(team=team, user=user).first()
    role = Role(invitation.role)
    if team and member and not role.is_above(Role(member.role)):
        return
    if team is None or not invitation.use(user):
        raise ended(invitation)
    Membership.objects.update_or_create(team=team, user=user, defaults={"role": role})
    inviter = name_of(invitation.created_by) if invitation.created_by else "somebody"
    audit.record(team, user, "invitation_accepted", role=role, inviter=inviter)


def accept_as_new(invitation: Invitation, name: str, password: str) -> User:
    """Makes an account and accepts with it, both or neither.

    Raises what accept does, and Refusal 409 for a name that is taken.
    """
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                username_of(name), email=invitation.email, password=password, first_name=name
            )
            make_personal_team(user)
            accept(invitation, user)
    except IntegrityError:
        raise Refusal("name_taken", "Somebody else here has this name.", status=409, field="name") from None
    return user


def ended(invitation: Invitation) -> Refusal:
    current = Invitation.objects.filter(pk=invitation.pk).first()
    why = (current and current.ending) or "This invitation has ended."
    return Refusal("invitation_ended", f"{why} Ask for a new one.", status=410)
