"""The permission matrix: what every address and socket operation answers to everyone who may ask.

To add an address, add a line to MATRIX: its URL name, a method, and the status for each of the seven ACTORS.
``of`` names the thing (a key of ``things``) whose id is the ``pk`` of the path, or is a dict for paths with
more parts; ``body`` makes a valid body (of a GET, the query) with ``id("run")`` for the id of such a thing.

Every id that a body can carry must be in one, since it is called again with foreign ids. An address may have
several lines of one method, with other bodies; methods without a line must be refused. Secrets of links are
things too: the last two actors have the expired or revoked one in place of the live one.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from playground.actions import published_prompts
from playground.actions.teams import make_personal_team
from playground.models import (
    ApiKey,
    Comment,
    Comparison,
    Experiment,
    Invitation,
    Membership,
    Preset,
    Rating,
    Role,
    Run,
    Scope,
    ShareLink,
    SignInLink,
    Tag,
    Team,
    Version,
    Vote,
)
from playground.models.run import Status
from playground.models.secrets import digest
from playground.specs import Settings
from tests.conftest import spec

MODEL = "smollm2-135m-instruct"
ACTORS = ("anonymous", "outsider", "viewer", "editor", "owner", "expired link", "revoked link")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

Id = Callable[[str], Any]
Body = Callable[[Id], dict[str, Any]]
Things = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One line: ``expected`` are statuses, or for a socket operation words, in the order of ACTORS."""

    name: str
    method: str
    expected: tuple[Any, ...]
    of: str | dict[str, str] | None
    body: Body | None
    form: bool  # the body is a form's, not JSON

    def __str__(self) -> str:
        return f"{self.method} {self.name}"

    @property
    def parts(self) -> dict[str, str]:
        """Parts of the path, by name: the key of a thing, or a text of its own."""
        return {"pk": self.of} if isinstance(self.of, str) else self.of or {}


def row(
    name: str,
    method: str,
    *expected: Any,
    of: str | dict[str, str] | None = None,
    body: Body | None = None,
    form: bool = False,
) -> Row:
    assert len(expected) == len(ACTORS), name
    return Row(name, method, expected, of, body, form)


SPEC = spec().as_json()
SETTINGS = Settings().model_dump(mode="json")
DRAFT = {"draft_version": 1, "title": "Another", "spec": SPEC}
MEMBER = {"pk": "team", "member": "member"}
JOIN = {"name": "Dave", "password": "a long enough word"}
LOAD = {"pk": "experiment", "name": MODEL}
# A stream begins before a worker has taken the run: there is none here.
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Say yes."}], "stream": True}


def shared(kind: str, pk: Any) -> dict[str, Any]:
    return {"kind": kind, "id": pk, "mode": "snapshot", "expires": "day"}


