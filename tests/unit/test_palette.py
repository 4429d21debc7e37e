"""Looks tell methods apart, on white and on the dark page."""

from importlib.resources import files

import pytest

from trainables.methods import METHODS
from vae_sweep.report.palette import LABEL_COLOURS, in_order, label_style, style_of


def luminance(colour: str) -> float:
    """Relative luminance of a hex colour (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast of two colours (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def grounds() -> list[str]:
    """The page's ground, light and dark."""
    style = files("vae_sweep.report.page").joinpath("page.css").read_text()
    return [line.split()[1].rstrip(";") for line in style.splitlines() if "--ground:" in line]


def test_the_page_has_two_grounds() -> None:
    assert len(grounds()) == 2
    assert contrast(*grounds()) > 15


@pytest.mark.parametrize("colour", sorted({style_of(name).colour for name in METHODS} | set(LABEL_COLOURS)))
def test_colours_are_seen_on_both_grounds(colour: str) -> None:
    assert min(contrast(colour, placement) for placement in grounds()) >= 3


def test_every_row_has_a_marker_of_its_own() -> None:
    looks = [style_of(name) for name in METHODS]
    assert len({found.marker for found in looks}) == len(looks)
    assert len({found.static_marker for found in looks}) == len(looks)
    assert len({found.glyph for found in looks}) == len(looks)


def test_rows_of_ones_own_are_told_apart_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second", "third", "fourth"):
        monkeypatch.setitem(METHODS, name, METHODS["vae"])
    test_every_row_has_a_marker_of_its_own()
    assert style_of("first").colour != style_of("second").colour
    assert min(contrast(style_of(name).colour, placement) for name in METHODS for placement in grounds()) >= 3


def test_more_labels_than_colours_are_told_by_their_markers() -> None:
    many = 2 * len(LABEL_COLOURS)
    assert len({label_style(number) for number in range(many)}) == many


def test_methods_stand_in_the_order_of_the_rows() -> None:
    assert in_order({"ours", "vae", "lstm_lm"}) == ["lstm_lm", "vae", "ours"]
