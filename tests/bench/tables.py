"""Tables with the command that made them, wide enough to be copied whole."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

REPOSITORY = Path(__file__).resolve().parents[2]
_WIDTH = 150


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], remarks: Sequence[str] = ()) -> None:
    """Print one table; the first and the last column are text, those between are numbers."""
    console = Console(width=_WIDTH, highlight=False)
    console.print()
    console.print(f"$ {command()}    ({os.cpu_count()} cores, Python {platform.python_version()})", markup=False)
    console.print(title, markup=False)
    table = Table()
    for position, column in enumerate(columns):
        wide = position in (0, len(columns) - 1)
        table.add_column(Text(column), justify="left" if wide else "right", no_wrap=not wide)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    for remark in remarks:
        console.print(remark, markup=False)


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table in a document."""
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def tell(line: str) -> None:
    """Progress, apart from the tables."""
    print(line, file=sys.stderr, flush=True)


def command() -> str:
    """The command line that is running, as one would type it."""
    return " ".join(["python -m tests.bench", *sys.argv[1:]])


def seconds(value: float) -> str:
    """Three significant digits; from 100 s on, whole seconds."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.001 else f"{value:.1g}"
