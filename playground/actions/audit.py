"""The audit log of a team: every change that matters, written in the transaction of the change."""

from typing import Any

from django.contrib.auth.models import User

from playground.models import AuditEntry, Team
from playground.people import name_of

# What owners read: "<actor> <words>". Values come from ``about``; a new action needs a line here.
WORDS = {
    "team_made": "made the team",
    "team_renamed": "renamed the team from “{before}” to “{name}”",
    "team_exported": "exported everything of the team",
    "retention_changed": "changed what is kept: {policy}",
    "member_role": "made {member} {role} (before: {before})",
    "member_removed": "removed {member} ({role})",
    "member_left": "left the team ({role})",
    "ownership_transferred": "handed the ownership to {member} and is an editor now",
    "invitation_made": "made an invitation as {role}, good until {until}",
    "invitation_sent": "made an invitation as {role} for {email}, good until {until}",
    "invitation_revoked": "revoked an invitation as {role}",
    "invitation_accepted": "accepted an invitation of {inviter} and is {role}",
    "api_key_made": "made the API key “{name}” ({scopes}), good until {until}",
    "api_key_made_for_good": "made the API key “{name}” ({scopes}), good until it is revoked",
    "api_key_revoked": "revoked the API key “{name}” of {member}",
    "prompt_published": "published “{title}”, v{number}, as {address}",
    "prompt_unpublished": "ended {address}",
    "share_link_made": "made a share link to “{title}”",
    "share_link_changed": "changed the end of a share link to “{title}” to {until}",
    "share_link_revoked": "revoked a share link to “{title}”",
    "experiment_deleted": "deleted the experiment “{title}”",
    "experiment_restored": "brought back the experiment “{title}”",
    "experiment_moved_away": "moved the experiment “{title}” to the team “{team}”",
    "experiment_moved_here": "moved the experiment “{title}” here from the team “{team}”",
    "comparison_deleted": "deleted the comparison “{title}”",
    "comparison_restored": "brought back the comparison “{title}”",
    "comment_deleted": "deleted a comment of {author} in “{title}”",
    "comment_restored": "brought back a comment of {author} in “{title}”",
    "runs_deleted": "deleted a run",
    "runs_restored": "brought back a run",
    "pruned": "let go of {tokens} runs' tokens and {runs} runs, as the team's retention says",
}


def record(team: Team, actor: User | None, action: str, /, **about: Any) -> None:
    """Adds an entry. Call it inside the transaction of the change; no ``actor`` means Fewshot itself."""
    WORDS[action].format_map(about)  # a missing word is noticed where it is written, not by a reader
    name = name_of(actor) if actor else "Fewshot"
    AuditEntry.objects.create(team=team, actor=actor, actor_name=name, action=action, about=about)


def words(entry: AuditEntry) -> str:
    """What was done, to be read behind the actor's name; entries of later versions show their code."""
    try:
        return WORDS[entry.action].format_map(entry.about)
    except KeyError:
        return entry.action.replace("_", " ")
