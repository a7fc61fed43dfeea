"""The publisher: one thread per worker process that writes the tapes of all its runs.

Run threads put events on a Line; every 40 ms (for the first token of a run at once) everything
new goes out in one round trip, which also brings back who was asked to stop. A broker that does
not answer loses nothing: what was not written waits here until it answers again.
"""

import logging
import threading
import time
import uuid
from typing import Any

import redis
from django.conf import settings

from playground import events
from playground.events import Append, EntryId, Event, Written
from playground.models import Run
from playground.models.run import Status
from playground.threads import database

log = logging.getLogger(__name__)

KEEP_EVERY = 300.0  # seconds between renewals of a tape's life
GIVE_UP_AFTER = 60.0  # seconds that an ended run's last events wait for a broker
Record = dict[str, Any]


class Line:
    """One attempt of one run on its way to the tape. Thread-safe."""

    def __init__(self, run: Run, urgent: threading.Event) -> None:
        self.run_id: uuid.UUID = run.pk
        self.attempt = run.attempt
        self.max_length = run.max_new_tokens + 64
        self.seq = 0
        self.fenced = threading.Event()  # another attempt writes this tape: stop
        self.cancel_asked = threading.Event()
        self.closed_at: float | None = None
        self.kept_at = time.monotonic()
        self._urgent = urgent
        self._lock = threading.Lock()
        self._whole: list[Record] = []
        self._pending: list[Event] = []
        self._in_flight: Append | None = None

    def start(self, prompt_tokens: int | None, cached_tokens: int) -> None:
        self._put({"type": "start", "prompt_tokens": prompt_tokens, "cached_tokens": cached_tokens})

    def token(self, record: Record) -> None:
        with self._lock:
            self._whole.append(record)
            last = self._pending[-1] if self._pending else None
            if last is not None and last["type"] == "delta":
                last["tokens"].append(record)
            else:
                self._pending.append({"type": "delta", "at": int(time.time() * 1000), "tokens": [record]})
            is_first = len(self._whole) == 1
        if is_first:
            self._urgent.set()

    def end(self, event: Event) -> None:
        self.closed_at = time.monotonic()
        self._put({"type": "end", **event})

    def _put(self, event: Event) -> None:
        with self._lock:
            self._pending.append(event)
        self._urgent.set()

    def next_append(self) -> Append | None:
        """The entry to write now; the same one again until ``settle`` says what became of it."""
        with self._lock:
            if self._in_flight is None and self._pending:
                self.seq += 1
                entry_id = EntryId(self.attempt, self.seq)
                self._in_flight = Append(
                    self.run_id, entry_id, _with_text(self._pending.pop(0)), self.max_length
                )
            return self._in_flight

    def settle(self) -> None:
        with self._lock:
            self._in_flight = None

    def rebuild(self) -> None:
        """The tape is gone: its new first entry holds everything so far."""
        with self._lock:
            assert self._in_flight is not None
            ends = [event for event in (self._in_flight.event, *self._pending) if event["type"] == "end"]
            self._pending = [{"type": "snapshot", "tokens": list(self._whole)}, *ends]
            self._in_flight = None

    @property
    def has_news(self) -> bool:
        with self._lock:
            return bool(self._pending or self._in_flight)


def _with_text(event: Event) -> Event:
    if event["type"] in ("delta", "snapshot"):
        return {**event, "text": "".join(record["t"] for record in event["tokens"])}
    return event


class Publisher:
    """Owns the thread. ``open`` gives a Line; a Line leaves by itself once its ``end`` is written."""

    def __init__(self) -> None:
        self._lines: dict[uuid.UUID, Line] = {}
        self._lock = threading.Lock()
        self._urgent = threading.Event()
        self._stopping = False
        self._client = events.connect()
        self._thread = threading.Thread(target=self._loop, name="publisher", daemon=True)
        self._thread.start()

    def open(self, run: Run) -> Line:
        line = Line(run, self._urgent)
        with self._lock:
            self._lines[run.pk] = line
        return line

    def drop(self, line: Line) -> None:
        """Forgets a line that must not write any more."""
        with self._lock:
            if self._lines.get(line.run_id) is line:
                del self._lines[line.run_id]

    def stop(self) -> None:
        """Writes what is left and ends the thread."""
        self._stopping = True
        self._urgent.set()
        self._thread.join(timeout=3)
        self._client.close()

    def _loop(self) -> None:
        pause = settings.FLUSH
        while not (self._stopping and not self._news()):
            self._urgent.wait(pause if self._lines else None)
            self._urgent.clear()
            try:
                self._flush()
                pause = settings.FLUSH
            except redis.RedisError as error:
                if pause == settings.FLUSH:
                    log.warning("The broker does not answer (%s); tokens wait here until it does.", error)
                pause = min(pause * 2, 1.0)
                self._give_up_old()
            except Exception:
                log.exception("A flush failed; the next one tries again.")
                pause = 1.0

    def _news(self) -> list[Line]:
        with self._lock:
            return [line for line in self._lines.values() if line.has_news]

    def _flush(self) -> None:
        """Every line's new events, one entry per line and round until nothing is left."""
        watched = self._watched()
        while True:
            lines = [(line, append) for line in self._news() if (append := line.next_append())]
            results, stops = events.append_all(self._client, [append for _, append in lines], watched)
            for (line, append), result in zip(lines, results, strict=True):
                self._settle(line, append, result)
            for run_id in stops:
                watched[run_id].cancel_asked.set()
            if not self._news():
                return
            watched = {}

    def _watched(self) -> dict[uuid.UUID, Line]:
        """Lines that may still be cancelled; also keeps the tapes of long runs alive."""
        with self._lock:
            lines = list(self._lines.values())
        for line in lines:
            if time.monotonic() - line.kept_at > KEEP_EVERY:
                line.kept_at = time.monotonic()
                events.keep_tape(self._client, line.run_id)
        return {line.run_id: line for line in lines if not line.cancel_asked.is_set()}

    def _settle(self, line: Line, append: Append, result: Written) -> None:
        if result is Written.REFUSED and not self._is_ours(append):
            log.warning("Run %s is written by another worker now; this attempt stops.", line.run_id)
            line.fenced.set()
            self.drop(line)
        elif result is Written.NO_TAPE:
            self._recover(line)
        else:
            line.settle()
            if append.event["type"] == "end":
                self.drop(line)

    def _is_ours(self, append: Append) -> bool:
        """A refused entry may be our own: written, but its answer was lost with the connection."""
        top = events.top_of(self._client, append.run)
        return top is not None and top.attempt == append.id.attempt

    def _recover(self, line: Line) -> None:
        """An empty tape fences nobody, so the row decides whether this attempt may begin a new one."""
        with database():
            row = Run.objects.filter(pk=line.run_id).values_list("attempt", "status").first()
        if row is None or row[0] != line.attempt or (row[1] == Status.QUEUED):
            line.fenced.set()
            self.drop(line)
        else:
            line.rebuild()

    def _give_up_old(self) -> None:
        """Readers heal an ended run from its row, so its last events need not wait for ever."""
        with self._lock:
            ended = [line for line in self._lines.values() if line.closed_at is not None]
        for line in ended:
            if line.closed_at is not None and time.monotonic() - line.closed_at > GIVE_UP_AFTER:
                self.drop(line)
