"""Share links: who makes them, what they show without an account, and that they show nothing else."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from playground.limits import LIMITS
from playground.models import AuditEntry, Comparison, Experiment, Run, ShareLink, Team, Version, Vote
from playground.models.run import Status
from playground.models.secrets import digest
from tests.conftest import spec

pytestmark = pytest.mark.usefixtures("plain_static", "valkey")

MODEL = "smollm2-135m-instruct"
# A mark in everything that a link to one run must not show.
HIDDEN = "zebra"
TOKENS = [
    {"t": " Hel", "id": 7, "lp": -0.1, "rank": 1, "top": [[7, " Hel", -0.1], [9, " Hi", -2.5]], "ms": 0},
    {"t": "lo", "id": 8, "lp": -0.5, "rank": 1, "top": [[8, "lo", -0.5]], "ms": 120},
]


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def answered(experiment: Experiment, user: User, key: str, **changes: Any) -> Run:
    """A run of ``experiment`` that has ended, without a model."""
    now = timezone.now()
    fields = {
        "team": experiment.team,
        "experiment": experiment,
        "user": user,
        "idempotency_key": key,
        "model": MODEL,
        "status": Status.SUCCEEDED,
        "settings": spec().settings.effective(),
        "spec": spec().as_json(),
        "prompt_text": "Say hello.",
        "prompt_ids": [1, 2],
        "prompt_tokens": 2,
        "max_new_tokens": 64,
        "deadline": now,
        "first_token_at": now,
        "finished_at": now + timedelta(milliseconds=200),
        "text": " Hello",
        "tokens": TOKENS,
        "completion_tokens": 2,
    }
    return Run.objects.create(**{**fields, **changes})


@pytest.fixture
def run(experiment: Experiment, alice: User) -> Run:
    return answered(experiment, alice, "shared")


@pytest.fixture
def version(experiment: Experiment) -> Version:
    stored = spec(instruction="Be short.").as_json()
    return experiment.versions.create(number=1, spec=stored, content_hash="a", label="Short")


@pytest.fixture
def comparison(experiment: Experiment, alice: User, bob: User) -> Comparison:
    columns = [{"key": key, "title": title, "spec": spec().as_json()} for key, title in ("aA", "bB")]
    board = {"schema": 1, "columns": columns, "rows": [{"key": "r", "values": {"input": "An input."}}]}
    made = Comparison.objects.create(experiment=experiment, title="Two prompts", board=board)
    cells = [
        answered(experiment, alice, f"cell {key}", comparison=made, column=key, row="r", text=f"from {key}")
        for key in ("a", "b")
    ]
    Vote.objects.create(
        comparison=made, row="r", user=bob, run=cells[1], against=cells[0], choice="better", blind=True
    )
    return made


def ask(user: User, kind: str, target: Any, **changes: Any) -> Any:
    body = {"kind": kind, "id": str(target.pk), "mode": "live", "expires": "day", **changes}
    return client_of(user).post(reverse("share-links"), json.dumps(body), content_type="application/json")


def share(user: User, kind: str, target: Any, **changes: Any) -> str:
    """The path of a new link."""
    answer = ask(user, kind, target, **changes)
    assert answer.status_code == 201, answer.content
    return str(answer.json()["url"]).removeprefix("http://testserver")


def shown(path: str, client: Client | None = None) -> str:
    answer = (client or Client()).get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def document(path: str, client: Client | None = None) -> dict[str, Any]:
    whole: dict[str, Any] = (client or Client()).get(f"{path}data").json()["document"]
    return whole


def test_only_the_hash_of_a_secret_is_stored(alice: User, run: Run) -> None:
    path = share(alice, "run", run)
    secret = path.split("/")[2]
    link = ShareLink.objects.get()
    assert len(secret) >= 43, "256 bits"
    assert link.secret_hash == digest(secret)
    listed = client_of(alice).get(reverse("share-links"), {"kind": "run", "id": str(run.pk)})
    assert secret not in listed.content.decode()
    assert secret not in json.dumps(list(AuditEntry.objects.values("action", "about")))
    assert AuditEntry.objects.get().action == "share_link_made"


def test_a_run_is_shown_to_anybody_with_the_link(alice: User, run: Run) -> None:
    path = share(alice, "run", run)
    answer = Client().get(path)
    page = answer.content.decode()
    assert " Hello" in page
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    for hidden in (run.pk, run.team_id, run.experiment_id):
        assert str(hidden) not in page
    assert document(path)["runs"][0]["tokens"] == TOKENS


@pytest.mark.parametrize("kind", ["experiment", "version", "run", "comparison"])
@pytest.mark.parametrize("mode", ["snapshot", "live"])
def test_every_kind_in_both_modes(
    kind: str,
    mode: str,
    alice: User,
    experiment: Experiment,
    version: Version,
    run: Run,
    comparison: Comparison,
) -> None:
    target = {"experiment": experiment, "version": version, "run": run, "comparison": comparison}[kind]
    path = share(alice, kind, target, mode=mode)
    page, offline = shown(path), shown(f"{path}offline.html")
    title = {"experiment": experiment.title, "comparison": "Two prompts"}.get(kind, experiment.title)
    for text in (page, offline):
        assert title in text
        assert "alice&#x27;s team" in text
        assert ("Be short." in text) is (kind == "version")
        assert ("from a" in text) is (kind in ("comparison", "experiment"))


def test_a_comparison_shows_cells_and_votes(alice: User, comparison: Comparison) -> None:
    found = document(share(alice, "comparison", comparison))
    assert [(cell["column"], cell["row"]) for cell in found["cells"]] == [("a", "r"), ("b", "r")]
    assert [found["runs"][cell["run"]]["text"] for cell in found["cells"]] == ["from a", "from b"]
    wanted = {"first": "a", "second": "b", "better": 0, "worse": 1, "tie": 0, "both_bad": 0}
    assert found["votes"] == [wanted], "b was better than a, seen from a"


def test_a_snapshot_stays_and_a_live_link_follows(alice: User, experiment: Experiment, run: Run) -> None:
    kept = share(alice, "experiment", experiment, mode="snapshot")
    live = share(alice, "experiment", experiment, mode="live")
    before = document(kept)
    assert document(live) == before
    answered(experiment, alice, "later", text="A later answer")
    Experiment.objects.filter(pk=experiment.pk).update(title="Another title")
    run.tokens = None
    run.save()
    assert document(kept) == before
    assert document(live)["title"] == "Another title"
    assert document(live)["runs"][0]["text"] == "A later answer"


def test_a_snapshot_keeps_no_unfinished_answer(alice: User, comparison: Comparison) -> None:
    comparison.runs.filter(column="a").update(status=Status.RUNNING, text="half an ans")
    live = share(alice, "comparison", comparison, mode="live")
    kept = share(alice, "comparison", comparison, mode="snapshot")
    assert "data-follow" in shown(live)
    assert "data-follow" not in shown(kept)
    found = document(kept)
    assert [(cell["column"], found["runs"][cell["run"]]["text"]) for cell in found["cells"]] == [
        ("b", "from b")
    ]
    assert found["left_out"] == ["1 answer was still being written."]
    assert "half an ans" not in shown(kept) + shown(f"{live}offline.html")
    assert "half an ans" in shown(live)


def test_open_links_come_first_in_the_list(alice: User, run: Run) -> None:
    for name in ("one", "two", "three"):
        share(alice, "run", run, passphrase=name)
    newest = ShareLink.objects.latest("created_at")
    ShareLink.objects.filter(pk=newest.pk).update(revoked_at=timezone.now())
    listed = client_of(alice).get(reverse("share-links"), {"kind": "run", "id": str(run.pk)}).json()["links"]
    assert [link["state"] for link in listed] == ["open", "open", "revoked"]


def test_deleted_runs_are_shown_nowhere(alice: User, experiment: Experiment, run: Run) -> None:
    path = share(alice, "experiment", experiment)
    run.deleted_at = timezone.now()
    run.save()
    assert document(path)["runs"] == []


def test_a_large_experiment_says_what_is_left_out(alice: User, experiment: Experiment) -> None:
    for number in range(LIMITS.shared_runs + 2):
        answered(experiment, alice, f"k{number}", tokens=TOKENS * 400)
    found = document(share(alice, "experiment", experiment))
    assert len(found["runs"]) == LIMITS.shared_runs
    assert sum(run["tokens"] is not None for run in found["runs"]) == LIMITS.shared_tokens // 800
    assert found["left_out"] == [
        "2 older runs are not part of this page.",
        "10 long answers are shown as text alone.",
    ]


def test_what_the_engine_said_of_a_fault_stays_in_the_team(alice: User, experiment: Experiment) -> None:
    said = "The model's engine stopped while writing this answer; run it again. (/srv/models/secret.bin)"
    failed = answered(
        experiment, alice, "f", status=Status.FAILED, error_code="engine_failed", error_message=said
    )
    page = shown(share(alice, "run", failed))
    assert "engine stopped" in page
    assert "/srv/models" not in page


# The end of a link -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["experiment", "version", "run", "comparison"])
def test_deleting_the_experiment_ends_its_links(
    kind: str, alice: User, experiment: Experiment, version: Version, run: Run, comparison: Comparison
) -> None:
    target = {"experiment": experiment, "version": version, "run": run, "comparison": comparison}[kind]
    path = share(alice, kind, target, mode="snapshot")
    shown(path)
    experiment.deleted_at = timezone.now()
    experiment.save()
    assert Client().get(path).status_code == 404


def test_a_revoked_link_is_refused_at_once(alice: User, run: Run) -> None:
    path = share(alice, "run", run)
    client = Client()
    shown(path, client)
    link = ShareLink.objects.get()
    for _ in range(2):
        assert client_of(alice).delete(reverse("share-link", args=[link.pk])).status_code == 200
    assert client.get(path).status_code == 404
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == [
        "share_link_made",
        "share_link_revoked",
    ]
    changed = client_of(alice).patch(
        reverse("share-link", args=[link.pk]), '{"expires": "never"}', content_type="application/json"
    )
    assert (changed.status_code, changed.json()["error"]["code"]) == (409, "link_revoked")


def test_the_end_of_a_link_is_moved(alice: User, run: Run) -> None:
    path = share(alice, "run", run, expires="hour")
    link = ShareLink.objects.get()
    url = reverse("share-link", args=[link.pk])
    past = (timezone.now() - timedelta(days=1)).isoformat()
    refused = client_of(alice).patch(url, json.dumps({"expires": past}), content_type="application/json")
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "expires")
    ShareLink.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert Client().get(path).status_code == 404
    assert (
        client_of(alice).patch(url, '{"expires": "week"}', content_type="application/json").status_code == 200
    )
    shown(path)


# Rights of members -----------------------------------------------------------------------------------


def test_roles_decide_who_shares(alice: User, bob: User, carol: User, run: Run) -> None:
    assert ask(bob, "run", run).status_code == 403
    assert ask(carol, "run", run).status_code == 404
    share(alice, "run", run)
    link = ShareLink.objects.get()
    query = {"kind": "run", "id": str(run.pk)}
    for user, status, listed in ((bob, 403, 200), (carol, 404, 404)):
        assert client_of(user).delete(reverse("share-link", args=[link.pk])).status_code == status
        assert client_of(user).get(reverse("share-links"), query).status_code == listed
        assert client_of(user).get(reverse("share-offline"), query).status_code == listed
    assert Client().post(reverse("share-links")).status_code == 401
    assert ShareLink.objects.get().revoked_at is None


@pytest.mark.parametrize("kind", ["experiment", "version", "comparison"])
def test_an_id_of_another_kind_is_a_miss(kind: str, alice: User, run: Run) -> None:
    assert ask(alice, kind, run).status_code == 404
    assert not ShareLink.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "team"},
        {"mode": "both"},
        {"expires": "soon"},
        {"expires": "2031-01-01"},
        {"passphrase": "x" * 201},
    ],
)
def test_what_makes_no_link_is_refused(changes: dict[str, Any], alice: User, run: Run) -> None:
    body = {"kind": "run", "id": str(run.pk), "mode": "live", "expires": "day"} | changes
    url = reverse("share-links")
    answer = client_of(alice).post(url, json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
    assert not ShareLink.objects.exists()


def test_a_running_answer_has_no_snapshot(alice: User, run: Run) -> None:
    Run.objects.update(status=Status.RUNNING)
    refused = ask(alice, "run", run, mode="snapshot")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "run_is_live")
    assert ask(alice, "run", run, mode="live").status_code == 201


def test_a_thing_has_so_many_open_links(alice: User, run: Run, team: Team) -> None:
    rows = (
        ShareLink(team=team, run=run, title="x", secret_hash=f"{number:064}")
        for number in range(LIMITS.share_links)
    )
    ShareLink.objects.bulk_create(rows)
    refused = ask(alice, "run", run)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_many_links")


# Forks -----------------------------------------------------------------------------------------------


def fork(user: User, path: str, team: Team) -> Any:
    return client_of(user).post(f"{path}fork", {"team": str(team.pk)})


@pytest.mark.parametrize("kind", ["experiment", "version", "run", "comparison"])
def test_a_stranger_with_an_account_forks_into_a_team_of_theirs(
    kind: str,
    alice: User,
    carol: User,
    experiment: Experiment,
    version: Version,
    run: Run,
    comparison: Comparison,
) -> None:
    targets = {"experiment": experiment, "version": version, "run": run, "comparison": comparison}
    path = share(alice, kind, targets[kind], mode="snapshot")
    team = Team.objects.get(personal_of=carol)
    assert str(team.pk) in shown(path, client_of(carol))
    answer = fork(carol, path, team)
    made = team.experiments.latest("created_at")
    assert answer.headers["Location"] == reverse("experiment", args=[made.pk])
    assert made.title.startswith("Fork of ")
    specs = {"experiment": experiment.draft, "version": version.spec}
    assert made.draft == specs.get(kind, run.spec | {"input": made.draft["input"]})
    boards = [one.board["rows"] for one in made.comparisons.all()]
    assert boards == ([comparison.board["rows"]] if kind == "comparison" else [])


def test_a_fork_needs_the_right_to_edit_where_it_goes(alice: User, bob: User, carol: User, run: Run) -> None:
    path = share(alice, "run", run)
    before = Experiment.objects.count()
    assert fork(bob, path, run.team).status_code == 403
    assert fork(carol, path, run.team).status_code == 404
    assert client_of(carol).post(f"{path}fork", {"team": "no id"}).status_code == 404
    assert Client().post(f"{path}fork", {"team": str(run.team_id)}).headers["Location"] == path
    assert str(run.team_id) not in shown(path, client_of(bob)), "he only reads there"
    assert Experiment.objects.count() == before


def test_a_page_with_a_form_lets_it_be_sent(alice: User, run: Run) -> None:
    """A browser that hides the referrer hides the origin too, and Django's check then refuses the form."""
    path = share(alice, "run", run)
    assert client_of(alice).get(path)["Referrer-Policy"] == "same-origin"
    assert Client().get(share(alice, "run", run, passphrase="x"))["Referrer-Policy"] == "same-origin"


