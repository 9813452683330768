"""Processed requests over time, one line for each degree of data parallelism: a chart of plain characters."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

HEIGHT = 10
WIDEST, MARGIN = 72, 7
OFFERED = "·"
BLANK = " "


def chart(runs: Sequence[Mapping[str, Any]], width: int | None = None) -> str:
    """The runs of one rate. A line's mark is its number of replicas; dots are the requests that were sent.

    Args:
        runs: rows of `cluster.local.smoke.figures.table`, of at most 9 replicas.
    """
    width = min(WIDEST, width or shutil.get_terminal_size((80, 24)).columns - MARGIN - 1)
    rate, seconds = runs[0]["rate"], runs[0]["seconds"]
    top = max(rate * seconds, *(max(run["processed"]) for run in runs), 1.0)
    cells = [[BLANK] * width for _ in range(HEIGHT)]
    for column in range(width):
        at = seconds * column / (width - 1)
        _set(cells, column, rate * at / top, OFFERED)
        for run in sorted(runs, key=lambda run: -run["replicas"]):
            processed = run["processed"]
            _set(cells, column, processed[min(round(at), len(processed) - 1)] / top, str(run["replicas"]))
    title = f"processed requests at {rate:g}/s; digit: replicas, {OFFERED}: requests sent"
    lines = [title[: width + MARGIN]]
    for number, row in enumerate(cells):
        label = f"{top:.0f}" if number == 0 else "0" if number == HEIGHT - 1 else ""
        lines.append(f"{label:>{MARGIN - 2}} ┤{''.join(row).rstrip()}")
    end = f"{seconds:g} s"
    lines.append(f"{'0':>{MARGIN}}{end:>{width - 1}}")
    return "\n".join(lines)


def _set(cells: list[list[str]], column: int, share: float, mark: str) -> None:
    cells[HEIGHT - 1 - round(share * (HEIGHT - 1))][column] = mark
