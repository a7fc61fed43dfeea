"""No list asks the database once for each of its rows: every address costs the same with 2 rows and with 12.

The addresses are those that permissions.py lists for GET, so a new one is walked without a word here.
"""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from playground.actions import published_prompts
from playground.limits import LIMITS
from playground.models import (
    AuditEntry,
    Comment,
    Comparison,
    Experiment,
    Invitation,
    Membership,
    Mention,
    Preset,
    Rating,
    Reaction,
    Role,
    Run,
    ShareLink,
    Tag,
    Team,
    Version,
    Vote,
)
from playground.models.run import Status
from tests.playground.permissions import MATRIX, SETTINGS, SPEC, Things, api_key, made_run, someone, things
from tests.playground.test_permissions import call

pytestmark = pytest.mark.usefixtures("valkey", "plain_static")


# Answered with connections of their own, or nothing: what programs ask of v1 lists models only.
NOT_ASKED = ("v1-", "api:run-events", "api:api-root", "rest-home", "rest-unknown")
LARGE = {"team-export"}  # one file of whole experiments, each of which is asked for by itself


def fill(team: Team, chosen: Things, mark: str) -> None:
    """One more of everything that is listed anywhere, by a person of its own."""
    user = someone(f"user {mark}")
    other = Team.objects.create(name=f"Team {mark}")
    for one, role in ((team, Role.VIEWER), (other, Role.OWNER)):
        Membership.objects.create(team=one, user=user, role=role)
    Membership.objects.create(team=other, user=chosen["owner"], role=Role.OWNER)
    tag = Tag.objects.create(team=team, name=f"tag {mark}")
    Preset.objects.create(team=team, name=f"preset {mark}", settings=SETTINGS, created_by=user)
    AuditEntry.objects.create(team=team, actor=user, actor_name=user.username, action="role", about={})
    Invitation.objects.create(team=team, role=Role.EDITOR, created_by=user, **link(mark))
    for home in (team, other):
        experiment = Experiment.objects.create(team=home, title=mark, draft=SPEC, created_by=user)
        experiment.starred_by.add(chosen["owner"])
        Comparison.objects.create(experiment=experiment, title=mark, board=board([mark]), created_by=user)
    Experiment.objects.filter(title=mark, team=team).get().tags.add(tag)
    chosen["experiment"].tags.add(tag)
    fill_experiment(chosen, user, mark)


def fill_experiment(chosen: Things, user: User, mark: str) -> None:
    """One more of everything that belongs to the experiment that is shown."""
    experiment: Experiment = chosen["experiment"]
    number = experiment.versions.count() + 1
    version = Version.objects.create(
        experiment=experiment, number=number, spec=SPEC, content_hash=mark, label=mark, author=user
    )
    prompt = published_prompts.publish(version, user, f"name-{number}")
    published_prompts.publish(version, user, "labels")  # one more entry in the history of another
    comparison: Comparison = chosen["comparison"]
    keys = [*(column["key"] for column in comparison.board["columns"]), f"c{number}"][-LIMITS.columns :]
    comparison.board = board(keys)
    comparison.save()
    runs = [made_run(experiment, version, Status.SUCCEEDED, comparison) for _ in range(2)]
    for run in runs:
        run.user, run.column, run.row = user, keys[-1], keys[-1]
        run.save()
    first, second = runs
    alone = made_run(experiment, version, Status.SUCCEEDED, comparison)
    Run.objects.filter(pk=alone.pk).update(
        user=user, comparison=None, column="", row="", published_prompt=prompt
    )
    Run.objects.filter(pk=second.pk).update(again_of=first)
    Vote.objects.create(
        comparison=comparison, row=keys[-1], user=user, run=first, against=second, choice="tie"
    )
    Rating.objects.create(user=user, run=first, mark=3, comment=mark)
    for about in ({}, {"run": first, "about": "run"}, {"comparison": comparison, "about": "comparison"}):
        thread = Comment.objects.create(experiment=experiment, author=user, text=mark, **about)
        for comment in (thread, Comment.objects.create(experiment=experiment, parent=thread, author=user)):
            Mention.objects.create(comment=comment, user=user)
            Mention.objects.create(comment=comment, user=chosen["owner"])
            Reaction.objects.create(comment=comment, user=user, name="yes")
    for target in (
        {"experiment": experiment},
        {"version": version},
        {"run": first},
        {"comparison": comparison},
    ):
        ShareLink.objects.create(team=experiment.team, title=mark, created_by=user, **target, **link(mark))
    Comparison.objects.create(experiment=experiment, title=mark, board=board([mark]), created_by=user)


def board(keys: list[str]) -> dict[str, Any]:
    columns = [{"key": key, "spec": SPEC} for key in keys]
    return {"schema": 1, "columns": columns, "rows": [{"key": key, "values": {"input": key}} for key in keys]}


def link(mark: str) -> dict[str, Any]:
    return {"secret_hash": f"{mark} {uuid.uuid4()}", "expires_at": timezone.now() + timedelta(days=9)}


def queries(client: Client, chosen: Things) -> dict[str, tuple[int, int]]:
    """Queries of every address that the owner may look at, with its status."""
    found = {}
    rows = [row for row in MATRIX if row.method == "GET" and not row.name.startswith(NOT_ASKED)]
    for number, row in enumerate(row for row in rows if row.name not in LARGE):
        call(client, row, chosen, chosen)  # what is looked up once for all
        with CaptureQueriesContext(
            connection,
        ) as seen:
            answer = call(client, row, chosen, chosen)
            b"".join(answer.streaming_content) if answer.streaming else answer.content
        found[f"{number} {row.name}"] = (answer.status_code, len(seen))
    return found


def test_no_address_costs_more_queries_with_more_rows(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    owner = someone("alice")
    team = Team.objects.get(personal_of=owner)
    chosen = things(owner) | {"owner": owner}
    client = Client(headers={"Authorization": f"Bearer {api_key('owner', owner, team)}"})
    client.force_login(owner)
    fill(team, chosen, "0")
    few = queries(client, chosen)
    for number in range(1, 11):
        fill(team, chosen, str(number))
    many = queries(client, chosen)
    with capsys.disabled():
        print(f"\nqueries: {len(few)} addresses, {sum(count for _, count in few.values())} queries each time")
    assert {status for status, _ in few.values()} <= {200, 302, 503}
    assert many == few
