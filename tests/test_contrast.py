"""Text on the shades of tokens can be read, and the shades told apart, in light and dark (WCAG 2.2)."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[1] / "static" / "css"
SHADES = ("--p0", "--p1", "--p2", "--p3", "--p4")
READABLE = 7.0  # AAA for text
TEXT = 4.5  # AA
GRAPHIC = 3.0  # AA for what is not text


def colours(theme: str) -> dict[str, str]:
    """The colour variables of a theme; those of the light one are the ground of the dark one."""
    found: dict[str, str] = {}
    for name in ("base.css", "tokens.css", "presence.css"):
        blocks = re.findall(
            r'([^{}]*\[data-bs-theme="(?:light|dark)"\]) \{([^}]*)\}', (CSS / name).read_text()
        )
        for selector, block in blocks:
            if "light" in selector or theme in selector:
                found |= re.findall(r"(--[\w-]+): (#[0-9a-f]{3,6});", block)
    return found


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    shares = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def distance(one: str, other: str) -> int:
    """How far two colours are apart in the channel that differs most, from 0 to 255."""
    return max(abs(int(one[at : at + 2], 16) - int(other[at : at + 2], 16)) for at in (1, 3, 5))


def test_the_measure_is_right() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("shade", SHADES)
def test_text_on_a_shade_can_be_read(theme: str, shade: str) -> None:
    named = colours(theme)
    assert contrast(named["--ink"], named[shade]) >= READABLE


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_shades_can_be_told_apart(theme: str) -> None:
    named = colours(theme)
    for one, other in pairwise((*SHADES, "--surface")):
        wide = [named[name] if len(named[name]) == 7 else "#ffffff" for name in (one, other)]
        assert distance(*wide) >= 20, (one, other)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("number", range(1, 9))
def test_people_can_be_read_and_seen(theme: str, number: int) -> None:
    named = colours(theme)
    person = named[f"--person-{number}"]
    assert contrast(named["--person-ink"], person) >= TEXT
    assert contrast(person, named["--surface"]) >= GRAPHIC
    assert contrast(person, named["--page"]) >= GRAPHIC


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_can_be_seen(theme: str) -> None:
    named = colours(theme)
    assert contrast(named["--spark"], named["--surface"]) >= GRAPHIC
    assert contrast(named["--accent"], named["--raised"]) >= GRAPHIC
