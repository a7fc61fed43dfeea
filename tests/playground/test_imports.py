"""Export, import, export: the same but for ids; and what is no good file is refused in one sentence."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.actions import exports, imports
from playground.boards import Board
from playground.body_limit import IMPORT
from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Experiment, Membership, Role, Run, SearchEntry, Team
from tests.conftest import spec
from tests.playground.permissions import board, someone, things

pytestmark = pytest.mark.usefixtures("valkey", "plain_static")

THEN = datetime(2026, 3, 1, tzinfo=UTC).isoformat()
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
names = st.sampled_from(["alice", "Zoë", "=HYPERLINK()", "Ben"])
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
ids = st.integers(0, 2**31 - 1)
tokens = st.fixed_dictionaries(
    {
        "t": words,
        "id": ids,
        "lp": numbers,
        "rank": ids,
        "top": st.lists(st.tuples(ids, words, numbers).map(list), max_size=2),
    },
    optional={"ms": ids, "given": st.booleans()},
)
quotes = st.fixed_dictionaries(
    {"text": words.filter(bool), "before": words, "after": words, "offset": st.integers(0, 99)}
)
maybe_date = st.none() | st.just(THEN)


@st.composite
def files(draw: Any) -> dict[str, Any]:
    """Experiments as files: every table, references in all directions, names of people here and elsewhere."""
    count = draw(st.integers(1, 4))
    versions = [version(draw, number) for number in range(1, count + 1)]
    comparisons = [{"ref": ref(100 + n), "title": draw(words), "board": whole(board())} for n in range(2)]
    runs = [run(draw, n, count) for n in range(draw(st.integers(0, 5)))]
    pairs = [(one, two) for one in runs for two in runs if one["ref"] < two["ref"] and same_cell(one, two)]
    return {
        "fewshot": "experiment",
        "schema": 1,
        "experiment": {
            "title": draw(words.filter(lambda text: text == text.strip() != "")),
            "scope": draw(words),
            "spec": spec(instruction=draw(words)).as_json(),
            "inputs": [{"input": draw(words)}],
            "tags": draw(st.sets(st.sampled_from(["a", "b", "c"]), max_size=2).map(sorted)),
        },
        "versions": versions,
        "comparisons": comparisons,
        "votes": [vote(draw, *pair) for pair in pairs],
        "ratings": [rating(draw, one) for one in runs if draw(st.booleans())],
        "runs": runs,
        "comments": comments(draw, runs),
    }


def ref(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012d}"


def whole(stored: dict[str, Any]) -> dict[str, Any]:
    return Board.model_validate(stored).as_json()


def version(draw: Any, number: int) -> dict[str, Any]:
    return {
        "number": number,
        "spec": spec(instruction=draw(words)).as_json(),
        "label": draw(words),
        "message": draw(words),
        "saved_at": draw(maybe_date),
        "restored_from": draw(st.none() | st.integers(1, number - 1)) if number > 1 else None,
        "author": draw(st.none() | names),
        "created_at": THEN,
    }


def run(draw: Any, number: int, versions: int) -> dict[str, Any]:
    return {
        "ref": ref(number),
        "version": draw(st.none() | st.integers(1, versions)),
        "user": draw(names),
        "comparison": draw(st.none() | st.just(ref(100))),
        "branch_of": draw(st.none() | st.integers(0, number).map(ref)),
        "again_of": draw(st.none() | st.integers(0, number).map(ref)),
        "kind": draw(st.sampled_from(["interactive", "batch"])),
        "model": "m",
        "model_revision": draw(words),
        "status": draw(st.sampled_from(["succeeded", "failed", "cancelled", "expired"])),
        "attempt": 1,
        "settings": spec().settings.effective(),
        "spec": spec(instruction=draw(words)).as_json(),
        "messages": draw(st.none() | st.just([{"role": "user", "content": "Hello"}])),
        "prompt_text": draw(words),
        "prompt_ids": draw(st.lists(ids, max_size=3)),
        "prompt_tokens": draw(st.none() | ids),
        "max_new_tokens": 9,
        "begun": draw(st.none() | st.just([{"t": "a", "id": 1, "given": True}])),
        "text": draw(words),
        "tokens": draw(st.none() | st.lists(tokens, max_size=3)),
        "logprob_sum": draw(st.none() | numbers),
        "scored_tokens": draw(ids),
        "last_seq": 3,
        "cached_tokens": 1,
        "completion_tokens": 2,
        "finish_reason": "stop",
        "error_code": "",
        "error_message": draw(words),
        "receipt": {"dtype": "float32", "versions": {"torch": "2"}, "of the future": [draw(words)]},
        "column": draw(st.sampled_from(["", "a"])),
        "row": draw(st.sampled_from(["", "r1"])),
        "sample": 0,
        "queued_at": THEN,
        "started_at": draw(maybe_date),
        "first_token_at": draw(maybe_date),
        "finished_at": draw(maybe_date),
    }


def same_cell(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return bool(one["comparison"] == two["comparison"] is not None and one["row"] == two["row"])


def vote(draw: Any, one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    return {
        "comparison": one["comparison"],
        "run": one["ref"],
        "against": two["ref"],
        "user": draw(names),
        "choice": draw(st.sampled_from(["better", "worse", "tie", "both_bad"])),
        "blind": draw(st.booleans()),
        "created_at": THEN,
    }


def rating(draw: Any, one: dict[str, Any]) -> dict[str, Any]:
    mark = draw(st.none() | st.integers(1, 5))
    return {"run": one["ref"], "user": draw(names), "mark": mark, "comment": draw(words), "created_at": THEN}


def comments(draw: Any, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Threads about everything; one of them was deleted after somebody had answered it."""
    abouts = [
        {"kind": "experiment"},
        {"kind": "comparison", "comparison": draw(st.none() | st.just(ref(101)))},
        {"kind": "run", "run": draw(st.sampled_from([None, *(one["ref"] for one in runs)]))},
        {"kind": "example", "example": "e1"},
        {"kind": "text", "path": "instruction", "quote": draw(quotes)},
    ]
    threads = [comment(draw, 200 + place, about) for place, about in enumerate(abouts)]
    answers = [comment(draw, 300 + place, parent=draw(st.sampled_from(threads))["ref"]) for place in range(3)]
    gone = next(one for one in threads if one["ref"] == answers[0]["parent"])
    gone |= {"deleted_at": THEN, "text": "", "mentions": [], "reactions": []}
    return [*threads, *answers]


