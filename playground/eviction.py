"""Who has to go so that a model fits: the policy of a host, without processes or clocks."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Resident:
    """A model in memory. ``busy`` is one that is loading, or has queued or running runs."""

    model: str
    needs: int  # bytes
    last_used: float  # on any clock that rises
    busy: bool = False
    leaving: bool = False  # told to go, but still there


@dataclass(frozen=True)
class Fits:
    """There is room now."""


@dataclass(frozen=True)
class Evict:
    """There will be room once these have gone; they are the least recently used ones."""

    models: tuple[str, ...]


@dataclass(frozen=True)
class Wait:
    """Nothing can be done but wait for these."""

    models: tuple[str, ...]


@dataclass(frozen=True)
class TooLarge:
    """It would not fit into an empty machine."""


def room_for(needs: int, residents: Sequence[Resident], budget: int) -> Fits | Evict | Wait | TooLarge:
    """What a model of ``needs`` bytes has to wait for. Nobody is sent away in vain."""
    if needs > budget:
        return TooLarge()
    missing = needs + sum(resident.needs for resident in residents) - budget
    if missing <= 0:
        return Fits()
    missing -= sum(resident.needs for resident in residents if resident.leaving)
    chosen: list[str] = []
    idle = [resident for resident in residents if not resident.busy and not resident.leaving]
    for resident in sorted(idle, key=lambda resident: resident.last_used):
        if missing <= 0:
            break
        chosen.append(resident.model)
        missing -= resident.needs
    if missing > 0:  # even without all idle ones
        return Wait(tuple(resident.model for resident in residents if resident.busy or resident.leaving))
    leaving = tuple(resident.model for resident in residents if resident.leaving)
    return Evict(tuple(chosen)) if chosen else Wait(leaving)
