"""Rows come through access functions only; a miss and no access look the same."""

import uuid

import pytest
from django.contrib.auth.models import AnonymousUser, User

from playground.access import Verb, experiment_for, experiments_of, personal_team_for, run_for
from playground.errors import Forbidden, NotFound
from playground.models import Experiment, Run


def test_the_owner_may_do_everything(alice: User, experiment: Experiment) -> None:
    assert all(experiment_for(alice, experiment.pk, verb) == experiment for verb in Verb)


def test_a_viewer_only_reads(bob: User, experiment: Experiment) -> None:
    assert experiment_for(bob, experiment.pk) == experiment
    for verb in (Verb.RUN, Verb.EDIT, Verb.MANAGE):
        with pytest.raises(Forbidden):
            experiment_for(bob, experiment.pk, verb)


@pytest.mark.parametrize("verb", list(Verb))
def test_an_outsider_cannot_tell_it_from_nothing(carol: User, experiment: Experiment, verb: Verb) -> None:
    with pytest.raises(NotFound) as hidden:
        experiment_for(carol, experiment.pk, verb)
    with pytest.raises(NotFound) as missing:
        experiment_for(carol, uuid.uuid4(), verb)
    assert hidden.value.as_json() == missing.value.as_json()


def test_runs_follow_their_team(alice: User, bob: User, carol: User, run: Run) -> None:
    assert run_for(bob, run.pk) == run
    with pytest.raises(Forbidden):
        run_for(bob, run.pk, Verb.RUN)
    with pytest.raises(NotFound):
        run_for(carol, run.pk)


def test_strangers_see_nothing(experiment: Experiment) -> None:
    nobody = AnonymousUser()
    assert not experiments_of(nobody)
    with pytest.raises(NotFound):
        experiment_for(nobody, experiment.pk)
    with pytest.raises(NotFound):
        personal_team_for(nobody)


def test_lists_hold_only_what_may_be_read(
    alice: User, bob: User, carol: User, experiment: Experiment
) -> None:
    assert experiment in experiments_of(alice)
    assert experiment in experiments_of(bob)
    assert experiment not in experiments_of(carol)
