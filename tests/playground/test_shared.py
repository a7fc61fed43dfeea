"""What a visitor meets behind a share link: nothing, a passphrase, or a page that counts them once."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from playground.models import Experiment, Run, ShareLink
from playground.models.run import Status
from playground.models.secrets import digest
from playground.views.shared import ATTEMPTS
from tests.playground.test_share_links import answered, client_of, share, shown

pytestmark = pytest.mark.usefixtures("plain_static", "valkey")


@pytest.fixture
def run(experiment: Experiment, alice: User) -> Run:
    return answered(experiment, alice, "shared")


def test_every_way_to_be_no_link_looks_the_same(alice: User, experiment: Experiment, run: Run) -> None:
    paths = {
        name: share(alice, "run", run, passphrase="open sesame") for name in ("revoked", "expired", "deleted")
    }
    find = {name: digest(path.split("/")[2]) for name, path in paths.items()}
    gone = answered(experiment, alice, "gone", deleted_at=timezone.now())
    ShareLink.objects.filter(secret_hash=find["revoked"]).update(revoked_at=timezone.now())
    ShareLink.objects.filter(secret_hash=find["expired"]).update(expires_at=timezone.now())
    ShareLink.objects.filter(secret_hash=find["deleted"]).update(run=gone)
    wrong = "/s/" + "x" * 43 + "/"
    for tail in ("", "data", "offline.html"):
        answers = [Client().get(path + tail) for path in [wrong, "/s/1/", *paths.values()]]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.fixture
def locked(alice: User, run: Run) -> Iterator[str]:
    cache.clear()
    yield share(alice, "run", run, passphrase="open sesame")
    cache.clear()


def test_a_passphrase_is_hashed_and_unlocks_one_link(alice: User, run: Run, locked: str) -> None:
    assert "open sesame" not in ShareLink.objects.get().passphrase_hash
    other = share(alice, "run", run, passphrase="another one")
    client = Client()
    page = shown(locked, client)
    assert "passphrase" in page
    assert run.text not in page
    assert "Review" not in page, "not even the title"
    assert client.get(f"{locked}data").status_code == 404
    assert client.get(f"{locked}offline.html").status_code == 302
    wrong = client.post(locked, {"passphrase": "open says me"})
    assert wrong.status_code == 403
    assert "That is not the passphrase." in wrong.content.decode()
    assert client.post(locked, {"passphrase": "open sesame"}).status_code == 302
    assert run.text in shown(locked, client)
    assert run.text in shown(f"{locked}offline.html", client)
    assert run.text not in shown(other, client)
    assert run.text not in shown(locked), "another browser has not been told"


def test_attempts_are_limited_per_link_and_address(alice: User, run: Run, locked: str) -> None:
    client = Client()
    for _ in range(ATTEMPTS["address"]):
        assert client.post(locked, {"passphrase": "wrong"}).status_code == 403
    assert client.post(locked, {"passphrase": "open sesame"}).status_code == 429, "the right one, too"
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert Client().post(locked, {"passphrase": "open sesame"}, **elsewhere).status_code == 302  # type: ignore[arg-type]
    other = share(alice, "run", run, passphrase="open sesame")
    assert client.post(other, {"passphrase": "open sesame"}).status_code == 302


def test_views_count_visitors_and_not_reloads(alice: User, run: Run) -> None:
    cache.clear()
    path = share(alice, "run", run)
    for _ in range(3):
        Client().get(path, REMOTE_ADDR="192.0.2.1")
    Client().get(path, REMOTE_ADDR="192.0.2.2")
    Client().get(f"{path}data", REMOTE_ADDR="192.0.2.3")
    Client().head(path, REMOTE_ADDR="192.0.2.4")
    link = ShareLink.objects.get()
    assert link.views == 2
    assert link.last_viewed_at is not None
    (row,) = client_of(alice).get(reverse("share-links"), {"kind": "run", "id": str(run.pk)}).json()["links"]
    assert (row["views"], row["state"], row["mode"], row["made_by"]) == (2, "open", "live", "alice")


def test_a_waiting_page_is_told_nothing_twice(alice: User, run: Run) -> None:
    path = share(alice, "run", run)
    first = Client().get(f"{path}data")
    assert first.json()["live"] is False
    again = Client().get(f"{path}data", HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    Run.objects.update(status=Status.RUNNING, text="more")
    changed = Client().get(f"{path}data", HTTP_IF_NONE_MATCH=first["ETag"])
    assert (changed.status_code, changed.json()["live"]) == (200, True)
