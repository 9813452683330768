"""A report as Markdown, its charts in braille."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rich.style import Style

from cluster import pages
from cluster.display import Block, Code, Line, Title
from rca_tui.draw.plot import Palette, draw
from rca_tui.report.sections import sections, title
from rca_tui.report.types import Chart, Report

WIDTH, HEIGHT = 76, 12
_NONE = Palette(*(Style() for _ in range(7)))


def markdown(report: Report) -> str:
    """The whole report. Peers are left out of its charts: without colour nobody could tell them apart."""
    parts = [pages.markdown((Title(title(report)),), level=1)]
    for section in sections(report):
        charts = (block for chart in section.charts for block in _chart(chart))
        parts += [pages.markdown((Title(section.title),)), pages.markdown((*section.blocks, *charts), level=3)]
    return "\n".join(parts)


def _chart(chart: Chart) -> Iterator[Block]:
    yield Line(chart.caption)
    plot = replace(chart.plot, lines=chart.plot.lines[-1:])
    rows = draw(plot, WIDTH, HEIGHT, _NONE).plain.split("\n")
    yield Code("\n".join(row.rstrip() for row in rows))