# Nothing but what it names ---------------------------------------------------------------------------


def patterns(resolver: Any, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, path)
        elif isinstance(entry, URLPattern):
            yield path


def test_a_link_opens_no_other_address(
    alice: User, experiment: Experiment, run: Run, version: Version
) -> None:
    """Every address of the site, with the link unlocked and the ids of all that is around the run."""
    marked = spec(instruction=HIDDEN).as_json()
    Experiment.objects.filter(pk=experiment.pk).update(scope=HIDDEN, draft=marked)
    answered(experiment, alice, "other", text=HIDDEN, prompt_text=HIDDEN)
    Version.objects.filter(pk=version.pk).update(spec=marked, label=HIDDEN)
    path = share(alice, "run", run, passphrase="open sesame")
    secret = path.split("/")[2]
    client = Client()
    client.post(path, {"passphrase": "open sesame"})
    ids = [
        str(pk)
        for model in (Experiment, Run, Version, ShareLink, Team)
        for pk in model.objects.values_list("pk", flat=True)
    ]
    seen, opened = 0, set()
    for pattern in patterns(get_resolver()):
        for pk in ids:
            address = re.sub(r"<uuid:\w+>", pk, "/" + pattern)
            address = re.sub(r"<str:secret>", secret, address)
            address = re.sub(r"<(?:\w+:)?\w+>|\(\?P.*", "x", address).replace("^", "").replace("$", "")
            answer = client.get(address, {"id": pk, "kind": "run", "run": pk})
            seen += 1
            assert HIDDEN not in answer.content.decode(errors="replace"), address
            if answer.status_code == 200 and run.text.strip() in answer.content.decode(errors="replace"):
                opened.add(address)
    assert seen > 150
    assert opened == {path, f"{path}data", f"{path}offline.html"}


def test_what_stands_behind_the_secret_is_no_id(alice: User, run: Run) -> None:
    path = share(alice, "run", run)
    for tail in (str(run.pk), f"runs/{run.pk}/", f"data/{run.pk}", "../data"):
        assert Client().get(f"{path}{tail}").status_code == 404
