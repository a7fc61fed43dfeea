"""Comments: everybody who reads may talk, about anything, and nobody speaks for another."""

import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from playground.actions import deletions, retention
from playground.actions.snapshots import snapshot_of
from playground.events import connect
from playground.limits import LIMITS
from playground.models import AuditEntry, Comment, Experiment, Feeling, Membership, Mention, Role, Run, Team
from playground.models.run import Status
from playground.room_events import stream_key
from tests.conftest import person, spec
from tests.playground.permissions import board
from tests.playground.test_comparisons import ask, client_of
from tests.playground.test_history import kept

pytestmark = pytest.mark.usefixtures("plain_static", "valkey")

QUOTE = {"text": "good or bad", "before": "Say whether it is ", "after": ".", "offset": 18}
WORDS = {"kind": "text", "path": "instruction", "quote": QUOTE}


@pytest.fixture
def erin(db: None, team: Team) -> User:
    """An editor."""
    user = person("erin")
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


def say(user: User, experiment: Experiment, text: str = "Why?", **more: Any) -> Any:
    """The answer to a new thread."""
    return ask(user, "comments", experiment.pk, {"text": text, **more})


def begun(user: User, experiment: Experiment, text: str = "Why?", **more: Any) -> Any:
    answer = say(user, experiment, text, **more)
    assert answer.status_code == 201, answer.content
    return answer.json()["thread"]


def reply(user: User, thread: Any, text: str = "Because.", **more: Any) -> Any:
    return ask(user, "comment-replies", thread["id"], {"text": text, **more})


def look(user: User, experiment: Experiment, **query: Any) -> Any:
    return client_of(user).get(reverse("comments", args=[experiment.pk]), query)


def seen_by(user: User, experiment: Experiment, **query: Any) -> Any:
    return look(user, experiment, **query).json()


def texts(page: Any) -> list[list[str]]:
    return [[comment["text"] for comment in thread["comments"]] for thread in page["threads"]]


def react(user: User, thread: Any, name: str, method: str = "put") -> Any:
    return getattr(client_of(user), method)(reverse("comment-reaction", args=[thread["id"], name]))


def test_a_thread_is_begun_answered_and_read(alice: User, bob: User, experiment: Experiment) -> None:
    thread = begun(bob, experiment, "  Is this clear?  ", about=WORDS)
    assert reply(alice, thread).status_code == 201
    page = seen_by(bob, experiment)
    assert texts(page) == [["Is this clear?", "Because."]]
    (shown,) = page["threads"]
    assert shown["about"] == WORDS
    assert [comment["user_name"] for comment in shown["comments"]] == ["bob", "alice"]
    assert page["marks"] == [{"thread": thread["id"], "about": WORDS, "comments": 2}]
    assert [one["name"] for one in page["people"]] == ["alice", "bob"]


def test_a_comment_is_about_a_run_an_example_a_comparison_or_all(alice: User, experiment: Experiment) -> None:
    comparison = experiment.comparisons.create(title="Ways", board=board())
    (run,) = kept(experiment, text="yes")
    Run.objects.filter(pk=run.pk).update(comparison=comparison)
    on_run = begun(alice, experiment, about={"kind": "run", "run": str(run.pk)})
    begun(alice, experiment, about={"kind": "comparison", "comparison": str(comparison.pk)})
    begun(alice, experiment, about={"kind": "example", "example": "e1"})
    begun(alice, experiment)
    assert on_run["about"]["answer"]["preview"] == "yes"
    assert on_run["about"]["in"] == {
        "id": str(comparison.pk),
        "title": "Ways",
        "url": reverse("comparison", args=[comparison.pk]),
    }
    kinds = [thread["about"]["kind"] for thread in seen_by(alice, experiment)["threads"]]
    assert kinds == ["experiment", "example", "comparison", "run"], "the newest first"
    there = seen_by(alice, experiment, comparison=comparison.pk)
    assert [thread["about"]["kind"] for thread in there["threads"]] == ["comparison", "run"]
    assert len(there["marks"]) == 2


def test_a_run_of_another_experiment_is_not_talked_about_here(alice: User, experiment: Experiment) -> None:
    other = Experiment.objects.create(
        team=experiment.team, title="Other", draft=experiment.draft, created_by=alice
    )
    (run,) = kept(other, text="yes")
    assert say(alice, experiment, about={"kind": "run", "run": str(run.pk)}).status_code == 404
    assert not Comment.objects.exists()


