"""Migrations that fill what is there already, on rows as an earlier version left them."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection

from playground.models import Experiment, Run, SearchEntry
from playground.specs import PromptSpec
from tests.conftest import make_run

pytestmark = pytest.mark.usefixtures("valkey")


def fill(migration: str) -> Any:
    return import_module(f"playground.migrations.{migration}").fill(apps, connection.schema_editor())


def test_runs_get_the_hash_of_what_they_asked(alice: User) -> None:
    run, broken = (make_run(alice, key) for key in ("good", "broken"))
    wanted = PromptSpec.model_validate(run.spec).asks_hash()
    assert run.asks_hash == wanted
    Run.objects.update(asks_hash="")
    Run.objects.filter(pk=broken.pk).update(spec={"of": "another shape"})
    fill("0012_run_asks_hash")
    assert [Run.objects.get(pk=one.pk).asks_hash for one in (run, broken)] == [wanted, ""]


def test_all_runs_get_into_the_search_without_case(alice: User, experiment: Experiment, run: Run) -> None:
    Run.objects.update(experiment=experiment, text="ÉTUDE")
    SearchEntry.objects.filter(run=None).update(body="Über")
    SearchEntry.objects.exclude(run=None).delete()
    fill("0016_folded_search_entries")
    assert SearchEntry.objects.get(run=None).body == "über"
    assert SearchEntry.objects.get(run=run).body.startswith("étude ")
    assert [entry.run for entry in SearchEntry.objects.matching("étude")] == [run]
