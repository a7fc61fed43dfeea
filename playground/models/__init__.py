"""The tables. Models import no actions."""

from playground.models.api_key import ApiKey, Scope
from playground.models.audit_entry import AuditEntry
from playground.models.comment import About, Comment, Feeling, Mention, Reaction
from playground.models.comparison import Comparison
from playground.models.experiment import Experiment, Version
from playground.models.invitation import Invitation
from playground.models.model_wish import ModelWish
from playground.models.preset import Preset
from playground.models.published_prompt import Publication, PublishedPrompt
from playground.models.room import Room
from playground.models.run import Run
from playground.models.search_entry import SearchEntry
from playground.models.share_link import ShareLink
from playground.models.sign_in_link import SignInLink
from playground.models.tag import Tag
from playground.models.team import Membership, Role, Team
from playground.models.vote import Choice, Rating, Vote
from playground.models.worker_lease import WorkerLease

__all__ = [
    "About",
    "ApiKey",
    "AuditEntry",
    "Choice",
    "Comment",
    "Comparison",
    "Experiment",
    "Feeling",
    "Invitation",
    "Membership",
    "Mention",
    "ModelWish",
    "Preset",
    "Publication",
    "PublishedPrompt",
    "Rating",
    "Reaction",
    "Role",
    "Room",
    "Run",
    "Scope",
    "SearchEntry",
    "ShareLink",
    "SignInLink",
    "Tag",
    "Team",
    "Version",
    "Vote",
    "WorkerLease",
]