def test_a_comment_outlives_its_run_and_keeps_it_from_being_pruned(
    alice: User, experiment: Experiment
) -> None:
    (run,) = kept(experiment, text="yes")
    thread = begun(alice, experiment, about={"kind": "run", "run": str(run.pk)})
    Run.objects.filter(pk=run.pk).update(
        finished_at=timezone.now() - timedelta(days=9), status=Status.SUCCEEDED
    )
    assert not retention.too_old(experiment.team, 1).exists()
    run.delete()
    (shown,) = seen_by(alice, experiment)["threads"]
    assert (shown["id"], shown["about"]) == (thread["id"], {"kind": "run", "run": None})
    assert retention.too_old(experiment.team, 1).count() == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "  \n "},
        {"text": "x" * (LIMITS.comment_chars + 1)},
        {"text": "\0"},
        {"text": 7},
        {"text": "x", "author": 1},
        {"text": "x", "mentions": ["me"]},
        {"text": "x", "mentions": list(range(LIMITS.mentions + 1))},
        {"text": "x", "about": {"kind": "everything"}},
        {"text": "x", "about": {"kind": "run", "run": "nothing"}},
        {"text": "x", "about": {"kind": "example"}},
        {"text": "x", "about": WORDS | {"path": "settings/model"}},
        {"text": "x", "about": WORDS | {"path": "input/"}},
        {"text": "x", "about": WORDS | {"quote": QUOTE | {"text": ""}}},
        {"text": "x", "about": WORDS | {"quote": QUOTE | {"text": "x" * (LIMITS.quote_chars + 1)}}},
        {"text": "x", "about": WORDS | {"quote": QUOTE | {"offset": -1}}},
        {"text": "x", "about": WORDS | {"quote": QUOTE | {"before": "\ud800"}}},
    ],
)
def test_bad_input_is_refused(alice: User, experiment: Experiment, body: Any) -> None:
    assert ask(alice, "comments", experiment.pk, body).status_code in (400, 422)
    assert not Comment.objects.exists()


@pytest.mark.parametrize("query", [{"state": "all"}, {"before": "x"}, {"comparison": "x"}, {"more": "1"}])
def test_a_bad_query_is_refused(alice: User, experiment: Experiment, query: Any) -> None:
    assert look(alice, experiment, **query).status_code == 422


def test_only_authors_edit_and_only_authors_and_owners_delete(
    alice: User, bob: User, erin: User, experiment: Experiment
) -> None:
    thread = begun(bob, experiment)
    for user in (alice, erin):
        assert ask(user, "comment", thread["id"], {"text": "I love it."}, "patch").status_code == 403
    assert ask(erin, "comment", thread["id"], None, "delete").status_code == 403
    edited = ask(bob, "comment", thread["id"], {"text": "Why so?"}, "patch").json()["thread"]
    assert [(one["text"], one["edited"]) for one in edited["comments"]] == [("Why so?", True)]
    assert ask(alice, "comment", thread["id"], None, "delete").json()["thread"] is None
    entry = AuditEntry.objects.get(action="comment_deleted")
    assert entry.about == {"author": "bob", "title": experiment.title}
    assert texts(seen_by(bob, experiment)) == []


def test_a_deletion_is_undone(alice: User, experiment: Experiment) -> None:
    thread = begun(alice, experiment)
    undo = ask(alice, "comment", thread["id"], None, "delete").json()["undo"]
    assert undo["url"] == reverse("comment-restore", args=[thread["id"]])
    assert ask(alice, "comment-restore", thread["id"]).status_code == 200
    assert texts(seen_by(alice, experiment)) == [["Why?"]]
    assert not AuditEntry.objects.filter(action__startswith="comment").exists(), "one's own words are no news"
    ask(alice, "comment", thread["id"], None, "delete")
    page = client_of(alice).post(undo["url"], headers={"Accept": "text/html"})
    address = reverse("experiment", args=[experiment.pk])
    assert (page.status_code, page["Location"]) == (302, f"{address}#comment-{thread['id']}")


def test_what_was_answered_keeps_its_place_and_loses_its_words(
    alice: User, bob: User, experiment: Experiment
) -> None:
    thread = begun(alice, experiment, "Secret")
    answer = reply(bob, thread).json()["comment"]
    left = ask(alice, "comment", thread["id"], None, "delete").json()["thread"]
    assert [(one["deleted"], one["text"]) for one in left["comments"]] == [(True, ""), (False, "Because.")]
    Comment.objects.filter(pk=thread["id"]).update(deleted_at=timezone.now() - deletions.KEPT * 2)
    while deletions.purge():
        pass
    assert Comment.objects.get(pk=thread["id"]).text == ""
    ask(bob, "comment", answer, None, "delete")
    assert seen_by(alice, experiment)["threads"] == []
    Comment.objects.filter(pk=answer).update(deleted_at=timezone.now() - deletions.KEPT * 2)
    while deletions.purge():
        pass
    assert not Comment.objects.exists()


