"""A right that is lost reaches every open socket: one query for all of them, whoever changed the rows."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client
from django.utils import timezone

from playground.consumers import rights
from playground.consumers.rights import Ground, Marks, Rights
from playground.consumers.socket import PageSocket
from playground.models import Experiment, Membership, Role, Run, Team
from tests.conftest import make_run

in_tables = pytest.mark.django_db(transaction=True)


@dataclass
class Scene:
    """Bob has opened the experiment of Alice's team and watches her run."""

    bob: User
    team: Team
    experiment: Experiment
    run: Run
    cookies: str

    @property
    def membership(self) -> Any:
        return Membership.objects.filter(team=self.team, user=self.bob)


@pytest.fixture
def scene(
    transactional_db: None, valkey: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Scene:
    monkeypatch.setattr(rights, "LOOK", 0.05)
    bob, alice = (request.getfixturevalue(name) for name in ("bob", "alice"))
    team = Team.objects.get(personal_of=alice)
    Membership.objects.filter(team=team, user=bob).update(role=Role.EDITOR)
    experiment, run = team.experiments.get(), make_run(alice)
    Run.objects.filter(pk=run.pk).update(experiment=experiment)
    client = Client()
    client.force_login(bob)
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    return Scene(bob, team, experiment, run, cookies)


class Page:
    """A socket of Bob's as his browser has it."""

    def __init__(self, scene: Scene, query: str) -> None:
        scope = {
            "type": "websocket",
            "path": "/ws/",
            "query_string": query.encode(),
            "headers": [(b"cookie", scene.cookies.encode())],
        }
        self.line: Any = ApplicationCommunicator(PageSocket.as_asgi(), scope)  # type: ignore[no-untyped-call]

    async def send(self, **frame: Any) -> None:
        await self.line.send_input({"type": "websocket.receive", "text": json.dumps(frame)})

    async def hear(self) -> dict[str, Any]:
        """The next frame, or {"close": code}; places in the queue are left out."""
        async with asyncio.timeout(10):  # a queue frame comes every second
            while True:
                event = await self.line.receive_output(timeout=5)
                if event["type"] == "websocket.close":
                    return {"close": event["code"]}
                frame: dict[str, Any] = json.loads(event.get("text", "{}"))
                if frame.get("op") not in (None, "queue", "reset"):
                    return frame


@asynccontextmanager
async def opened(scene: Scene, query: str = "") -> AsyncIterator[Page]:
    page = Page(scene, query or f"experiment={scene.experiment.pk}")
    await page.line.send_input({"type": "websocket.connect"})
    yield page
    await page.line.send_input({"type": "websocket.disconnect", "code": 1000})
    await page.line.wait(timeout=5)


def heard(scene: Scene, change: Callable[[Scene], Any], *, frames: int, query: str = "") -> list[Any]:
    """What the page hears after ``change``, in short: codes of errors and closes, and what it may do."""

    async def listen() -> list[Any]:
        async with opened(scene, query) as page:
            if not query:
                assert (await page.hear())["op"] == "rights"
            await page.send(op="watch", run=str(scene.run.pk))
            await page.send(op="ping")
            assert (await page.hear())["op"] == "pong"
            await sync_to_async(change)(scene)
            return [short(await page.hear()) for _ in range(frames)]

    return async_to_sync(listen)()


def short(frame: dict[str, Any]) -> Any:
    if frame.get("op") == "rights":
        return {"run": frame["may_run"], "edit": frame["may_edit"]}
    return frame.get("close") or (frame["code"], "run" in frame)


def in_raw_sql(scene: Scene) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM playground_membership WHERE user_id = %s", [scene.bob.pk])


def moved(scene: Scene) -> None:
    elsewhere = Team.objects.create(name="Elsewhere")
    Experiment.objects.filter(pk=scene.experiment.pk).update(team=elsewhere)
    Run.objects.filter(pk=scene.run.pk).update(team=elsewhere)


def new_password(scene: Scene) -> None:
    scene.bob.set_password("another long word")
    scene.bob.save()


GONE = [("access_lost", True), ("access_lost", False), 4403]
SIGNED_OUT = [("signed_out", False), 4401]
CHANGES: list[tuple[str, Callable[[Scene], Any], list[Any]]] = [
    ("removed", lambda scene: scene.membership.delete(), GONE),
    ("removed past Django", in_raw_sql, GONE),
    ("team deleted", lambda scene: (scene.team.runs.all().delete(), scene.team.delete()), GONE),
    ("experiment moved", moved, GONE),
    (
        "experiment deleted",
        lambda scene: Experiment.objects.filter(pk=scene.experiment.pk).update(deleted_at=timezone.now()),
        GONE,
    ),
    (
        "run deleted",
        lambda scene: Run.objects.filter(pk=scene.run.pk).update(deleted_at=timezone.now()),
        [("access_lost", True)],
    ),
    (
        "demoted",
        lambda scene: scene.membership.update(role=Role.VIEWER),
        [{"run": False, "edit": False}],
    ),
    ("session ended", lambda scene: Session.objects.all().delete(), SIGNED_OUT),
    ("session expired", lambda scene: Session.objects.update(expire_date=timezone.now()), SIGNED_OUT),
    ("new password", new_password, SIGNED_OUT),
    ("deactivated", lambda scene: User.objects.filter(pk=scene.bob.pk).update(is_active=False), SIGNED_OUT),
]


@pytest.mark.parametrize(
    ("change", "says"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES]
)
def test_what_is_lost_is_told(scene: Scene, change: Callable[[Scene], Any], says: list[Any]) -> None:
    assert heard(scene, change, frames=len(says)) == says


def test_a_socket_of_no_page_loses_its_runs_only(scene: Scene) -> None:
    assert heard(scene, in_raw_sql, frames=1, query="page=none") == [("access_lost", True)]


@pytest.mark.parametrize("named", [str(uuid.UUID(int=7)), "seven"])
def test_a_page_that_may_not_be_read_gets_no_socket(scene: Scene, named: str) -> None:
    async def listen() -> list[Any]:
        async with opened(scene, f"experiment={named}") as page:
            return [short(await page.hear()) for _ in range(2)]

    assert async_to_sync(listen)() == [("access_lost", False), 4403]


def test_a_demoted_editor_stops_nothing(scene: Scene) -> None:
    async def cancel() -> Any:
        async with opened(scene, "page=none") as page:
            await page.send(op="watch", run=str(scene.run.pk))
            await sync_to_async(scene.membership.update)(role=Role.VIEWER)
            await page.send(op="cancel", run=str(scene.run.pk))
            return short(await page.hear())

    assert async_to_sync(cancel)() == ("forbidden", False)
    scene.run.refresh_from_db()
    assert scene.run.cancel_requested_at is None


# What it costs


class Socket:
    """Stands on a user and a run; remembers what it was told."""

    def __init__(self, number: int, *more: Ground) -> None:
        run = ("run", str(uuid.UUID(int=number)))
        self.own = {("user", str(number)), ("session", f"key {number}"), run, *more}
        self.told: list[Set[Ground]] = []
        self.heard = asyncio.Event()

    def grounds(self) -> Set[Ground]:
        return self.own

    def doubt(self, changed: Set[Ground]) -> None:
        self.told.append(changed)
        self.heard.set()


def everything() -> set[Ground]:
    """The grounds of 200 sockets of 200 users, each with an experiment and eight runs."""
    found: set[Ground] = set()
    for number in range(200):
        found |= {("user", str(number)), ("session", f"key {number}")}
        found |= {("experiment", str(uuid.UUID(int=number)))}
        found |= {("run", str(uuid.UUID(int=1000 * number + each))) for each in range(8)}
    return found


@in_tables
def test_two_hundred_sockets_cost_one_query(django_assert_num_queries: Any, alice: User) -> None:
    grounds = everything() | {("user", str(alice.pk))}
    with django_assert_num_queries(1):
        found = rights.marks(grounds)
    assert set(found) == grounds
    assert [ground for ground, held in found.items() if held] == [("user", str(alice.pk))]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Marks]:
    """Stands for the database: the answer to the next looks, the last one again and again."""
    answers: list[Marks] = [{}]

    def marks(grounds: Set[Ground]) -> Marks:
        held = answers.pop(0) if len(answers) > 1 else answers[0]
        return {ground: held.get(ground, frozenset({"same"})) for ground in grounds}

    monkeypatch.setattr(rights, "marks", marks)
    monkeypatch.setattr(rights, "LOOK", 0.0)
    return answers


