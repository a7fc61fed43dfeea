"""The runs of one request, followed together on this process's reels.

Whoever stops following before they have ended stops them: a program that hangs up wants no answer.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from playground.access import prove_api_key
from playground.actions import api_runs
from playground.api.tokens import Record
from playground.consumers.database import in_database
from playground.consumers.follower import Follower
from playground.consumers.reels import Reel, reels
from playground.consumers.rights import rights
from playground.errors import RUN_ERRORS, Refusal
from playground.events import Event
from playground.models import ApiKey, Run, Scope
from playground.models.run import Status

log = logging.getLogger(__name__)

# How a run that failed is told in HTTP; clients try again by themselves after the higher ones.
STATUSES = {
    **dict.fromkeys(("context_overflow", "cache_overflow", "invalid_request", "cancelled"), 400),
    "upstream_refused": 400,  # the same request would be refused again
    **dict.fromkeys(("upstream_failed", "upstream_unreachable"), 502),
    **dict.fromkeys(("engine_busy", "out_of_memory", "worker_lost", "upstream_busy"), 503),
    **dict.fromkeys(("queue_deadline", "deadline", "upstream_timeout"), 504),
}


class Choice:
    """One run as its program has it so far."""

    def __init__(self, index: int, run: Run, reel: Reel) -> None:
        self.index = index
        self.run = run
        self.reel = reel
        self.tokens: list[Record] = []
        self.scores: dict[str, Any] = {}  # as Run.scores, once they were fetched
        self._attempt = 0

    def take(self) -> list[Record]:
        """The tokens that came since the last call.

        Raises Refusal when another worker began again and writes something else than the program has.
        """
        reel, known = self.reel, len(self.tokens)
        if reel.attempt != self._attempt:
            pairs = zip(self.tokens, reel.tokens, strict=False)
            if any(_name(ours) != _name(other) for ours, other in pairs):
                raise Refusal("worker_lost", RUN_ERRORS["worker_lost"], status=503)
            if len(reel.tokens) >= known:
                self._attempt = reel.attempt
        news = reel.tokens[known:]
        self.tokens += news
        return news

    @property
    def ending(self) -> Event | None:
        """How the run has ended, once it has. Raises Refusal if it did not end well."""
        ending = self.reel.ending
        if ending is not None and ending["status"] != Status.SUCCEEDED:
            raise _fault(ending["error"])
        return ending


def _name(record: Record) -> int | str:
    """What tells tokens apart; those of a remote model have no id."""
    return str(record["t"]) if "id" not in record else int(record["id"])


def _fault(error: dict[str, str]) -> Refusal:
    return Refusal(error["code"], error["message"], status=STATUSES.get(error["code"], 500))


class Following(Follower):
    """All runs of a request; whoever cancels its coroutine leaves."""

    def __init__(self, key: ApiKey, choices: list[Choice]) -> None:
        super().__init__({("key", str(key.pk))}, partial(prove_api_key, key, Scope.RUN))
        self.choices = choices

    @property
    def live(self) -> list[Choice]:
        """Those that have not ended. Raises Refusal for one that did not end well."""
        return [choice for choice in self.choices if not choice.ending]

    async def to_the_end(self) -> None:
        """Raises Refusal as soon as one of the runs has not ended well."""
        while self.live:
            await self.move(60.0)
        for choice in self.choices:
            choice.take()

    async def fetch_scores(self) -> None:
        """What the tape does not carry, and the rows have once their runs have ended."""
        rows = Run.objects.only("scores").filter(pk__in=[choice.run.pk for choice in self.choices])
        found = {run.pk: run.scores for run in await in_database(list)(rows)}
        for choice in self.choices:
            choice.scores = found.get(choice.run.pk) or {}


@asynccontextmanager
async def follow(key: ApiKey, runs: list[Run]) -> AsyncIterator[Following]:
    choices: list[Choice] = []
    following = Following(key, choices)
    rights.join(following)
    try:
        for index, run in enumerate(runs):
            choices.append(Choice(index, run, await reels.watch(run, following.moved, placed=False)))
        following.moved.set()
        yield following
    finally:
        rights.leave(following)
        for choice in choices:
            reels.unwatch(choice.reel, following.moved)
        followed = {choice.run.pk for choice in choices if choice.reel.ending is not None}
        if left := [run for run in runs if run.pk not in followed]:
            in_background(in_database(api_runs.cancel)(left))


async def started(start: Callable[[], list[Run]]) -> list[Run]:
    """The runs that ``start`` makes in a thread. If the client goes meanwhile they are stopped, too."""
    starting = asyncio.ensure_future(in_database(start)())
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        in_background(_stop(starting))
        raise


async def _stop(starting: "asyncio.Future[list[Run]]") -> None:
    try:
        runs = await starting
    except Refusal:
        return
    await in_database(api_runs.cancel)(runs)


_background: set["asyncio.Task[None]"] = set()  # the event loop keeps no task alive by itself


def in_background(work: Any) -> None:
    """Lets ``work`` go on although the request that asks for it is over."""

    async def logged() -> None:
        try:
            await work
        except Exception:
            log.exception("What a program left behind could not be stopped; it ends by itself.")

    task = asyncio.get_running_loop().create_task(logged())
    _background.add(task)
    task.add_done_callback(_background.discard)
