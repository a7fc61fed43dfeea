"""The permission matrix against the real thing: every address, every method, everyone who may ask.

What is listed, and how to add a line, is in permissions.py. An address, a socket operation or an id in a body
that is not there fails here.
"""

import copy
import hashlib
import json
import typing
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, models, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from ninja.params.models import BodyModel, ParamModel
from pydantic import BaseModel

from playground.consumers import database
from playground.consumers.protocol import ClientFrame, Frame
from playground.consumers.socket import PageSocket
from playground.models import Scope
from playground.specs import Strict
from tests.playground.permissions import (
    ACTORS,
    DEAF,
    INCLUDED,
    MATRIX,
    METHODS,
    OPERATIONS,
    SCOPES,
    Row,
    Things,
    api_key,
    api_keys,
    people,
    things,
)

pytestmark = pytest.mark.usefixtures("valkey", "plain_static")

REFUSED = {301, 302, 401, 403, 404, 405, 410}
FORM = "application/x-www-form-urlencoded"
MISSING = uuid.UUID(int=7)


class World:
    """Alice's team and Carol's, with one of everything in both, and everybody signed in."""

    def __init__(self) -> None:
        self.users = people()
        self.keys = api_keys(self.users)
        self.home, self.foreign = things(self._user("owner")), things(self._user("outsider"))
        self.clients = {actor: self._client(actor) for actor in ACTORS}
        self.before = fingerprint()

    def _user(self, actor: str) -> Any:
        return self.users[actor]

    def _client(self, actor: str) -> Client:
        headers = {"Authorization": f"Bearer {key}"} if (key := self.keys[actor]) else {}
        client = Client(raise_request_exception=False, headers=headers)
        if user := self.users[actor]:
            client.force_login(user)
        return client

    def of(self, actor: str) -> Things:
        """The things at home as ``actor`` has them: an expired link instead of a live one."""
        own = {
            key.removesuffix(f":{actor}"): value for key, value in self.home.items() if key.endswith(actor)
        }
        return self.home | own

    def ask(self, actor: str, row: Row, path: Things, body: Things | None = None) -> str:
        """The status that ``actor`` gets; whatever it did is undone. A refusal that did something says so."""
        with transaction.atomic():
            answer = call(self.clients[actor], row, path, path if body is None else body)
            status = str(answer.status_code)
            if is_refusal(answer) and not self.is_untouched():
                status += " with a side effect"
            transaction.set_rollback(True)
        return status

    def is_untouched(self) -> bool:
        return fingerprint() == self.before


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    on_this_thread(monkeypatch)
    return World()


