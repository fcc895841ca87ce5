"""The shared stylesheet: text can be read in light and in dark (WCAG 2.2, contrast of 4.5 to 1)."""

from __future__ import annotations

import re

import pytest

from sites.pages import read_asset

STYLE = read_asset("common/site.css")
PAIRS = {name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", STYLE)}
ACCENTS = re.findall(r"--accent: light-dark\((#\w+), (#\w+)\)", STYLE)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_of_contrast_is_that_of_the_guideline() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "card", "warm"])
def test_text_stands_out_from_every_ground(ground: str, mode: int) -> None:
    inks = [PAIRS["ink"][mode], PAIRS["soft"][mode], *(accent[mode] for accent in ACCENTS)]
    assert len(inks) == 7
    assert min(contrast(ink, PAIRS[ground][mode]) for ink in inks) >= 4.5


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_text_on_a_button_stands_out(mode: int) -> None:
    assert min(contrast(PAIRS["on-accent"][mode], accent[mode]) for accent in ACCENTS) >= 4.5
