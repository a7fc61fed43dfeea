"""The page of a comparison: who finds which controls on it."""

import pytest
from django.contrib.auth.models import User

from playground.models import Comparison, Experiment
from tests.playground.test_comparisons import ask, board

pytestmark = pytest.mark.usefixtures("plain_static", "valkey")
EDITING = ('id="run-all"', 'id="add-column"', 'data-act="remove-row"', 'id="column-load"', 'id="bring-rows"')


@pytest.fixture
def comparison(experiment: Experiment) -> Comparison:
    return experiment.comparisons.create(title="Ways", board=board())


def page_of(user: User, comparison: Comparison) -> str:
    return str(ask(user, "comparison", comparison.pk, method="get").content.decode())


def test_an_owner_finds_everything(alice: User, comparison: Comparison) -> None:
    page = page_of(alice, comparison)
    assert [part for part in (*EDITING, 'data-vote="better"') if part not in page] == []


def test_a_viewer_reads_and_judges_and_changes_nothing(bob: User, comparison: Comparison) -> None:
    page = page_of(bob, comparison)
    assert [part for part in EDITING if part in page] == []
    assert 'data-vote="better"' in page
    assert (
        'aria-label="Title of the comparison" maxlength="120" autocomplete="off" spellcheck="false" readonly'
        in page
    )


def test_the_way_up_is_the_experiment(alice: User, comparison: Comparison) -> None:
    for name in ("comparison", "comparison-blind"):
        page = ask(alice, name, comparison.pk, method="get").content.decode()
        assert f'href="/experiments/{comparison.experiment_id}/"' in page