def on_this_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses for programs look at the database in threads, which would not see this transaction."""
    monkeypatch.setattr(
        database,
        "sync_to_async",
        lambda work, thread_sensitive: sync_to_async(work, thread_sensitive=True),
    )


def call(client: Client, row: Row, path: Things, body: Things) -> Any:
    """Calls the address of ``row``; its path and its body may be about other things."""
    data: Any = row.body(lambda key: str(value_of(body, key))) if row.body else {}
    options: dict[str, Any] = {"headers": {"Idempotency-Key": str(uuid.uuid4()), "If-Match": "*"}}
    if row.method == "GET":
        return client.get(address(row, path), data, **options)
    if row.form:
        return client.generic(row.method, address(row, path), urlencode(data, doseq=True), FORM, **options)
    return client.generic(row.method, address(row, path), json.dumps(data), "application/json", **options)


def address(row: Row, path: Things) -> str:
    return reverse(row.name, kwargs={name: value_of(path, key) for name, key in row.parts.items()})


def is_refusal(answer: Any) -> bool:
    return bool(answer.status_code >= 400) or answer.headers.get("Location", "").startswith(
        "/accounts/login/"
    )


def value_of(things: Things, key: str) -> Any:
    """What stands in a path or a body for ``key``: the id of a row, a secret, or a text that is no thing."""
    value = things.get(key, key)
    return value.pk if isinstance(value, models.Model) else value


def fingerprint() -> str:
    """Of all rows of all tables. Sessions are left out: looking at a page may write them."""
    seen = hashlib.sha256()
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            if model is not Session:
                cursor.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY 1")
                for line in cursor.fetchall():
                    plain = [bytes(cell) if isinstance(cell, memoryview) else cell for cell in line]
                    seen.update(repr(plain).encode())
    return seen.hexdigest()


def own_addresses() -> dict[str, URLPattern]:
    """Those of pages and ``/v1`` by their names, those of ``/api/`` with its namespace before them."""
    found = {}
    for entry in get_resolver().url_patterns:
        if isinstance(entry, URLPattern):
            found[str(entry.name)] = entry
        elif entry.namespace == "api":
            patterns = [pattern for pattern in entry.url_patterns if isinstance(pattern, URLPattern)]
            found |= {f"api:{pattern.name}": pattern for pattern in patterns}
    return found


def included_addresses() -> Iterator[str]:
    def below(resolver: URLResolver) -> Iterator[str]:
        for pattern in resolver.url_patterns:
            if isinstance(pattern, URLResolver):
                yield from below(pattern)
            else:
                yield str(pattern.name)

    for pattern in get_resolver().url_patterns:
        if isinstance(pattern, URLResolver) and pattern.namespace != "api":
            yield from below(pattern)


def operations() -> dict[str, type[Frame]]:
    """Socket operations by name, from the protocol itself."""
    union, *_ = typing.get_args(ClientFrame)
    frames = typing.get_args(union)
    return {typing.get_args(frame.model_fields["op"].annotation)[0]: frame for frame in frames}


def test_every_address_has_a_row() -> None:
    assert set(own_addresses()) == {row.name for row in MATRIX}, "add or remove a line in permissions.py"
    assert set(included_addresses()) == set(INCLUDED)


def test_every_socket_operation_has_a_row() -> None:
    assert set(operations()) == {row.name for row in OPERATIONS}, "add or remove a line in permissions.py"


def test_everyone_gets_what_the_matrix_says(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    wrong: list[str] = []
    checks = 0
    for row in MATRIX:
        for actor, expected in zip(ACTORS, row.expected, strict=True):
            status = world.ask(actor, row, world.of(actor))
            checks += 1
            if status != str(expected):
                wrong.append(f"{row} as {actor}: {status}, not {expected}")
    for row, method in unlisted():
        wrong += not_refused(world, row, method)
        checks += len(ACTORS)
    with capsys.disabled():
        size = f"{len(own_addresses())} URLs x {len(METHODS)} methods x {len(ACTORS)} actors"
        print(f"\nmatrix: {size} = {checks:,} checks, {len(wrong)} mismatches")
    assert not wrong, "\n".join(wrong)


def unlisted() -> Iterator[tuple[Row, str]]:
    """Every method that an address has no line for. HEAD may do what GET does."""
    listed = {(row.name, row.method) for row in MATRIX}
    for row in {row.name: row for row in MATRIX}.values():
        yield from ((row, method) for method in METHODS if (row.name, method) not in listed)


def not_refused(world: World, row: Row, method: str) -> Iterator[str]:
    as_get = {
        str(expected)
        for other in MATRIX
        if (other.name, other.method) == (row.name, "GET")
        for expected in other.expected
    }
    for actor in ACTORS:
        url = address(row, world.of(actor))
        status = world.clients[actor].generic(method, url, "{}", "application/json").status_code
        if status not in REFUSED and not (method == "HEAD" and str(status) in as_get):
            yield f"{method} {row.name} as {actor}: {status}, and there is no line that says so"
    if not world.is_untouched():
        yield f"{method} {row.name} changed something"


def test_scopes_open_what_the_table_says(world: World) -> None:
    rows = [row for row in MATRIX if row.name.startswith(("v1-", "api:"))]
    assert {f"{row.name} {row.method}" for row in rows} == set(SCOPES), (
        "add or remove a line in permissions.py"
    )
    wrong: list[str] = []
    for at, scope in enumerate(Scope):
        key = api_key(f"only {scope}", world._user("owner"), world.home["team"], [scope])
        world.clients[scope] = Client(headers={"Authorization": f"Bearer {key}"})
        world.before = fingerprint()
        for row in rows:
            status, expected = world.ask(scope, row, world.home), SCOPES[f"{row.name} {row.method}"][at]
            if status != str(expected):
                wrong.append(f"{row} with scope {scope}: {status}, not {expected}")
    assert not wrong, "\n".join(wrong)


def test_foreign_ids_are_404_and_change_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = listening(monkeypatch)
    wrong: list[str] = []
    checks = 0
    for row in MATRIX:
        ids = ids_of(row, world.home)
        for where, key in ids:
            for what, other in (("foreign", world.foreign[key]), ("missing", missing(world.home[key]))):
                changed = world.home | {key: other}
                path, body = (changed, world.home) if where == "path" else (world.home, changed)
                status = world.ask("owner", row, path, body)
                checks += 1
                if status != "404":
                    wrong.append(f"{row} with a {what} {key} in its {where}: {status}")
    with capsys.disabled():
        print(f"\nmatrix: {checks} foreign and missing ids, {len(wrong)} mismatches")
    assert not wrong, "\n".join(wrong)
    unseen = id_fields(Strict) - seen
    assert not unseen, f"no line of MATRIX has a body with {unseen}"


def ids_of(row: Row, home: Things) -> list[tuple[str, str]]:
    """Where an address takes ids of things, and of which: parts of its path, then of its body."""
    found = [("path", key) for key in row.parts.values() if isinstance(home.get(key), models.Model)]
    if row.body:
        asked: list[str] = []
        row.body(asked.append)
        found += [("body", key) for key in asked]
    return found


def missing(thing: models.Model | str) -> Any:
    """The id of nothing; of a published prompt, an address."""
    if isinstance(thing, str):
        return "prompt:nobody/nothing"
    return MISSING if isinstance(thing.pk, uuid.UUID) else 10**9


def listening(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The id fields of bodies and queries that have been read, filled while the program reads them."""
    seen: set[str] = set()
    for name in ("model_validate", "model_validate_json"):
        real = getattr(Strict, name).__func__

        def heard(cls: Any, body: Any, real: Any = real) -> Any:
            body = real(cls, body)
            seen.update(filled(body))
            return body

        monkeypatch.setattr(Strict, name, classmethod(heard))
    resolve: Any = ParamModel.__dict__["resolve"].__func__

    def resolved(cls: Any, *args: Any) -> Any:
        body = resolve(cls, *args)
        seen.update(filled(body))
        return body

    monkeypatch.setattr(BodyModel, "resolve", classmethod(resolved))
    return seen


