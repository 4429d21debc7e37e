"""How a method looks in every figure: colour, marker and dash, fixed, so that reports can be laid side by side.

Colour-blind eyes can distinguish colours where few methods meet, markers and dashes where many do; each has
a contrast of at least 3 on white and on the dark page.
"""

from typing import NamedTuple

from trainables.methods import METHODS


class MethodStyle(NamedTuple):
    """A colour (hex), the marker as text, marker and dash by the names of plotly and of matplotlib."""

    colour: str
    glyph: str
    marker: str
    static_marker: str | tuple[int, int, int]
    dash: str = "solid"
    static_dash: str = "-"


VERMILLION, BLUE, GREEN, PINK = "#d55e00", "#2b7fc0", "#009e73", "#c2619b"
AMBER, VIOLET, GREY, BROWN = "#b07a00", "#7f68d0", "#808080", "#a0603c"
LABEL_COLOURS = (BLUE, VERMILLION, GREEN, VIOLET, AMBER, PINK, GREY, BROWN)
"""Colours of a corpus' labels, in their order; more labels begin again, with another marker."""

LABEL_MARKERS = (("circle", "o"), ("diamond", "D"), ("square", "s"))

_LOOKS = {
    "ours": MethodStyle(VERMILLION, "★", "star", "*"),
    "vae": MethodStyle(BLUE, "●", "circle", "o"),
    "vae_fb": MethodStyle(GREEN, "■", "square", "s"),
    "vae_fbp": MethodStyle(PINK, "◆", "diamond", "D"),
    "vae_anneal": MethodStyle(VIOLET, "▲", "triangle-up", "^"),
    "vae_cyclic": MethodStyle(AMBER, "▼", "triangle-down", "v"),
    "vae_cyclic_sgd": MethodStyle(AMBER, "◀", "triangle-left", "<", "dash", "--"),
    "vae_aggressive": MethodStyle(BROWN, "⬟", "pentagon", "p"),
    "vae_pretrain": MethodStyle(BLUE, "✚", "cross", "P", "dash", "--"),
    "vae_pretrain_anneal": MethodStyle(VIOLET, "▶", "triangle-right", ">", "dash", "--"),
    "iwae": MethodStyle(GREEN, "⬢", "hexagon", "h", "dot", ":"),
    "iwae_pretrain": MethodStyle(GREEN, "✦", "star-diamond", (4, 1, 0), "dash", "--"),
    "ae": MethodStyle(GREY, "✖", "x", "X", "dot", ":"),
    "lstm_lm": MethodStyle(GREY, "♦", "diamond-tall", "d", "dash", "--"),
}
_SPARE = (
    MethodStyle(BROWN, "⧗", "hourglass", (3, 1, 0), "dashdot", "-."),
    MethodStyle(GREY, "⧓", "bowtie", (3, 1, 90), "dashdot", "-."),
    MethodStyle(PINK, "✶", "hexagram", (6, 1, 0), "dashdot", "-."),
    MethodStyle(BLUE, "◉", "octagon", "8", "dashdot", "-."),
)
"""Looks of methods of one's own, in their order; more methods than these begin again."""


def style_of(method: str) -> MethodStyle:
    """Return how a method looks. Raises ValueError for what is no method."""
    own = [name for name in METHODS if name not in _LOOKS]
    return _LOOKS.get(method) or _SPARE[own.index(method) % len(_SPARE)]


def label_style(number: int) -> tuple[str, str, str]:
    """Return the colour of a label and its marker, plotly's name and matplotlib's."""
    return (LABEL_COLOURS[number % len(LABEL_COLOURS)], *LABEL_MARKERS[number % len(LABEL_MARKERS)])


def in_order(methods: set[str]) -> list[str]:
    """Return methods in the order of the paper's tables."""
    return sorted(methods, key=list(METHODS).index)
