"""Rooms: what a document holds, and how it becomes the draft."""

import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Text

from playground import documents
from playground.actions import experiments, rooms
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Experiment, Room, SearchEntry
from tests.conftest import spec

ROOT = Path(__file__).resolve().parents[2]
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
names = st.lists(
    words.filter(lambda word: word not in ("", "__proto__")), min_size=2, max_size=4, unique=True
)


@st.composite
def contents(draw: st.DrawFn) -> documents.Content:
    """Drafts as a document gives them: texts that are empty are left out."""
    output, *fields = draw(names)
    values = st.dictionaries(st.sampled_from(fields), words.filter(bool))
    example = st.fixed_dictionaries({"values": values, "output": words, "on": st.booleans()})
    examples = [{"id": f"e{place}", **each} for place, each in enumerate(draw(st.lists(example, max_size=4)))]
    made = spec(
        instruction=draw(words),
        fields=fields,
        output_name=output,
        examples=draw(st.permutations(examples)),
        input=draw(values),
    ).as_json()
    made.pop("shots", None)
    made |= {"shots": 2} if draw(st.booleans()) else {}
    made["settings"] = {"max_new_tokens": 8, "temperature": draw(st.sampled_from([0.5, 1.0])), "stop": ["\n"]}
    return {
        "title": draw(words),
        "scope": draw(words),
        "spec": made,
        "inputs": draw(st.lists(values, max_size=3)),
    }


@settings(max_examples=60, deadline=None)
@given(contents(), contents())
def test_a_document_holds_what_was_written_last(first: documents.Content, second: documents.Content) -> None:
    state = documents.state_of(first)
    assert documents.Reader(documents.document_of(state)).read() == first
    again = documents.written(state, second)
    assert documents.Reader(documents.document_of(again)).read() == second
    assert len(documents.written(again, second)) == len(again), "writing the same changes nothing"


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.lists(st.sampled_from("abcdefgh"), unique=True))
def test_a_list_becomes_another(before: list[str], after: list[str]) -> None:
    writer = documents.Writer(documents.document_of(b"\0\0"))
    for ids in (before, after):
        writer.write_ids("examples", ids)
        assert writer.ids("examples") == ids


def test_the_page_reads_the_same_document(tmp_path: Path) -> None:
    """What Python writes JavaScript reads, and the other way round."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    held = json.loads((ROOT / "tests/js/draft.json").read_text())
    state = documents.state_of(held)
    script = """
      import { readFileSync, writeFileSync } from "node:fs"
      import { RoomDocument } from "%s/static/js/models/room_document.js"
      const document = new RoomDocument()
      document.receive(new Uint8Array(readFileSync("state")))
      const held = document.read()
      held.spec.fields = held.spec.fields.map((name) => (name === "review" ? "text 👍" : name))
      held.spec.input = { "text 👍": "a 👎 b" }
      for (const { values } of held.spec.examples) values["text 👍"] = values.review
      held.spec.examples.reverse()
      document.put(held)
      writeFileSync("back", document.missing())
      console.log(JSON.stringify(document.read()))
    """
    (tmp_path / "state").write_bytes(state)
    (tmp_path / "both.mjs").write_text(script % ROOT)
    said = subprocess.run(["node", "both.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
    page = json.loads(said.stdout)
    assert page["spec"]["fields"] == ["text 👍", "shop"]
    assert [example["id"] for example in page["spec"]["examples"]] == ["b", "a"]
    assert documents.Reader(documents.document_of((tmp_path / "back").read_bytes())).read() == page


def merged(*states: bytes) -> documents.Content:
    document = documents.document_of(states[0])
    for state in states[1:]:
        document.apply_update(state)
    return documents.Reader(document).read()


def held(**changes: Any) -> documents.Content:
    return {"title": "T", "scope": "", "spec": spec(**changes).as_json(), "inputs": []}


def test_two_names_given_at_once_are_told_apart() -> None:
    state = documents.state_of(held(fields=["one", "two"]))
    left = documents.written(state, held(fields=["same", "two"]))
    right = documents.written(state, held(fields=["one", "same"]))
    assert (
        merged(left, right)["spec"]["fields"] == ["same", "same 2"] == merged(right, left)["spec"]["fields"]
    )


def test_the_last_two_fields_removed_at_once_leave_one() -> None:
    state = documents.state_of(held(fields=["one", "two"]))
    left, right = (documents.written(state, held(fields=[name])) for name in ("one", "two"))
    assert merged(left, right)["spec"]["fields"] == ["input"]


def test_a_cell_follows_its_field_to_its_new_name() -> None:
    rows = [{"id": "a", "values": {"one": "text"}, "output": "o", "on": True}]
    state = documents.state_of(held(fields=["one"], examples=rows))
    renamed = documents.written(state, held(fields=["new"], examples=[rows[0] | {"values": {"new": "text"}}]))
    typed = documents.written(state, held(fields=["one"], examples=[rows[0] | {"values": {"one": "text!"}}]))
    assert merged(renamed, typed)["spec"]["examples"][0]["values"] == {"new": "text!"}


# The draft


def typed(room: Room, name: str, text: str) -> bytes:
    """The room's document after somebody has written ``text`` at the start of a box."""
    document = documents.document_of(bytes(room.state))
    box: Text = document.get(name, type=Text)
    box.insert(0, text)
    return document.get_update()