def filled(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from filled(part)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            part = getattr(value, name)
            if part and has_id(type(value).model_fields[name].annotation):
                yield f"{type(value).__name__}.{name}"
            yield from filled(part)


def id_fields(base: type[BaseModel]) -> set[str]:
    """Fields of all bodies that hold ids, as ``Class.field``."""
    found = {
        f"{base.__name__}.{name}" for name, field in base.model_fields.items() if has_id(field.annotation)
    }
    # What an exported file calls its parts are names inside it, not ids of rows.
    children = (child for child in base.__subclasses__() if child.__module__ != "playground.exported")
    return found.union(*map(id_fields, children))


def has_id(annotation: Any) -> bool:
    return annotation is uuid.UUID or any(map(has_id, typing.get_args(annotation)))


def test_included_addresses_change_nothing_of_ours(world: World) -> None:
    wrong: list[str] = []
    for name, parts in INCLUDED.items():
        for method in METHODS:
            for actor in ("anonymous", "viewer"):
                client = copy.deepcopy(world.clients[actor])  # signing out would end the session of all
                with transaction.atomic():
                    status = client.generic(method, reverse(name, kwargs=parts), "", FORM).status_code
                    if status >= 500 or not world.is_untouched():
                        wrong.append(f"{method} {name} as {actor}: {status}")
                    transaction.set_rollback(True)
    assert not wrong, "\n".join(wrong)


# The socket


@pytest.mark.django_db(transaction=True)
def test_socket_operations_do_what_the_matrix_says(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    wrong: list[str] = []
    checks = 0
    for row in OPERATIONS:
        for actor, expected in zip(ACTORS, row.expected, strict=True):
            wrong += mismatch(world, row, actor, expected, world.home)
            checks += 1
        for key in {key for _, key in ids_of(row, world.home)}:
            for other in (world.foreign[key], MISSING):
                expected = "ok" if row.name in DEAF else "access_lost" if row.of else "not_found"
                wrong += mismatch(world, row, "owner", expected, world.home | {key: other}, is_foreign=True)
                checks += 1
    with capsys.disabled():
        size = f"{len(OPERATIONS)} socket operations x {len(ACTORS)} actors and foreign ids"
        print(f"\nmatrix: {size} = {checks} checks, {len(wrong)} mismatches")
    assert not wrong, "\n".join(wrong)


def mismatch(
    world: World, row: Row, actor: str, expected: str, things: Things, *, is_foreign: bool = False
) -> Iterator[str]:
    frame = {"op": row.name} | (row.body(lambda key: str(value_of(things, key))) if row.body else {})
    before = fingerprint()
    page = str(value_of(things, row.of)) if isinstance(row.of, str) else None
    said = async_to_sync(answer_to)(world.clients[actor], frame, page)
    if said != expected:
        yield f"{row.name} as {actor}: {said}, not {expected}"
    if (said != "ok" or is_foreign) and fingerprint() != before:
        yield f"{row.name} as {actor} changed something"


async def answer_to(client: Client, frame: dict[str, Any], experiment: str | None) -> str:
    """ "ok", or the code of the first error, of a frame on a socket of its own."""
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    query = f"experiment={experiment}" if experiment else ""
    headers = [(b"cookie", cookies.encode())]
    scope = {"type": "websocket", "path": "/ws/", "headers": headers, "query_string": query.encode()}
    page: Any = ApplicationCommunicator(PageSocket.as_asgi(), scope)  # type: ignore[no-untyped-call]
    await page.send_input({"type": "websocket.connect"})
    for each in (*([{"op": "join"}] if experiment else []), frame, {"op": "ping"}):
        await page.send_input({"type": "websocket.receive", "text": json.dumps(each)})
    said: str | None = None
    while said is None:
        event = await page.receive_output(timeout=5)
        reply = json.loads(event.get("text", "{}"))
        said = {"pong": "ok", "error": reply.get("code")}.get(reply.get("op", ""))
    await page.send_input({"type": "websocket.disconnect", "code": 1000})
    await page.wait(timeout=5)
    return said
