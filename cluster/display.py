"""How an object shows itself, said once: a document of titles, sentences and tables, drawn as HTML or by Rich.

`cluster.pages` makes files of it.

    object.document() ──▶ Document ──▶ html(): a notebook · drawn(): a terminal

Everything in a document is taken for hostile: both renderers make it harmless and escape it. An object gets both faces
by inheriting `Shown`.
"""

from __future__ import annotations

import html as escaping
import io
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from cluster.text.plain import NOTHING, plain
from cluster.text.quantities import number

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

_LONGEST = 4000
_BAR = 12  # cells of a full bar in a terminal


class Tone(StrEnum):
    """How a sentence is meant. `WARNING` has a sign in front, so that no colour is needed."""

    PLAIN = "plain"
    QUIET = "quiet"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Title:
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied as it stands, line by line."""

    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A cell with a bar; `share` of the full length, from 0 to 1."""

    share: float


Cell: TypeAlias = str | float | int | bool | Bar | None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. Columns of numbers are set right, and those named in `right`; those named in `whole` never wrap."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()

    @classmethod
    def of(cls, columns: Iterable[str], rows: Iterable[Iterable[Cell]], right: str = "", whole: str = "") -> Grid:
        """From any iterables; `right` and `whole` are names separated by spaces."""
        named, known = tuple(columns), tuple(tuple(row) for row in rows)
        numbers = {
            name
            for i, name in enumerate(named)
            if any(_is_number(row[i]) for row in known) and all(row[i] is None or _is_number(row[i]) for row in known)
        }
        return cls(named, known, frozenset(right.split()) | numbers, frozenset(whole.split()))


Block: TypeAlias = Title | Line | Code | Grid
Document: TypeAlias = tuple[Block, ...]


class Shown(ABC):
    """A base for what shows itself: rich HTML in a notebook, a Rich renderable in a terminal."""

    __slots__ = ()

    @abstractmethod
    def document(self) -> Document:
        """What is shown."""

    def _repr_html_(self) -> str:
        return html(self.document())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # A dataclass has a __repr__, which would be what is shown where there is no HTML.
        return {"text/html": self._repr_html_(), "text/plain": words(self.document())}

    def __rich__(self) -> Group:
        return drawn(self.document())


def html(document: Document) -> str:
    """The document as one HTML element. It takes its colours from the page: legible on light and on dark."""
    return f'<div class="rca">{"".join(map(_html_block, document))}</div>'


def drawn(document: Document) -> Group:
    """The document as a Rich renderable."""
    from rich.console import Group
    from rich.text import Text

    styles = {Tone.PLAIN: "", Tone.QUIET: "dim", Tone.WARNING: "yellow"}
    parts: list[Text | Table] = []
    for block in document:
        if isinstance(block, Grid):
            parts.append(drawn_grid(block))
        elif isinstance(block, Title):
            parts.append(Text(("\n" if parts else "") + plain(block.text, _LONGEST), "bold"))
        elif isinstance(block, Code):
            parts.append(Text("\n".join(f"    {line}" for line in code_lines(block))))
        else:
            parts.append(Text(sentence(block), styles[block.tone]))
    return Group(*parts)


def words(document: Document, width: int = 100) -> str:
    """The document as text without colours: for where neither HTML nor a terminal shows it."""
    from rich.console import Console

    with io.StringIO() as file:
        console = Console(
            file=file, width=width, color_system=None, force_terminal=False, force_jupyter=False, emoji=False
        )
        console.print(drawn(document))
        return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def drawn_grid(grid: Grid) -> Table:
    """A table as wide as it needs to be; long cells wrap, except in columns of numbers and in those kept whole."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in grid.columns:
        unbroken = name in grid.right or name in grid.whole
        side = "right" if name in grid.right else "left"
        table.add_column(Text(plain(name), "bold"), justify=side, no_wrap=unbroken, overflow="fold")  # type: ignore[arg-type]
    for row in grid.rows:
        table.add_row(*(Text(text_of(cell)) for cell in row))
    return table


def _html_block(block: Block) -> str:
    if isinstance(block, Title):
        return f"<p><b>{_escaped(block.text)}</b></p>"
    if isinstance(block, Line):
        faint = ' style="opacity:0.7"' if block.tone is Tone.QUIET else ""
        return f"<p{faint}>{_escaped(sentence(block))}</p>"
    if isinstance(block, Code):
        text = "\n".join(escaping.escape(line) for line in code_lines(block))
        return f'<pre style="overflow-x:auto">{text}</pre>'
    head = "".join(_html_cell("th", name, name in block.right) for name in block.columns)
    rows = "".join(
        "<tr>"
        + "".join(_html_cell("td", c, n in block.right) for n, c in zip(block.columns, row, strict=True))
        + "</tr>"
        for row in block.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _html_cell(tag: str, cell: Cell, right: bool) -> str:
    side = "right" if right else "left"
    if isinstance(cell, Bar):
        width = round(100 * _share(cell))
        inside = f'<div style="background:currentColor;opacity:0.55;height:0.7em;width:{width}%"></div>'
        return f'<{tag} style="min-width:8em;padding:2px 8px">{inside}</{tag}>'
    return f'<{tag} style="text-align:{side};padding:2px 8px">{_escaped(text_of(cell))}</{tag}>'


def code_lines(code: Code) -> list[str]:
    """Its lines, each harmless, but not yet escaped."""
    return [plain(line, _LONGEST) for line in code.text.split("\n")]


def text_of(cell: Cell) -> str:
    """A cell in words: harmless, but not yet escaped."""
    if cell is None:
        return NOTHING
    if isinstance(cell, Bar):
        return "━" * round(_share(cell) * _BAR)
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return number(cell) if isinstance(cell, float) else plain(cell)


def sentence(line: Line) -> str:
    """A line in words, its warning sign in front: harmless, but not yet escaped."""
    return ("▲ " if line.tone is Tone.WARNING else "") + plain(line.text, _LONGEST)


def _escaped(text: str) -> str:
    return escaping.escape(plain(text, _LONGEST))


def _share(bar: Bar) -> float:
    return min(1.0, max(0.0, bar.share))


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)
