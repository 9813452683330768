"""Results on stdout: JSON for programs, tables for people."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.text.json_text import json_text
from cluster.text.plain import plain
from rca_tui.vocabulary import versioned

if TYPE_CHECKING:
    from cluster.display import Document

AWAITS_JSON: ContextVar[bool] = ContextVar("awaits_json", default=False)
"""Whether `--json` was given, and no document has been printed."""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def print_json(value: object) -> None:
    """An answer of `--json`, with its `schema`: no NaN (null), and no character that a terminal could act on."""
    print_plain_json(versioned(value))


def print_plain_json(value: object) -> None:
    """The same for what has a shape of somebody else's."""
    AWAITS_JSON.set(False)
    typer.echo(json_text(value))


def print_line(text: object = "") -> None:
    """A sentence, wrapped between words at the width of the terminal, each line with the same indent."""
    line = plain(text, limit=4000)
    indent = " " * (len(line) - len(line.lstrip()))
    width = shutil.get_terminal_size((80, 24)).columns
    filled = textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    print(filled, flush=True)  # `typer.echo` would write UTF-8 where the locale is C (`rca_tui.encoding`)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: str = "", whole: str = "") -> None:
    """A table as wide as the terminal, 80 columns without one.

    Cells are harmless text: no markup, no escape sequences. Long ones wrap, except in the columns that `whole` names
    and in those of numbers, which `right` names.
    """
    from cluster.display import Grid

    print_document((Grid.of(columns, ((str(cell) for cell in row) for row in rows), right, whole),))


def print_document(document: Document) -> None:
    """A document, as wide as the terminal, 80 columns without one, but for lines of code."""
    from rich.console import Console

    from cluster.display import print_on

    print_on(Console(markup=False, highlight=False, emoji=False), document)