# fmt: off
MATRIX = [
    #                               anonymous outsider viewer editor owner expired revoked
    row("home", "GET",                   302, 302, 302, 302, 302, 302, 302),
    row("experiments", "GET",            302, 200, 200, 200, 200, 302, 302),
    row("experiments", "GET",            302, 404, 200, 200, 200, 302, 302, body=lambda id: {"team": id("team")}),
    row("experiments", "GET",            302, 200, 200, 200, 200, 302, 302, body=lambda id: {"tag": "tag 0"}),
    row("experiments", "GET",            302, 200, 200, 200, 200, 302, 302, body=lambda id: {"starred": "1"}),
    row("experiment-new", "POST",        302, 302, 302, 302, 302, 302, 302),  # in one's own team
    row("experiment-new", "POST",        302, 404, 403, 302, 302, 302, 302, body=lambda id: {"team": id("team")}, form=True),
    row("experiment-search", "GET",      401, 200, 200, 200, 200, 401, 401),
    row("experiment", "GET",             302, 404, 200, 200, 200, 302, 302, of="experiment"),
    row("experiment-team", "POST",       302, 404, 403, 403, 302, 302, 302, of="experiment", body=lambda id: {"team": id("lab")}, form=True),
    row("experiment-fork", "POST",       302, 404, 302, 302, 302, 302, 302, of="experiment", form=True),  # into one's own team
    row("experiment-fork", "POST",       302, 404, 403, 302, 302, 302, 302, of="experiment", body=lambda id: {"team": id("team")}, form=True),
    row("experiment-draft", "PUT",       401, 404, 403, 200, 200, 401, 401, of="experiment", body=lambda id: DRAFT),
    row("experiment-history", "GET",     401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("experiment-history", "GET",     401, 404, 200, 200, 200, 401, 401, of="experiment", body=lambda id: {"before": id("run")}),
    row("experiment-history", "GET",     401, 404, 200, 200, 200, 401, 401, of="experiment", body=lambda id: {"version": id("version")}),
    row("experiment-runs", "POST",       401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"spec": SPEC}),
    row("experiment-runs", "POST",       401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"again_of": id("ended")}),
    row("experiment-runs", "POST",       401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"begin": {"run": id("ended"), "at": 0, "id": 260}}),
    row("model-load", "POST",            401, 404, 403, 409, 409, 401, 401, of=LOAD),  # 409: no machine is there
    row("model-unload", "POST",          401, 404, 403, 409, 409, 401, 401, of=LOAD),  # 409: a run needs it
    row("experiment-tags", "PATCH",      401, 404, 403, 200, 200, 401, 401, of="experiment", body=lambda id: {"add": ["New"]}),
    row("experiment-star", "PUT",        401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("experiment-star", "DELETE",     401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("presets", "GET",                401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("presets", "POST",               401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"name": "New", "settings": SETTINGS}),
    row("comparisons", "GET",            401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("comparisons", "POST",           401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"versions": [1]}),
    row("comparison", "GET",             302, 404, 200, 200, 200, 302, 302, of="comparison"),
    row("comparison", "DELETE",          401, 404, 403, 200, 200, 401, 401, of="comparison"),
    row("comparison-draft", "PUT",       401, 404, 403, 200, 200, 401, 401, of="comparison", body=lambda id: {"draft_version": 1, "title": "x", "board": board()}),
    row("comparison-runs", "POST",       401, 404, 403, 201, 201, 401, 401, of="comparison"),
    row("comparison-cells", "GET",       401, 404, 200, 200, 200, 401, 401, of="comparison"),
    row("comparison-cancel", "POST",     401, 404, 403, 200, 200, 401, 401, of="comparison"),
    row("comparison-copy", "POST",       401, 404, 403, 201, 201, 401, 401, of="comparison"),
    row("comparison-restore", "POST",    401, 404, 403, 200, 200, 401, 401, of="comparison"),
    row("comparison-votes", "GET",       401, 404, 200, 200, 200, 401, 401, of="comparison"),
    row("comparison-votes", "PUT",       401, 404, 200, 200, 200, 401, 401, of="comparison", body=lambda id: {"run": id("ended"), "against": id("other"), "choice": "tie"}),
    row("comparison-blind", "GET",       302, 404, 200, 200, 200, 302, 302, of="comparison"),
    row("comparison-blind", "PUT",       401, 404, 404, 404, 404, 401, 401, of="comparison", body=lambda id: {"key": f"r.{'0' * 32}", "choice": "tie"}),  # 404: no such pair
    row("comparison-reveal", "POST",     401, 404, 200, 200, 200, 401, 401, of="comparison"),
    row("comparison-results", "GET",     401, 404, 200, 200, 200, 401, 401, of="comparison"),
    row("experiment-delete", "POST",     401, 404, 403, 200, 200, 401, 401, of="experiment"),
    row("experiment-restore", "POST",    401, 404, 403, 200, 200, 401, 401, of="deleted"),
    row("run-delete", "POST",            401, 404, 403, 200, 200, 401, 401, of="run"),
    row("run-restore", "POST",           401, 404, 403, 200, 200, 401, 401, of="deleted_run"),
    row("team-storage", "GET",           302, 404, 200, 200, 200, 302, 302, of="team"),
    row("team-storage", "GET",           302, 404, 200, 200, 200, 302, 302, of="team", body=lambda id: {"tokens": "30", "runs": "90"}),
    row("team-storage", "POST",          302, 404, 403, 403, 302, 302, 302, of="team", body=lambda id: {"tokens": "30", "runs": "90"}, form=True),
    row("team-deleted", "GET",           302, 404, 200, 200, 200, 302, 302, of="team"),
    row("experiment-import", "GET",      302, 200, 200, 200, 200, 302, 302),
    row("experiment-import", "POST",     302, 404, 403, 422, 422, 302, 302, body=lambda id: {"team": id("team")}, form=True),  # 422: without a file
    row("experiment-export", "GET",      302, 404, 200, 200, 200, 302, 302, of="experiment"),
    row("experiment-export-file", "GET", 401, 404, 200, 200, 200, 401, 401, of={"pk": "experiment", "name": "experiment.json"}),
    row("experiment-export-file", "GET", 401, 404, 200, 200, 200, 401, 401, of={"pk": "experiment", "name": "history.csv"}, body=lambda id: {"version": id("version")}),
    row("comparison-export-file", "GET", 401, 404, 200, 200, 200, 401, 401, of={"pk": "comparison", "name": "preferences.jsonl"}),
    row("team-export", "GET",            401, 404, 403, 403, 200, 401, 401, of="team"),
    row("comments", "GET",               401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("comments", "GET",               401, 404, 200, 200, 200, 401, 401, of="experiment", body=lambda id: {"before": id("comment")}),
    row("comments", "GET",               401, 404, 200, 200, 200, 401, 401, of="experiment", body=lambda id: {"comparison": id("comparison")}),
    row("comments", "POST",              401, 404, 201, 201, 201, 401, 401, of="experiment", body=lambda id: {"text": "Why?"}),
    row("comments", "POST",              401, 404, 201, 201, 201, 401, 401, of="experiment", body=lambda id: {"text": "Hi", "about": {"kind": "run", "run": id("ended")}}),
    row("comments", "POST",              401, 404, 201, 201, 201, 401, 401, of="experiment", body=lambda id: {"text": "Hi", "about": {"kind": "comparison", "comparison": id("comparison")}}),
    row("comments", "POST",              401, 404, 201, 201, 201, 401, 401, of="experiment", body=lambda id: {"text": "Hi @member", "mentions": [id("member")]}),
    row("comments-seen", "POST",         401, 404, 200, 200, 200, 401, 401, of="experiment", body=lambda id: {"comments": [id("comment")]}),
    row("experiment-activity", "GET",    401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("comment", "GET",                401, 404, 200, 200, 200, 401, 401, of="comment"),
    row("comment", "PATCH",              401, 404, 403, 403, 200, 401, 401, of="comment", body=lambda id: {"text": "Other words"}),  # the owner's own
    row("comment", "PATCH",              401, 404, 200, 403, 403, 401, 401, of="viewers", body=lambda id: {"text": "Other words"}),  # the viewer's own
    row("comment", "DELETE",             401, 404, 403, 403, 200, 401, 401, of="comment"),
    row("comment", "DELETE",             401, 404, 200, 403, 200, 401, 401, of="viewers"),  # owners may delete any
    row("comment-restore", "POST",       401, 404, 403, 403, 200, 401, 401, of="deleted_comment"),
    row("comment-replies", "POST",       401, 404, 201, 201, 201, 401, 401, of="comment", body=lambda id: {"text": "Because."}),
    row("comment-resolution", "PUT",     401, 404, 403, 200, 200, 401, 401, of="comment", body=lambda id: {"resolved": True}),
    row("comment-resolution", "PUT",     401, 404, 200, 200, 200, 401, 401, of="viewers", body=lambda id: {"resolved": True}),
    row("comment-reaction", "PUT",       401, 404, 200, 200, 200, 401, 401, of={"pk": "comment", "name": "yes"}),
    row("comment-reaction", "DELETE",    401, 404, 200, 200, 200, 401, 401, of={"pk": "comment", "name": "yes"}),
    row("preset", "PATCH",               401, 404, 403, 200, 200, 401, 401, of="preset", body=lambda id: {"name": "Other"}),
    row("preset", "DELETE",              401, 404, 403, 200, 200, 401, 401, of="preset"),
    row("versions", "GET",               401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("versions", "POST",              401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"label": "New", "spec": SPEC}),
    row("version", "GET",                401, 404, 200, 200, 200, 401, 401, of="version"),
    row("version", "PATCH",              401, 404, 403, 200, 200, 401, 401, of="version", body=lambda id: {"label": "New"}),
    row("version-restore", "POST",       401, 404, 403, 201, 201, 401, 401, of="version"),
    row("experiment-published", "GET",   401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("experiment-published", "POST",  401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"name": "draft"}),
    row("experiment-published", "POST",  401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"name": "one", "version": id("version")}),
    row("team-published-prompts", "GET", 302, 404, 200, 200, 200, 302, 302, of="team"),
    row("published-prompt-switch", "POST", 302, 404, 403, 302, 302, 302, 302, of="published", body=lambda id: {"version": id("version")}, form=True),
    row("published-prompt-end", "POST",  302, 404, 403, 302, 302, 302, 302, of="published"),
    row("published-prompt-code", "GET",  401, 404, 200, 200, 200, 401, 401, of="published"),
    row("run-code", "GET",               401, 404, 200, 200, 200, 401, 401, of="ended"),
    row("run", "GET",                    401, 404, 200, 200, 200, 401, 401, of="run"),
    row("run-cancel", "POST",            401, 404, 403, 200, 200, 401, 401, of="run"),
    row("run-prompt", "GET",             401, 404, 200, 200, 200, 401, 401, of="run"),
    row("run-receipt", "GET",            401, 404, 200, 200, 200, 401, 401, of="ended"),
    row("run-rating", "PUT",             401, 404, 200, 200, 200, 401, 401, of="ended", body=lambda id: {"mark": 3}),
    row("prompt-render", "POST",         401, 200, 200, 200, 200, 401, 401, body=lambda id: {"spec": SPEC}),
    row("prompt-examples", "POST",       401, 200, 200, 200, 200, 401, 401, body=lambda id: {"spec": SPEC}),
    row("next-token", "POST",            401, 409, 409, 409, 409, 401, 401, body=lambda id: {"spec": SPEC}),  # 409: not warm
    row("next-token", "POST",            401, 404, 409, 409, 409, 401, 401, body=lambda id: {"run": id("ended")}),
    row("score", "POST",                 401, 409, 409, 409, 409, 401, 401, body=lambda id: {"spec": SPEC, "text": "Hi"}),
    row("models", "GET",                 401, 200, 200, 200, 200, 401, 401),
    row("vocabulary", "GET",             401, 200, 200, 200, 200, 401, 401, of={"name": MODEL}),
    row("team-new", "GET",               302, 200, 200, 200, 200, 302, 302),
    row("team-new", "POST",              302, 302, 302, 302, 302, 302, 302, body=lambda id: {"name": "Ours"}, form=True),
    row("team", "GET",                   302, 404, 200, 200, 200, 302, 302, of="team"),
    row("team-activity", "GET",          302, 404, 403, 403, 200, 302, 302, of="team"),
    row("team-name", "POST",             302, 404, 403, 403, 302, 302, 302, of="team", body=lambda id: {"name": "Ours"}, form=True),
    row("team-member", "POST",           302, 404, 403, 403, 302, 302, 302, of=MEMBER, body=lambda id: {"role": "editor"}, form=True),
    row("team-member-remove", "POST",    302, 404, 403, 403, 302, 302, 302, of=MEMBER),
    row("team-leave", "POST",            302, 404, 302, 302, 302, 302, 302, of="team"),
    row("team-transfer", "POST",         302, 404, 403, 403, 302, 302, 302, of="team", body=lambda id: {"member": id("member")}, form=True),
    row("team-delete", "POST",           302, 404, 403, 403, 302, 302, 302, of="team", body=lambda id: {"name": "alice's team"}, form=True),
    row("team-invitations", "POST",      401, 404, 403, 403, 201, 401, 401, of="team", body=lambda id: {"role": "viewer"}),
    row("team-api-keys", "GET",          302, 404, 200, 200, 200, 302, 302, of="team"),
    row("team-api-keys", "POST",         401, 404, 201, 201, 201, 401, 401, of="team", body=lambda id: {"name": "Mine"}),
    row("api-key-revoke", "POST",        302, 404, 404, 404, 302, 302, 302, of="api_key"),  # it is Alice's
    row("invitation-revoke", "POST",     302, 404, 403, 403, 302, 302, 302, of="invitation"),
    row("invitation", "GET",             200, 200, 200, 200, 200, 410, 410, of={"secret": "invite"}),
    row("invitation", "POST",            302, 302, 302, 302, 302, 410, 410, of={"secret": "invite"}, body=lambda id: JOIN, form=True),
    row("limits", "GET",                 200, 200, 200, 200, 200, 200, 200),
    row("share-links", "GET",            401, 404, 200, 200, 200, 401, 401, body=lambda id: {"kind": "experiment", "id": id("experiment")}),
    row("share-links", "GET",            401, 404, 200, 200, 200, 401, 401, body=lambda id: {"kind": "comparison", "id": id("comparison")}),
    row("share-links", "POST",           401, 404, 403, 201, 201, 401, 401, body=lambda id: shared("experiment", id("experiment"))),
    row("share-links", "POST",           401, 404, 403, 201, 201, 401, 401, body=lambda id: shared("version", id("version"))),
    row("share-links", "POST",           401, 404, 403, 201, 201, 401, 401, body=lambda id: shared("run", id("ended"))),
    row("share-links", "POST",           401, 404, 403, 201, 201, 401, 401, body=lambda id: shared("comparison", id("comparison"))),
    row("share-offline", "GET",          401, 404, 200, 200, 200, 401, 401, body=lambda id: {"kind": "version", "id": id("version")}),
    row("share-offline", "GET",          401, 404, 200, 200, 200, 401, 401, body=lambda id: {"kind": "run", "id": id("ended")}),
    row("share-link", "PATCH",           401, 404, 403, 200, 200, 401, 401, of="share_link", body=lambda id: {"expires": "week"}),
    row("share-link", "DELETE",          401, 404, 403, 200, 200, 401, 401, of="share_link"),
    row("shared", "GET",                 200, 200, 200, 200, 200, 404, 404, of={"secret": "secret"}),
    row("shared", "POST",                302, 302, 302, 302, 302, 404, 404, of={"secret": "secret"}, body=lambda id: {"passphrase": "x"}, form=True),
    row("shared-data", "GET",            200, 200, 200, 200, 200, 404, 404, of={"secret": "secret"}),
    row("shared-fork", "POST",           302, 404, 403, 302, 302, 404, 404, of={"secret": "secret"}, body=lambda id: {"team": id("team")}, form=True),
    row("shared-offline", "GET",         200, 200, 200, 200, 200, 404, 404, of={"secret": "secret"}),
    row("welcome", "GET",                200, 200, 200, 200, 200, 410, 410, of={"secret": "sign_in"}),
    row("welcome", "POST",               302, 302, 302, 302, 302, 410, 410, of={"secret": "sign_in"}, body=lambda id: {"name": "Dave"}, form=True),
    # Programs: the expired and the revoked key are Alice's. What each scope opens is in SCOPES.
    row("v1-models", "GET",              401, 200, 200, 200, 200, 401, 401),
    row("v1-model", "GET",               401, 200, 200, 200, 200, 401, 401, of={"name": MODEL}),
    row("v1-model", "GET",               401, 404, 200, 200, 200, 401, 401, of={"name": "published_address"}),
    row("v1-chat", "POST",               401, 404, 403, 200, 200, 401, 401, body=lambda id: CHAT | {"model": id("published_address")}),
    row("v1-completions", "POST",        401, 200, 403, 200, 200, 401, 401, body=lambda id: {"model": MODEL, "prompt": "Say", "stream": True}),
    row("v1-score", "POST",              401, 400, 403, 400, 400, 401, 401),  # 400: without a body
    row("v1-tokenize", "POST",           401, 200, 403, 200, 200, 401, 401, body=lambda id: {"model": MODEL, "prompt": "Say"}),
    row("v1-unknown", "GET",             401, 404, 404, 404, 404, 401, 401, of={"rest": "nothing"}),
    row("v1-chat", "POST",               401, 200, 403, 200, 200, 401, 401, body=lambda id: CHAT),
    row("api:openapi-json", "GET",       200, 200, 200, 200, 200, 200, 200),
    row("api:experiments", "GET",        401, 200, 200, 200, 200, 401, 401),
    row("api:experiments", "POST",       401, 201, 403, 201, 201, 401, 401),  # in the team of the key
    row("api:experiment", "GET",         401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("api:experiment", "PATCH",       401, 404, 403, 200, 200, 401, 401, of="experiment", body=lambda id: {"title": "Another"}),
    row("api:experiment", "DELETE",      401, 404, 403, 204, 204, 401, 401, of="experiment"),
    row("api:draft", "GET",              401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("api:draft", "PUT",              401, 404, 403, 200, 200, 401, 401, of="experiment", body=lambda id: {"title": "Another", "spec": SPEC}),
    row("api:versions", "GET",           401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("api:versions", "POST",          401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"label": "New"}),
    row("api:version", "GET",            401, 404, 200, 200, 200, 401, 401, of="version"),
    row("api:runs", "GET",               401, 200, 200, 200, 200, 401, 401),
    row("api:experiment-runs", "GET",    401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("api:experiment-runs", "POST",   401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"spec": SPEC}),
    row("api:experiment-runs", "POST",   401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"version": id("version"), "values": {"input": "Hi"}}),
    row("api:run", "GET",                401, 404, 200, 200, 200, 401, 401, of="run"),
    row("api:run-cancel", "POST",        401, 404, 403, 200, 200, 401, 401, of="run"),
    row("api:run-events", "GET",         401, 404, 200, 200, 200, 401, 401, of="run"),
    row("api:comparisons", "GET",        401, 404, 200, 200, 200, 401, 401, of="experiment"),
    row("api:comparisons", "POST",       401, 404, 403, 201, 201, 401, 401, of="experiment", body=lambda id: {"versions": [1]}),
    row("api:comparison", "GET",         401, 404, 200, 200, 200, 401, 401, of="comparison"),
    row("api:comparison-runs", "POST",   401, 404, 403, 201, 201, 401, 401, of="comparison"),
    row("api:comparison-cells", "GET",   401, 404, 200, 200, 200, 401, 401, of="comparison"),
    row("api:comparison-results", "GET", 401, 404, 200, 200, 200, 401, 401, of="comparison"),
    row("api:comparison-cancel", "POST", 401, 404, 403, 200, 200, 401, 401, of="comparison"),
    row("api:share-links", "GET",        401, 200, 200, 200, 200, 401, 401),
    row("api:share-links", "POST",       401, 404, 403, 201, 201, 401, 401, body=lambda id: shared("experiment", id("experiment"))),
    row("api:share-links", "POST",       401, 404, 403, 201, 201, 401, 401, body=lambda id: shared("version", id("version"))),
    row("api:share-links", "POST",       401, 404, 403, 201, 201, 401, 401, body=lambda id: shared("run", id("ended"))),
    row("api:share-links", "POST",       401, 404, 403, 201, 201, 401, 401, body=lambda id: shared("comparison", id("comparison"))),
    row("api:share-link", "DELETE",      401, 404, 403, 204, 204, 401, 401, of="share_link"),
    row("rest-home", "GET",              404, 404, 404, 404, 404, 404, 404),
    row("api:api-root", "GET",           404, 404, 404, 404, 404, 404, 404),
    row("rest-unknown", "GET",           404, 404, 404, 404, 404, 404, 404),
    row("livez", "GET",                  200, 200, 200, 200, 200, 200, 200),
    row("healthz", "GET",                503, 503, 503, 503, 503, 503, 503),  # no worker is warm
]

# What a method of an address answers to Alice's key with one scope alone: read, run, write.
SCOPES = {
    "v1-models GET": (200, 200, 200),
    "v1-chat POST": (403, 200, 403),
    "v1-model GET": (200, 200, 200),
    "v1-completions POST": (403, 200, 403),
    "v1-score POST": (403, 400, 403),
    "v1-tokenize POST": (403, 200, 403),
    "v1-unknown GET": (404, 404, 404),
    "api:openapi-json GET": (200, 200, 200),
    "api:experiments GET": (200, 403, 403),
    "api:experiments POST": (403, 403, 201),
    "api:experiment GET": (200, 403, 403),
    "api:experiment PATCH": (403, 403, 200),
    "api:experiment DELETE": (403, 403, 204),
    "api:draft GET": (200, 403, 403),
    "api:draft PUT": (403, 403, 200),
    "api:versions GET": (200, 403, 403),
    "api:versions POST": (403, 403, 201),
    "api:version GET": (200, 403, 403),
    "api:runs GET": (200, 403, 403),
    "api:experiment-runs GET": (200, 403, 403),
    "api:experiment-runs POST": (403, 201, 403),
    "api:run GET": (200, 403, 403),
    "api:run-cancel POST": (403, 200, 403),
    "api:run-events GET": (200, 403, 403),
    "api:comparisons GET": (200, 403, 403),
    "api:comparisons POST": (403, 403, 201),
    "api:comparison GET": (200, 403, 403),
    "api:comparison-runs POST": (403, 201, 403),
    "api:comparison-cells GET": (200, 403, 403),
    "api:comparison-results GET": (200, 403, 403),
    "api:comparison-cancel POST": (403, 200, 403),
    "api:share-links GET": (200, 403, 403),
    "api:share-links POST": (403, 403, 201),
    "api:share-link DELETE": (403, 403, 204),
    "api:api-root GET": (404, 404, 404),
}

# Operations of the socket: "ok", or the code of the error that comes back.
OPERATIONS = [
    row("watch", "WS", "signed_out", "not_found", "ok", "ok", "ok", "signed_out", "signed_out", body=lambda id: {"run": id("run")}),
    row("unwatch", "WS", "signed_out", "ok", "ok", "ok", "ok", "signed_out", "signed_out", body=lambda id: {"run": id("run")}),
    row("cancel", "WS", "signed_out", "not_found", "forbidden", "ok", "ok", "signed_out", "signed_out", body=lambda id: {"run": id("run")}),
    row("ack", "WS", "signed_out", "ok", "ok", "ok", "ok", "signed_out", "signed_out", body=lambda id: {"run": id("run"), "id": "1-1"}),
    row("ping", "WS", "signed_out", "ok", "ok", "ok", "ok", "signed_out", "signed_out"),
    # Of the page of an experiment; whoever may not read it has no socket there.
    row("join", "WS", "signed_out", "access_lost", "ok", "ok", "ok", "signed_out", "signed_out", of="experiment"),
    row("edit", "WS", "signed_out", "access_lost", "forbidden", "ok", "ok", "signed_out", "signed_out", of="experiment", body=lambda id: {"room": "01a20b9c-8e1c-7f63-9d0e-5b7c2c6a1f4e", "n": 1, "update": "AAA="}),
    row("cursor", "WS", "signed_out", "access_lost", "ok", "ok", "ok", "signed_out", "signed_out", of="experiment"),
    row("leave", "WS", "signed_out", "access_lost", "ok", "ok", "ok", "signed_out", "signed_out", of="experiment"),
]
# fmt: on
# They speak only of what this socket watches already: a foreign id is nothing to them, and nothing comes back.
DEAF = {"unwatch", "ack"}

# Addresses of other packages, listed by name: the test sees that they change nothing of ours.
INCLUDED = {
    "account_change_password": {},
    "account_confirm_email": {"key": "k"},
    "account_confirm_login_code": {},
    "account_email": {},
    "account_email_verification_sent": {},
    "account_inactive": {},
    "account_login": {},
    "account_logout": {},
    "account_reauthenticate": {},
    "account_reset_password": {},
    "account_reset_password_done": {},
    "account_reset_password_from_key": {"uidb36": "1", "key": "k"},
    "account_reset_password_from_key_done": {},
    "account_set_password": {},
    "account_signup": {},
}


def people() -> dict[str, User | None]:
    """Who asks, in the order of ACTORS; None is without an account. The owner is Alice, Carol is outside."""
    alice, carol, bob, erin = map(someone, ("alice", "carol", "bob", "erin"))
    team = Team.objects.get(personal_of=alice)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    Membership.objects.create(team=team, user=erin, role=Role.EDITOR)
    return dict(zip(ACTORS, (None, carol, bob, erin, alice, None, None), strict=True))


def someone(name: str) -> User:
    """Signs in without a password, which would take long to hash."""
    user = User.objects.create_user(name)
    make_personal_team(user)
    return user


def api_keys(users: dict[str, User | None]) -> dict[str, str]:
    """The API key that each actor sends with every request, wherever it goes; nobody's is empty."""
    now = timezone.now()
    ends: Things = {"expired link": {"expires_at": now}, "revoked link": {"revoked_at": now}}
    alice = users["owner"]
    assert alice
    team = Team.objects.get(personal_of=alice)
    return {
        actor: ""
        if actor == "anonymous"
        else api_key(
            actor,
            user or alice,
            Team.objects.get(personal_of=user) if actor == "outsider" else team,
            **ends.get(actor, {}),
        )
        for actor, user in users.items()
    }


def api_key(name: str, user: User, team: Team, scopes: list[str] = Scope.values, **fields: Any) -> str:
    """Used just now: when it is used is noted once a minute, and refusals must change nothing."""
    secret = f"fs-{name.replace(' ', '-')}"
    ApiKey.objects.create(
        user=user,
        team=team,
        name=name,
        scopes=scopes,
        secret_hash=digest(secret),
        last_used_at=timezone.now(),
        **fields,
    )
    return secret


def things(owner: User) -> Things:
    """One of everything in the personal team of ``owner``, by the names that MATRIX uses."""
    team = Team.objects.get(personal_of=owner)
    experiment = team.experiments.get()
    version = Version.objects.create(
        experiment=experiment, number=1, spec=SPEC, content_hash="x", label="One"
    )
    comparison = Comparison.objects.create(
        experiment=experiment, title="Two prompts", board=board(), created_by=owner
    )
    run, ended, other = (
        made_run(experiment, version, status, comparison)
        for status in (Status.QUEUED, Status.SUCCEEDED, Status.SUCCEEDED)
    )
    deleted = Experiment.objects.create(team=team, title="Gone", draft=SPEC, deleted_at=timezone.now())
    deleted_run = made_run(experiment, version, Status.SUCCEEDED, comparison)
    Run.objects.filter(pk=deleted_run.pk).update(deleted_at=timezone.now())
    vote = Vote.objects.create(
        comparison=comparison, row="r1", user=owner, run=ended, against=other, choice="better"
    )
    rating = Rating.objects.create(user=owner, run=ended, mark=4)
    viewer = User.objects.filter(memberships__team=team, memberships__role=Role.VIEWER).first()
    comments = {
        "comment": Comment.objects.create(experiment=experiment, author=owner, text="Why?"),
        "viewers": Comment.objects.create(experiment=experiment, author=viewer, text="So?"),
        "deleted_comment": Comment.objects.create(
            experiment=experiment, author=owner, text="Never mind.", deleted_at=timezone.now()
        ),
    }
    member = someone(f"member of {owner.username}")
    Membership.objects.create(team=team, user=member, role=Role.VIEWER)
    lab = Team.objects.create(name=f"Lab of {owner.username}")
    Membership.objects.create(team=lab, user=owner, role=Role.OWNER)
    return {
        "team": team,
        "lab": lab,  # where its owner may move things
        "experiment": experiment,
        "deleted": deleted,
        "deleted_run": deleted_run,
        "version": version,
        "comparison": comparison,
        "run": run,
        "ended": ended,
        "other": other,
        "vote": vote,
        "rating": rating,
        "member": member,
        **comments,
        "preset": Preset.objects.create(team=team, name="Labels", settings=SETTINGS),
        "tag": Tag.objects.create(team=team, name="urgent"),
        "api_key": ApiKey.objects.create(
            user=owner, team=team, name="Own", scopes=[], secret_hash=f"own-{team.pk}"
        ),
        **published(version, owner),
        **share_links(experiment),
        **invitations(team),
        **sign_in_links(owner),
    }


def published(version: Version, owner: User) -> Things:
    prompt = published_prompts.publish(version, owner, "labels")
    return {"published": prompt, "published_address": prompt.address}


def board() -> dict[str, Any]:
    columns = [{"key": key, "spec": SPEC} for key in ("a", "b")]
    return {"schema": 1, "columns": columns, "rows": [{"key": "r1", "values": {"input": "Hi"}}]}


def made_run(experiment: Experiment, version: Version, status: Status, comparison: Comparison) -> Run:
    owner = experiment.team.personal_of
    assert owner
    tokens = [{"t": " yes", "id": 260, "lp": -0.1, "rank": 1, "top": [[260, " yes", -0.1]]}]
    return Run.objects.create(
        team=experiment.team,
        user=owner,
        experiment=experiment,
        version=version,
        comparison=comparison,
        column="a",
        row="r1",
        model=MODEL,
        status=status,
        deadline=timezone.now() + timedelta(minutes=10),
        idempotency_key=str(uuid.uuid4()),
        settings=Settings().effective(),
        spec=SPEC,
        prompt_text="Say yes.",
        prompt_ids=[1, 2, 3],
        prompt_tokens=3,
        max_new_tokens=64,
        text="" if status == Status.QUEUED else " yes",
        tokens=None if status == Status.QUEUED else tokens,
    )


# A key with the name of an actor behind it is what that actor has in its place.


def share_links(experiment: Experiment) -> Things:
    now = timezone.now()
    states: Things = {
        "": {},
        ":expired link": {"expires_at": now - timedelta(days=1)},
        ":revoked link": {"revoked_at": now},
    }
    found: Things = {}
    for state, fields in states.items():
        secret = f"share-{experiment.pk}{state}".replace(":", "-").replace(" ", "-")
        link = ShareLink.objects.create(
            team=experiment.team,
            experiment=experiment,
            title=experiment.title,
            secret_hash=digest(secret),
            **fields,
        )
        found |= {f"secret{state}": secret, f"share_link{state}": link}
    return found


def invitations(team: Team) -> Things:
    now = timezone.now()
    states: Things = {
        "": {},
        ":expired link": {"expires_at": now - timedelta(days=1)},
        ":revoked link": {"revoked_at": now},
    }
    found: Things = {}
    for state, fields in states.items():
        secret = f"invite-{team.pk}{state}".replace(":", "-").replace(" ", "-")
        lasting = {"expires_at": now + timedelta(days=1)} | fields
        invitation = Invitation.objects.create(
            team=team, role=Role.EDITOR, secret_hash=digest(secret), **lasting
        )
        found |= {f"invite{state}": secret, f"invitation{state}": invitation}
    return found


def sign_in_links(user: User) -> Things:
    """A used one stands for a revoked one."""
    now = timezone.now()
    states: Things = {"": {}, ":expired link": {"expires_at": now}, ":revoked link": {"used_at": now}}
    found: Things = {}
    for state, fields in states.items():
        secret = f"enter-{user.pk}{state}".replace(":", "-").replace(" ", "-")
        lasting = {"expires_at": now + timedelta(days=1)} | fields
        SignInLink.objects.create(user=user, secret_hash=digest(secret), **lasting)
        found[f"sign_in{state}"] = secret
    return found
