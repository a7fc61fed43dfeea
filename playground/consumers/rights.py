"""Rights of open sockets and streams: one look at the database a second for all of this process.

What is looked at are the rows that rights come from, so a change counts whoever wrote it, and whether or
not the broker is there. It decides nothing: who stands on changed rows is told to ask access.py again.
"""

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Set
from typing import Any, Protocol

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from playground.consumers.database import in_database
from playground.models import ApiKey, Experiment, Membership, Run

log = logging.getLogger(__name__)

LOOK = 1.0  # seconds
Ground = tuple[str, str]  # the kind and key of a row that a right stands on
Marks = dict[Ground, frozenset[str]]  # what such rows hold, compared with what they held a second ago


class Holder(Protocol):
    """A socket or a stream: the rows that its rights stand on, and how it is told that some have changed."""

    def grounds(self) -> Set[Ground]: ...

    def doubt(self, changed: Set[Ground]) -> None: ...


class Rights:
    """Looks while there are sockets; a new one, or a new ground of one, counts as changed."""

    def __init__(self) -> None:
        self._seen: dict[Holder, Marks] = {}
        self._task: asyncio.Task[None] | None = None

    def join(self, holder: Holder) -> None:
        self._seen[holder] = {}
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._look_forever())

    def leave(self, holder: Holder) -> None:
        self._seen.pop(holder, None)

    async def _look_forever(self) -> None:
        while self._seen:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except Exception:  # a right that cannot be looked at is looked at again, not forgotten
                log.exception("The rights of open sockets could not be looked at; trying again.")

    async def look(self) -> None:
        """One look: tells every socket which of its grounds are not what they were."""
        wanted = {holder: holder.grounds() for holder in self._seen}
        found = await in_database(marks)(set().union(*wanted.values()))
        for holder, grounds in wanted.items():
            before = self._seen.get(holder)
            if before is None:
                continue  # it left meanwhile
            now = {ground: found[ground] for ground in grounds}
            self._seen[holder] = now
            if changed := {ground for ground in grounds if before.get(ground) != now[ground]}:
                holder.doubt(changed)


rights = Rights()  # of this process


def marks(grounds: Set[Ground]) -> Marks:
    """What the rows of all ``grounds`` hold now, in one query; a row that is gone holds nothing."""
    keys: dict[str, list[str]] = defaultdict(list)
    for kind, key in grounds:
        keys[kind].append(key)
    users = [int(key) for key in keys["user"]]
    parts = [
        rows("session", "session_key", sessions_of(keys["session"])),
        rows("user", "pk", User.objects.filter(pk__in=users), "password", "is_active"),
        rows(
            "user",
            "user_id",
            Membership.objects.filter(user__in=users),
            "team_id",
            "role",
        ),
        rows("experiment", "pk", experiments_of(keys["experiment"]), "team_id"),
        rows("run", "pk", runs_of(keys["run"]), "team_id"),
        rows("key", "pk", ApiKey.objects.in_force().filter(pk__in=keys["key"]), "role"),
    ]
    found: dict[Ground, set[str]] = defaultdict(set)
    for kind, key, held in parts[0].union(*parts[1:], all=True):
        found[kind, key if kind in ("session", "user") else str(uuid.UUID(key))].add(held)
    return {ground: frozenset(found[ground]) for ground in grounds}


def rows(kind: str, key: str, found: QuerySet[Any], *held: str) -> QuerySet[Any, tuple[str, str, str]]:
    """Of each row its kind, its key and what it holds, all as text, so that kinds can stand in one answer."""
    separated = [part for name in held for part in (Cast(name, TextField()), Value(" ", TextField()))]
    ground, key_text = Value(kind, TextField()), Cast(key, TextField())
    text = Concat(*separated, Value("", TextField())) if separated else Value("", TextField())
    return found.order_by().values_list(ground, key_text, text)


def sessions_of(keys: Iterable[str]) -> QuerySet[Session]:
    return Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())


def experiments_of(keys: Iterable[str]) -> QuerySet[Experiment]:
    return Experiment.objects.filter(pk__in=keys, deleted_at=None)


def runs_of(keys: Iterable[str]) -> QuerySet[Run]:
    there = Q(experiment=None) | Q(experiment__deleted_at=None)
    return Run.objects.filter(there, pk__in=keys, deleted_at=None)
