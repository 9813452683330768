"""How values are shown, on every face alike: a document of titles, sentences and tables, as HTML or by Rich.

`cluster.pages` makes files of it.

    document(value) ──▶ Document ──▶ to_html(): a notebook · to_rich(): a terminal · to_text(): anywhere

Everything in a document is taken for hostile: both renderers make it harmless and escape it.

A type and its document stand apart. The module `documents` of the type's package registers a function for it with
`@document.register`; `document` imports that module when it first meets a type that it does not know. A type that
inherits `Displayable` shows itself in notebooks and terminals by its document.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import singledispatch
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeAlias

from cluster.text.plain import NOTHING, plain
from cluster.text.quantities import number

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text

_LONGEST = 4000
_BAR = 12  # cells of a full bar in a terminal


class Tone(StrEnum):
    """Emphasis of a line. `WARNING` puts a sign in front, so that no colour is needed."""

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
    """A table. Columns of numbers and those named in `right` are right-aligned; those named in `whole` never wrap."""

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


@singledispatch
def document(value: object) -> Document:
    """What is shown of a value. Raises TypeError where no `documents` module registers its type."""
    for kind in type(value).__mro__:
        package = kind.__module__.rpartition(".")[0]
        if package and find_spec(f"{package}.documents"):
            import_module(f"{package}.documents")
    registered = document.dispatch(type(value))
    if registered is document.dispatch(object):
        raise TypeError(f"no document is registered for {type(value).__name__}")
    return registered(value)


class Displayable:
    """A base of values that show themselves: rich HTML in a notebook, a Rich renderable in a terminal."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return to_html(document(self))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # A dataclass has a __repr__, which notebooks would show where there is no HTML.
        return {"text/html": self._repr_html_(), "text/plain": to_text(document(self))}

    def __rich__(self) -> Group:
        return to_rich(document(self))


def to_html(document: Document) -> str:
    """The document as one HTML element. It takes its colours from the page: legible on light and on dark."""
    return f'<div class="rca">{"".join(map(_html_block, document))}</div>'


def to_rich(document: Document) -> Group:
    """The document as a Rich renderable. Long lines of code are broken: `print_on` keeps them whole."""
    from rich.console import Group

    return Group(*_rich_parts(document))


def print_on(console: Console, document: Document) -> None:
    """Print the document, each line of its code unbroken, so that it can be copied: a terminal folds it by itself."""
    for block, part in zip(document, _rich_parts(document), strict=True):
        console.print(part, soft_wrap=isinstance(block, Code))


def _rich_parts(document: Document) -> list[Text | Table]:
    from rich.text import Text

    styles = {Tone.PLAIN: "", Tone.QUIET: "dim", Tone.WARNING: "yellow"}
    parts: list[Text | Table] = []
    for block in document:
        if isinstance(block, Grid):
            parts.append(rich_table(block))
        elif isinstance(block, Title):
            parts.append(Text(("\n" if parts else "") + plain(block.text, _LONGEST), "bold"))
        elif isinstance(block, Code):
            parts.append(Text("\n".join(f"    {line}" for line in code_lines(block))))
        else:
            parts.append(Text(sentence(block), styles[block.tone]))
    return parts


def to_text(document: Document, width: int = 100) -> str:
    """The document as text without colours, `width` characters wide but for lines of code."""
    from rich.console import Console

    with io.StringIO() as file:
        console = Console(
            file=file, width=width, color_system=None, force_terminal=False, force_jupyter=False, emoji=False
        )
        print_on(console, document)
        return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def rich_table(grid: Grid) -> Table:
    """A table as wide as its content. Long cells wrap, except in columns of numbers and in those named in `whole`."""
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
        text = "\n".join(map(_escape, code_lines(block)))
        return f'<pre style="overflow-x:auto">{text}</pre>'
    head = "".join(_html_cell("th", name, name, block) for name in block.columns)
    rows = "".join(
        "<tr>" + "".join(_html_cell("td", c, n, block) for n, c in zip(block.columns, row, strict=True)) + "</tr>"
        for row in block.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _html_cell(tag: str, cell: Cell, column: str, grid: Grid) -> str:
    side = "right" if column in grid.right else "left"
    unbroken = ";white-space:nowrap" if column in grid.right or column in grid.whole else ""
    if isinstance(cell, Bar):
        width = round(100 * _share(cell))
        inside = f'<div style="background:currentColor;opacity:0.55;height:0.7em;width:{width}%"></div>'
        return f'<{tag} style="min-width:8em;padding:2px 8px">{inside}</{tag}>'
    return f'<{tag} style="text-align:{side};padding:2px 8px{unbroken}">{_escaped(text_of(cell))}</{tag}>'


def code_lines(code: Code) -> list[str]:
    """The lines of a code block: harmless, but not yet escaped."""
    return [plain(line, _LONGEST) for line in code.text.split("\n")]


def text_of(cell: Cell) -> str:
    """A cell as text: harmless, but not yet escaped."""
    if cell is None:
        return NOTHING
    if isinstance(cell, Bar):
        return "━" * round(_share(cell) * _BAR)
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return number(cell) if isinstance(cell, float) else plain(cell)


def sentence(line: Line) -> str:
    """A line as text, with its warning sign: harmless, but not yet escaped."""
    return ("▲ " if line.tone is Tone.WARNING else "") + plain(line.text, _LONGEST)


def _escaped(text: str) -> str:
    return _escape(plain(text, _LONGEST))


def _escape(text: str) -> str:
    import html  # brings a table of 2,000 entities, which no terminal needs

    return html.escape(text)


def _share(bar: Bar) -> float:
    return min(1.0, max(0.0, bar.share))


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)
