"""A figure as a value: drawn without global state, displayed as PNG, with a sentence for those who cannot see it.

It has its own background, so that it is legible on dark and light pages. The colours are Okabe and Ito's, which
colour-blind people can distinguish.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, GROUND, FAINT = "#1D2530", "#FAFAF7", "#B4BEC8"
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
LINES = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
"""Line styles: lines must not differ only in colour."""

_STYLE: Any = {
    "figure.facecolor": GROUND,
    "axes.facecolor": GROUND,
    "savefig.facecolor": GROUND,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#66727E",
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "grid.color": "#E3E7EB",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "font.size": 10,
    # names from telemetry are not formulas
    "text.parse_math": False,
}


class Picture:
    """A figure, and what it shows in one sentence."""

    def __init__(self, figure: Figure, words: str) -> None:
        self.figure = figure
        self.words = words
        self._png = b""

    @property
    def png(self) -> bytes:
        if not self._png:
            with io.BytesIO() as file, matplotlib.rc_context(_STYLE):
                self.figure.savefig(file, format="png", dpi=96)
                self._png = file.getvalue()
        return self._png

    def __repr__(self) -> str:
        return f"picture: {self.words}"

    def _repr_png_(self) -> bytes:
        return self.png


@contextmanager
def sheet(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> Iterator[tuple[Figure, list[Axes]]]:
    """An empty figure in the notebooks' style, in inches, and its axes row by row."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, list(figure.subplots(rows, columns, squeeze=False, **options).flat)
