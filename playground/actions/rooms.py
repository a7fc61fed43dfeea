"""Rooms: open one, keep what is written in it, and tell everybody in it what happens elsewhere."""

import base64
import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from playground import documents, room_events
from playground.actions import drafts
from playground.actions.races import stored_once
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Experiment, Room, SearchEntry
from playground.specs import Inputs, PromptSpec, Scope, Strict, Title, checked

IDLE = timedelta(hours=1)  # without a save; then the document can begin anew from the draft


class Content(Strict):
    """What people edit together. A title of nothing but spaces is "Untitled"."""

    title: Title
    scope: Scope = ""
    spec: PromptSpec
    inputs: Inputs = []

    def as_rows(self) -> dict[str, Any]:
        """The same as columns of an experiment."""
        return {
            "title": self.title.strip() or "Untitled",
            "scope": self.scope,
            "draft": self.spec.as_json(),
            "inputs": self.inputs,
        }


@dataclass(frozen=True)
class Kept:
    """What became of a save: ``fault`` says why the draft could not take what the room holds.

    ``room`` is another one than was saved when the document has begun anew meanwhile; then nothing was kept.
    """

    room: uuid.UUID
    draft_version: int
    fault: str = ""


def opened(experiment: Experiment) -> Room:
    """The room of an experiment, made from its draft if there is none."""

    def find() -> Room | None:
        return Room.objects.filter(experiment=experiment).first()

    def make() -> Room:
        fresh = Experiment.objects.select_for_update().get(pk=experiment.pk)
        return Room.objects.create(experiment=fresh, state=documents.state_of(held_by(fresh)))

    return find() or stored_once(make, find)[0]


def held_by(experiment: Experiment) -> documents.Content:
    """The draft as a document takes it; rows of an earlier version may lack settings that are there now."""
    spec = PromptSpec.model_validate(experiment.draft).as_json()
    return {"title": experiment.title, "scope": experiment.scope, "spec": spec, "inputs": experiment.inputs}


@transaction.atomic
def keep(experiment: uuid.UUID, room: uuid.UUID, state: bytes, user: int | None) -> Kept:
    """Adds ``state`` to the document ``room``, and makes the draft what it holds then.

    The document is kept in any case; the draft stays what it was while it would break a rule. One that has
    grown beyond LIMITS.room_bytes begins anew. Raises Experiment.DoesNotExist when it has gone.
    """
    owner = Experiment.objects.select_for_update().get(pk=experiment, deleted_at=None)
    row = Room.objects.select_for_update().filter(experiment=owner).first()
    if row is None:  # forgotten while somebody was here and wrote nothing
        row = Room(pk=room, experiment=owner, state=state)
    if row.pk != room:
        return Kept(row.pk, owner.draft_version)
    document = documents.document_of(bytes(row.state))
    document.apply_update(state)
    held = documents.Reader(document).read()
    fault = save_draft_of(owner, held, user)
    row.state, row.saved_at = document.get_update(), timezone.now()
    if len(row.state) > LIMITS.room_bytes and not fault:
        row.delete()
        row = Room(experiment=owner, state=documents.state_of(held))
    row.save()
    return Kept(row.pk, owner.draft_version, fault)


def save_draft_of(experiment: Experiment, held: documents.Content, user: int | None) -> str:
    """Makes ``held`` the draft of the locked ``experiment``; returns why it cannot be, or ""."""
    try:
        rows = checked(Content, held).as_rows()
    except Refusal as error:
        return error.message
    if all(getattr(experiment, name) == value for name, value in rows.items()):
        return ""
    drafts.store(experiment, experiment.draft_version, edited_by_id=user, **rows)
    experiment.draft_version += 1
    SearchEntry.of_experiment(experiment.pk, rows["title"], rows["scope"], rows["draft"])
    return ""


def take_in(experiment: Experiment, content: Content) -> None:
    """Writes a draft that was saved past the room into it, in the same transaction."""
    row = Room.objects.select_for_update().filter(experiment=experiment).first()
    if row is None:
        return
    row.state = documents.written(bytes(row.state), content.model_dump(mode="json", by_alias=True))
    row.save(update_fields=["state"])
    update = base64.b64encode(row.state).decode()
    _say(experiment.pk, {"kind": "edit", "room": str(row.pk), "update": update})


def tell(experiment: uuid.UUID, kind: str, **fields: Any) -> None:
    """Tells all pages in the room, once the transaction is through: ids and small texts."""
    transaction.on_commit(partial(room_events.note, experiment, kind, **fields))


def _say(experiment: uuid.UUID, event: room_events.Event) -> None:
    transaction.on_commit(partial(room_events.tell, experiment, event))


def forget_idle() -> None:
    """Lets documents go that nobody has written into for a while; the drafts stay."""
    Room.objects.filter(saved_at__lt=timezone.now() - IDLE).delete()