def test_threads_are_resolved_and_an_answer_opens_them_again(
    alice: User, bob: User, erin: User, experiment: Experiment
) -> None:
    thread = begun(alice, experiment)

    def resolve(user: User, resolved: bool = True) -> Any:
        return ask(user, "comment-resolution", thread["id"], {"resolved": resolved}, "put")

    assert resolve(bob).status_code == 403, "a viewer resolves only threads of their own"
    assert resolve(erin).json()["thread"]["resolved"]["by"] == "erin"
    assert resolve(alice).json()["thread"]["resolved"]["by"] == "erin", "the first counts"
    assert seen_by(alice, experiment)["threads"] == seen_by(alice, experiment)["marks"] == []
    assert texts(seen_by(alice, experiment, state="resolved")) == [["Why?"]]
    assert reply(bob, thread).json()["thread"]["resolved"] is None
    assert texts(seen_by(alice, experiment)) == [["Why?", "Because."]]
    resolve(alice)
    assert resolve(alice, resolved=False).json()["thread"]["resolved"] is None


def test_mine_are_threads_that_i_wrote_in_or_am_named_in(
    alice: User, bob: User, experiment: Experiment
) -> None:
    begun(alice, experiment, "Not for Bob")
    begun(alice, experiment, "Look, @bob", mentions=[bob.pk])
    answered = begun(alice, experiment, "Anybody?")
    reply(bob, answered)
    begun(bob, experiment, "My own")
    mine = [first for first, *_ in texts(seen_by(bob, experiment, state="mine"))]
    assert mine == ["My own", "Anybody?", "Look, @bob"]


def test_a_mention_counts_until_it_is_seen(alice: User, bob: User, experiment: Experiment) -> None:
    thread = begun(alice, experiment, "@bob and @alice, look", mentions=[bob.pk, alice.pk])
    named = [one["name"] for one in thread["comments"][0]["mentions"]]
    assert named == ["bob", "alice"] or named == ["alice", "bob"]
    answer = reply(alice, thread, "@bob?", mentions=[bob.pk]).json()["comment"]
    assert seen_by(alice, experiment)["unseen"] == [], "nobody has to be told of their own words"
    unseen = seen_by(bob, experiment)["unseen"]
    assert unseen == [{"comment": one, "thread": thread["id"]} for one in (thread["id"], answer)]
    assert "You are mentioned 2 times" in client_of(bob).get(reverse("experiments")).content.decode()
    assert "You are mentioned" not in client_of(alice).get(reverse("experiments")).content.decode()
    ask(bob, "comments-seen", experiment.pk, {"comments": [thread["id"]]})
    assert [one["comment"] for one in seen_by(bob, experiment)["unseen"]] == [answer]
    ask(alice, "comment", answer, {"text": "Never mind"}, "patch")
    assert seen_by(bob, experiment)["unseen"] == []
    ask(alice, "comment", thread["id"], {"text": "@bob, look again", "mentions": [bob.pk]}, "patch")
    assert seen_by(bob, experiment)["unseen"] == [], "who has seen it is not told of an edit"


def test_only_members_who_are_named_in_the_text_are_mentioned(
    alice: User, bob: User, carol: User, experiment: Experiment
) -> None:
    assert say(alice, experiment, "@carol", mentions=[carol.pk]).status_code == 404
    assert say(alice, experiment, "@nobody", mentions=[10**9]).status_code == 404
    assert not Comment.objects.exists()
    assert begun(alice, experiment, "Hi", mentions=[bob.pk])["comments"][0]["mentions"] == []
    assert not Mention.objects.exists()


def test_everybody_reacts_once_with_each_emoji(alice: User, bob: User, experiment: Experiment) -> None:
    thread = begun(alice, experiment)
    for user, name in ((bob, "heart"), (alice, "yes"), (bob, "yes"), (bob, "yes")):
        assert react(user, thread, name).status_code == 200
    reactions = seen_by(bob, experiment)["threads"][0]["comments"][0]["reactions"]
    assert reactions == [
        {"name": "yes", "users": ["alice", "bob"], "mine": True},
        {"name": "heart", "users": ["bob"], "mine": True},
    ]
    assert react(bob, thread, "yes", "delete").status_code == 200
    assert react(bob, thread, "rocket").status_code == 404


def test_the_page_draws_every_emoji(alice: User, experiment: Experiment) -> None:
    page = client_of(alice).get(reverse("experiment", args=[experiment.pk])).content.decode()
    offered = page.split('id="feelings-template"')[1].split("</template>")[0]
    assert re.findall(r'data-name="(\w+)"', offered) == Feeling.values