@pytest.fixture
def room(experiment: Experiment) -> Room:
    return rooms.opened(experiment)


@pytest.mark.django_db
def test_what_is_kept_becomes_the_draft(experiment: Experiment, alice: User, room: Room) -> None:
    before = experiment.draft_version
    kept = rooms.keep(experiment.pk, room.pk, typed(room, "instruction", "Zebra! "), alice.pk)
    experiment.refresh_from_db()
    assert (kept.room, kept.fault, kept.draft_version) == (room.pk, "", before + 1)
    assert experiment.draft["instruction"].startswith("Zebra! ")
    assert (experiment.draft_version, experiment.edited_by) == (before + 1, alice)
    assert SearchEntry.objects.matching("zebra").filter(experiment=experiment).exists()
    again = rooms.keep(experiment.pk, room.pk, typed(room, "instruction", ""), alice.pk)
    assert again.draft_version == before + 1, "nothing new is no save"


@pytest.mark.django_db
def test_saves_of_two_web_programs_are_put_together(experiment: Experiment, alice: User, room: Room) -> None:
    for name, text in (("title", "One "), ("scope", "Two")):
        rooms.keep(experiment.pk, room.pk, typed(room, name, text), alice.pk)
    experiment.refresh_from_db()
    assert experiment.title.startswith("One ")
    assert experiment.scope.startswith("Two")


@pytest.mark.django_db
def test_what_breaks_a_rule_is_kept_but_is_no_draft(experiment: Experiment, alice: User, room: Room) -> None:
    title = experiment.title
    long = typed(room, "title", "x" * (LIMITS.title_chars + 1))
    kept = rooms.keep(experiment.pk, room.pk, long, alice.pk)
    assert "title" in kept.fault
    experiment.refresh_from_db()
    assert experiment.title == title
    assert "xxx" in documents.Reader(documents.document_of(bytes(Room.objects.get().state))).text("title")


@pytest.mark.django_db
def test_a_document_that_is_too_large_begins_anew(
    experiment: Experiment, alice: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "LIMITS", type(LIMITS)(room_bytes=100))
    kept = rooms.keep(experiment.pk, room.pk, typed(room, "scope", "New. "), alice.pk)
    assert kept.room != room.pk
    late = rooms.keep(experiment.pk, room.pk, typed(room, "scope", "Late. "), alice.pk)
    assert late.room == kept.room
    experiment.refresh_from_db()
    assert experiment.scope.startswith("New. "), (
        "a page with the earlier document merges; nothing is written blindly"
    )


@pytest.mark.django_db
def test_idle_documents_go_and_come_back(experiment: Experiment, alice: User, room: Room) -> None:
    rooms.forget_idle()
    assert Room.objects.exists()
    Room.objects.update(saved_at=timezone.now() - rooms.IDLE - timedelta(seconds=1))
    rooms.forget_idle()
    assert not Room.objects.exists()
    kept = rooms.keep(experiment.pk, room.pk, typed(room, "scope", "Still here. "), alice.pk)
    assert kept.room == room.pk, "somebody who was there all the time writes on"
    assert rooms.opened(experiment).pk == room.pk


@pytest.mark.django_db
def test_nothing_is_kept_for_a_deleted_experiment(experiment: Experiment, alice: User, room: Room) -> None:
    Experiment.objects.update(deleted_at=timezone.now())
    with pytest.raises(Experiment.DoesNotExist):
        rooms.keep(experiment.pk, room.pk, bytes(room.state), alice.pk)


@pytest.mark.django_db
def test_a_draft_saved_past_the_room_goes_into_it(experiment: Experiment, alice: User, room: Room) -> None:
    changed = {
        "title": "Saved",
        "spec": spec(instruction="By a program.").as_json(),
        "draft_version": experiment.draft_version,
    }
    experiments.save_draft(experiment, experiments.Draft.model_validate(changed), alice)
    state = bytes(Room.objects.get().state)
    both = merged(state, typed(room, "scope", "By hand. "))
    assert (both["title"], both["spec"]["instruction"]) == ("Saved", "By a program.")
    assert both["scope"].startswith("By hand. ")
    with pytest.raises(Refusal):
        experiments.save_draft(experiment, experiments.Draft.model_validate(changed), alice)