def comment(draw: Any, number: int, about: Any = None, parent: str | None = None) -> dict[str, Any]:
    feelings = st.sampled_from(["yes", "heart"])
    given = draw(st.sets(st.tuples(names, feelings), max_size=3))
    return {
        "ref": ref(number),
        "parent": parent,
        "author": draw(st.none() | names),
        "text": draw(words),
        "about": about or {"kind": "experiment"},
        "mentions": draw(st.lists(names, unique=True, max_size=2)),
        "reactions": [{"user": user, "name": name} for user, name in sorted(given)],
        "created_at": THEN,
        "edited_at": draw(maybe_date),
        "resolved_at": draw(maybe_date),
        "resolved_by": draw(st.none() | names),
        "deleted_at": None,
    }


def exported(experiment: Experiment) -> Any:
    return json.loads("".join(exports.experiment_json(experiment)))


def without_ids(file: Any) -> Any:
    """The file with every id replaced by when it first appears, so that two can be compared."""
    places: dict[str, str] = {}

    def plain(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: plain(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [plain(part, key) for part in value]
        is_id = key in ("ref", "comparison", "run", "against", "branch_of", "again_of", "parent") and value
        return places.setdefault(value, f"#{len(places)}") if is_id else value

    return plain(file)


def stored(alice: User, file: Any) -> Experiment:
    team = Team.objects.get(personal_of=alice)
    (made,) = imports.store(team, alice, imports.read(json.dumps(file).encode()))
    return made


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(file=files())
def test_a_file_that_was_imported_is_exported_equal_but_for_ids(alice: User, file: Any) -> None:
    with transaction.atomic():
        again = exported(stored(alice, file))
        transaction.set_rollback(True)
    assert without_ids(again) == without_ids(file)


def test_a_real_experiment_survives_the_way_out_and_in(alice: User) -> None:
    experiment: Experiment = things(alice)["experiment"]
    experiment.comparisons.update(board=whole(board()))
    out = exported(experiment)
    assert len(out["runs"]) == 2, "live and deleted ones stay behind"
    assert len(out["votes"]) == len(out["ratings"]) == len(out["comparisons"]) == len(out["versions"]) == 1
    again = stored(alice, out)
    assert without_ids(exported(again)) == without_ids(out)
    assert again.pk != experiment.pk
    assert not set(again.runs.values_list("pk")) & set(experiment.runs.values_list("pk"))
    runs = {str(pk) for pk in again.runs.values_list("pk", flat=True)}
    found = SearchEntry.objects.filter(experiment=again).exclude(run=None)
    assert {str(entry.run_id) for entry in found} == runs, "the words of its runs are found, too"
    page = Client()
    page.force_login(alice)
    assert page.get(reverse("experiment", args=[again.pk])).status_code == 200
    for run in again.runs.all():
        assert page.get(reverse("run", args=[run.pk])).status_code == 200
        assert page.get(reverse("run-receipt", args=[run.pk])).status_code == 200
    for comparison in again.comparisons.all():
        assert page.get(reverse("comparison", args=[comparison.pk])).status_code == 200


def test_a_name_in_a_file_gives_nobody_work_they_have_not_done(alice: User, bob: User) -> None:
    file = exported(things_of(alice))
    for run_ in file["runs"]:
        run_["user"] = "bob"
    again = stored(alice, file)
    writers = {run_.user for run_ in again.runs.select_related("user")}
    assert bob not in writers
    assert [(user.first_name, user.is_active, user.has_usable_password()) for user in writers] == [
        ("bob", False, False)
    ]


def things_of(user: User) -> Experiment:
    experiment: Experiment = things(user)["experiment"]
    return experiment


def post(user: User, data: bytes, **fields: Any) -> Any:
    client = Client()
    client.force_login(user)
    file = SimpleUploadedFile("x.json", data, content_type="application/json")
    return client.post(reverse("experiment-import"), {"file": file, **fields})


def test_the_page_imports_into_the_team_that_was_chosen(alice: User) -> None:
    file = "".join(exports.experiment_json(things_of(alice))).encode()
    team = Team.objects.create(name="Other")
    Membership.objects.create(team=team, user=alice, role=Role.EDITOR)
    answer = post(alice, file, team=str(team.pk))
    assert answer.status_code == 302
    assert team.experiments.get().runs.count() == 2
    assert reverse("experiment-import") == IMPORT, "the door knows which address takes larger bodies"


def test_a_team_goes_out_and_in_as_a_whole(alice: User) -> None:
    team = things_of(alice).team
    Experiment.objects.create(team=team, title="Second", draft=spec().as_json())
    file = "".join(exports.team_json(team)).encode()
    carol = someone("carol")
    assert post(carol, file).status_code == 302
    mine = Team.objects.get(personal_of=carol)
    titles = sorted(mine.experiments.values_list("title", flat=True))
    assert len(titles) == 3
    assert "Second" in titles


def test_a_viewer_imports_nothing(alice: User, bob: User, team: Team) -> None:
    file = "".join(exports.experiment_json(things_of(alice))).encode()
    assert post(bob, file, team=str(team.pk)).status_code == 403


def broken(file: dict[str, Any]) -> dict[str, bytes]:
    def changed(**parts: Any) -> bytes:
        return json.dumps(file | parts).encode()

    run_, other = file["runs"]
    ballot = file["votes"][0]
    text = changed()
    return {
        "empty": b"",
        "cut off": text[: len(text) // 2],
        "no text": b"\xff\xfe\x00",
        "another file": b'{"a": 1}',
        "a list": b"[]",
        "deep": b"[" * 100_000,
        "a later schema": changed(schema=2),
        "a surprise": changed(surprise=1),
        "a missing part": json.dumps({key: file[key] for key in file if key != "runs"}).encode(),
        "a run twice": changed(runs=[run_, run_]),
        "a live run": changed(runs=[run_ | {"status": "running"}, other]),
        "a run of no version": changed(runs=[run_ | {"version": 77}, other]),
        "a run of another comparison": changed(runs=[run_ | {"comparison": ref(7)}, other]),
        "a branch of nothing": changed(runs=[run_ | {"branch_of": ref(7)}, other]),
        "a number that no table holds": changed(runs=[run_ | {"prompt_tokens": 2**31}, other]),
        "half a character": text.replace(b'"prompt_text": "', b'"prompt_text": "\\ud800', 1),
        "a NUL": text.replace(b'"prompt_text": "', b'"prompt_text": "\\u0000', 1),
        "settings that no page can show": changed(runs=[run_ | {"settings": {"mode": "greedy"}}, other]),
        "a receipt that no page can show": changed(runs=[run_ | {"receipt": {"versions": 7}}, other]),
        "tokens that no page can show": changed(runs=[run_ | {"tokens": [{"t": 7}]}, other]),
        "a vote across rows": changed(runs=[run_ | {"row": "r2"}, other]),
        "a vote twice": changed(votes=[ballot, ballot]),
        "a vote on a stranger": changed(votes=[ballot | {"run": ref(9)}]),
        "a mark of ten": changed(ratings=[file["ratings"][0] | {"mark": 10}]),
        "a version twice": changed(versions=file["versions"] * 2),
        "a spec that is none": changed(experiment=file["experiment"] | {"spec": {}}),
    }


def test_what_is_no_good_file_is_refused_in_one_sentence_and_changes_nothing(alice: User) -> None:
    file = exported(things_of(alice))
    before = Run.objects.count(), Experiment.objects.count(), User.objects.count()
    for name, data in broken(file).items():
        with pytest.raises(Refusal) as refused:
            imports.store(Team.objects.get(personal_of=alice), alice, imports.read(data))
        assert refused.value.status in (400, 413, 422), name
        assert refused.value.message.endswith("."), name
        assert len(refused.value.message) < 300, name
    assert (Run.objects.count(), Experiment.objects.count(), User.objects.count()) == before
    page = post(alice, b"{")
    assert page.status_code == 422
    assert "no whole JSON" in page.content.decode()


def test_a_file_has_a_bound(alice: User) -> None:
    with pytest.raises(Refusal) as refused:
        imports.read(b" " * (LIMITS.import_bytes + 1))
    assert refused.value.status == 413


def test_a_failure_in_the_middle_leaves_nothing(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    file = exported(things_of(alice))
    before = Run.objects.count(), Experiment.objects.count()

    def fails(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(imports.Import, "_store_judgements", fails)
    with pytest.raises(RuntimeError):
        stored(alice, file)
    assert (Run.objects.count(), Experiment.objects.count()) == before
