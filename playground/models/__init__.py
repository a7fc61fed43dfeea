"""The tables. Models import no actions."""

from playground.models.experiment import Experiment, Version
from playground.models.model_wish import ModelWish
from playground.models.preset import Preset
from playground.models.run import Run
from playground.models.sign_in_link import SignInLink
from playground.models.team import Membership, Role, Team
from playground.models.worker_lease import WorkerLease

__all__ = [
    "Experiment",
    "Membership",
    "ModelWish",
    "Preset",
    "Role",
    "Run",
    "SignInLink",
    "Team",
    "Version",
    "WorkerLease",
]