async def test_only_whom_it_concerns_is_told(looks: list[Marks]) -> None:
    process, sockets = Rights(), [Socket(number) for number in range(1, 201)]
    for socket in sockets:
        process.join(socket)
    await process.look()
    assert [socket.told for socket in sockets] == [[socket.own] for socket in sockets]  # new ones are unsure
    looks[:] = [{("user", "7"): frozenset({"other"})}, {("user", "7"): frozenset({"other"})}]
    await process.look()
    await process.look()
    assert sum(len(socket.told) for socket in sockets) == 201
    assert sockets[6].told[1:] == [{("user", "7")}]
    for socket in sockets:
        process.leave(socket)


async def test_what_is_new_is_doubted_once(looks: list[Marks]) -> None:
    process, socket = Rights(), Socket(1)
    process.join(socket)
    await process.look()
    socket.own = socket.own | {("run", "new")}
    await process.look()
    await process.look()
    assert socket.told[1:] == [{("run", "new")}]
    process.leave(socket)


async def test_it_looks_while_there_are_sockets_and_after_a_failure(
    looks: list[Marks], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    whole = rights.marks

    def failing(grounds: Set[Ground]) -> Marks:
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("the database is away")
        return whole(grounds)

    monkeypatch.setattr(rights, "marks", failing)
    process, socket = Rights(), Socket(1)
    process.join(socket)
    async with asyncio.timeout(5):
        await socket.heard.wait()
        process.leave(socket)
        assert process._task
        await process._task  # with nobody left it ends
    assert socket.told == [socket.own]
