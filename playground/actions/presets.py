"""Presets: named generation settings of a team, and the three that come with the product."""

from typing import Annotated, Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from pydantic import AfterValidator, Field, StringConstraints

from playground.errors import Refusal
from playground.limits import LIMITS
from playground.models import Preset, Team
from playground.specs import Settings, Strict, clean

PresetName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LIMITS.preset_name_chars),
    AfterValidator(clean),
]
_PLAIN = {"min_p": 0, "repetition_penalty": 1, "presence_penalty": 0, "frequency_penalty": 0}
# They choose how tokens are drawn; length, stop strings and seed stay as they are.
BUILT_IN: dict[str, dict[str, Any]] = {
    "Greedy": {"mode": "greedy", **_PLAIN},
    "Balanced": {"mode": "sample", "temperature": 0.7, "top_k": 50, "top_p": 0.9, **_PLAIN},
    "Creative": {"mode": "sample", "temperature": 1.1, "top_k": 0, "top_p": 0.95, **_PLAIN},
}


class NewPreset(Strict):
    name: PresetName
    settings: Settings


class Change(Strict):
    """What shall be different; null leaves it as it is."""

    name: PresetName | None = Field(default=None)
    settings: Settings | None = Field(default=None)


def listed(team: Team) -> list[dict[str, Any]]:
    """Built-in ones first, then those of the team by name; a built-in one has no id."""
    built_in = [{"id": None, "name": name, "settings": settings} for name, settings in BUILT_IN.items()]
    rows = sorted(team.presets.all(), key=lambda preset: preset.name.casefold())
    return [*built_in, *map(as_json, rows)]


def as_json(preset: Preset) -> dict[str, Any]:
    return {"id": str(preset.pk), "name": preset.name, "settings": preset.settings}


def save(team: Team, user: User, wanted: NewPreset) -> Preset:
    """Makes a preset; raises Refusal 409 for a name that is taken and when the team has too many."""
    if team.presets.count() >= LIMITS.presets:
        message = f"This team has {LIMITS.presets} presets already; delete one first."
        raise Refusal("too_many_presets", message, status=409)
    preset = Preset(
        team=team, name=wanted.name, settings=wanted.settings.model_dump(mode="json"), created_by=user
    )
    return _stored(preset)


def change(preset: Preset, wanted: Change) -> Preset:
    """Renames a preset or gives it other settings; raises Refusal 409 for a name that is taken."""
    new = {key: value for key, value in wanted.model_dump(mode="json").items() if value is not None}
    for key, value in new.items():
        setattr(preset, key, value)
    return _stored(preset, only=list(new))


def _stored(preset: Preset, only: list[str] | None = None) -> Preset:
    if preset.name.casefold() in map(str.casefold, BUILT_IN):
        raise _taken(f"“{preset.name}” is the name of a preset that comes with Fewshot")
    try:
        with transaction.atomic():
            preset.save(update_fields=only)
    except IntegrityError:
        raise _taken(f"This team already has a preset called “{preset.name}”") from None
    return preset


def _taken(reason: str) -> Refusal:
    return Refusal("preset_name", f"{reason}; choose another name.", status=409, field="name")
