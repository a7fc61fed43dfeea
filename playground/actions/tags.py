"""Tags: put on an experiment, made in its team when they are new there, removed when nothing has them."""

from collections.abc import Iterable
from typing import Annotated

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower
from pydantic import Field

from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Experiment, Tag, Team
from playground.specs import Strict, TagName

SUGGESTED = 500  # of a team; nobody reads more


Names = Annotated[list[TagName], Field(max_length=LIMITS.tags)]


class Change(Strict):
    """What an experiment gets and loses; not all that it has, so that editors undo nothing of each other."""

    add: Names = []
    remove: Names = []


def of_experiment(experiment: Experiment) -> list[str]:
    return names(experiment.tags.order_by(Lower("name")))


def listed(team: Team) -> list[str]:
    """Those that experiments of the team have, by name."""
    uses = Experiment.tags.through.objects.filter(tag=OuterRef("pk"), experiment__deleted_at=None)
    return names(team.tags.filter(Exists(uses)).order_by(Lower("name"))[:SUGGESTED])


def names(tags: Iterable[Tag]) -> list[str]:
    return [tag.name for tag in tags]


@transaction.atomic
def change(experiment: Experiment, wanted: Change) -> list[str]:
    """All tags that the experiment has then, as the team spells them; repeating a change is harmless.

    Raises Refusal 409 ``too_many_tags``, and changes nothing.
    """
    lock(experiment.team)
    gone = {name.casefold() for name in wanted.remove}
    experiment.tags.remove(*(tag for tag in experiment.tags.all() if tag.name.casefold() in gone))
    experiment.tags.add(*called(experiment.team, wanted.add))
    if experiment.tags.count() > LIMITS.tags:
        message = f"An experiment has at most {LIMITS.tags} tags."
        raise Refusal("too_many_tags", message, status=409)
    forget_unused(experiment.team)
    return of_experiment(experiment)


def lock(*teams: Team) -> None:
    """Until the transaction ends nobody else makes or removes tags of ``teams``."""
    list(Team.objects.select_for_update().filter(pk__in=[team.pk for team in teams]).order_by("pk"))


def called(team: Team, wanted: list[str]) -> list[Tag]:
    """The tags of a locked team with these names, whatever their case; made where there are none.

    Compared here, since databases know the case of other letters than a to z in different ways.
    """
    known = {tag.name.casefold(): tag for tag in team.tags.all()}
    for name in wanted:
        if name.casefold() not in known:
            known[name.casefold()] = team.tags.create(name=name)
    return list({known[name.casefold()].pk: known[name.casefold()] for name in wanted}.values())


def forget_unused(team: Team) -> None:
    """Removes the tags of a locked team that no experiment has; a deleted one may come back, and counts."""
    team.tags.filter(experiments=None).delete()