def test_threads_come_in_pages(alice: User, experiment: Experiment) -> None:
    rows = [Comment(experiment=experiment, author=alice, text=str(number)) for number in range(30)]
    Comment.objects.bulk_create(rows)
    first = seen_by(alice, experiment)
    rest = seen_by(alice, experiment, before=first["threads"][-1]["id"])
    found = [text for (text,) in texts(first) + texts(rest)]
    assert found == [str(number) for number in reversed(range(30))]
    assert (first["more"], rest["more"]) == (True, False)
    assert len(first["marks"]) == 30
    assert "marks" not in rest
    foreign = Comment.objects.create(
        experiment=Experiment.objects.create(team=experiment.team, title="x", draft=experiment.draft)
    )
    for before in (foreign.pk, uuid.uuid4()):
        assert look(alice, experiment, before=before).status_code == 404


def test_threads_and_replies_are_bounded(
    alice: User, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = begun(alice, experiment)
    Comment.objects.bulk_create(
        Comment(experiment=experiment, author=alice, text="x", parent_id=thread["id"])
        for _ in range(LIMITS.replies)
    )
    refused = reply(alice, thread)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_many_comments")
    Comment.objects.bulk_create(
        Comment(experiment=experiment, author=alice, text="x") for _ in range(LIMITS.threads - 1)
    )
    refused = say(alice, experiment)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_many_comments")


def test_every_change_is_told_to_the_room_with_ids_alone(
    alice: User, bob: User, experiment: Experiment, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        thread = begun(alice, experiment, "Secret words")
        reply(bob, thread)
        react(bob, thread, "yes")
        ask(alice, "comment", thread["id"], {"text": "Other secret words"}, "patch")
        ask(alice, "comment-resolution", thread["id"], {"resolved": True}, "put")
        ask(alice, "comment", thread["id"], None, "delete")
    with connect() as client:
        told = [json.loads(fields["e"]) for _, fields in client.xrange(stream_key(experiment.pk))]
    notes = [event["note"] for event in told]
    assert [note["by"] for note in notes] == [alice.pk, bob.pk, bob.pk, alice.pk, alice.pk, alice.pk]
    assert {note["thread"] for note in notes} == {thread["id"]}
    assert all(note.keys() == {"kind", "thread", "comment", "by"} for note in notes)


def test_what_was_said_is_in_no_share_link(alice: User, experiment: Experiment) -> None:
    (run,) = kept(experiment, text="yes")
    run.settings = spec().settings.effective()
    run.save()
    begun(alice, experiment, "Do not tell", about={"kind": "run", "run": str(run.pk)})
    begun(alice, experiment, "Do not tell")
    assert "Do not tell" not in str(snapshot_of(experiment)) + str(snapshot_of(run))


def test_the_activity_is_what_the_rows_tell(alice: User, bob: User, experiment: Experiment) -> None:
    comparison = experiment.comparisons.create(title="Ways", board=board(), created_by=alice)
    for _ in range(3):
        kept(experiment, text="yes")
    for run in [kept(experiment, text="no")[0] for _ in range(2)]:
        Run.objects.filter(pk=run.pk).update(comparison=comparison)
    thread = begun(bob, experiment, "Why?")
    reply(alice, thread)
    ask(alice, "comment-resolution", thread["id"], {"resolved": True}, "put")
    body = {"label": "The first", "spec": experiment.draft}
    assert ask(alice, "versions", experiment.pk, body).status_code == 201
    entries = ask(bob, "experiment-activity", experiment.pk, method="get").json()["entries"]
    assert [entry["at"] for entry in entries] == sorted((entry["at"] for entry in entries), reverse=True)
    told = {
        entry["kind"] + (" cells" if "comparison" in entry and entry["kind"] == "ran" else ""): entry
        for entry in entries
    }
    assert set(told) == {"made", "compared", "ran", "ran cells", "commented", "replied", "resolved", "saved"}
    assert (told["ran"]["count"], told["ran cells"]["count"]) == (3, 2)
    assert told["commented"]["user"] == {"id": bob.pk, "name": "bob"}
    assert told["saved"]["title"] == "The first"
    ask(bob, "comment", thread["id"], None, "delete")
    entries = ask(bob, "experiment-activity", experiment.pk, method="get").json()["entries"]
    assert "Why?" not in str(entries)


def test_the_activity_is_bounded(alice: User, experiment: Experiment) -> None:
    Comment.objects.bulk_create(Comment(experiment=experiment, author=alice, text="x") for _ in range(99))
    assert len(ask(alice, "experiment-activity", experiment.pk, method="get").json()["entries"]) == 50
