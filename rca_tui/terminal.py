"""The cells of the terminal as they were last written: an update writes only those that have changed.

Textual writes every cell of a widget that was refreshed, and every cell of the screen after some. Over SSH that is tens
of kilobytes for a key.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, cast

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

NEAR = 4
"""Unchanged cells between two changed ones that are written too: moving the cursor costs about as many bytes."""
_OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28", "9": "29", "21": "24"}
"""By code of an attribute: the code that ends it."""
_SEEN_ON_BLANKS = {"4", "5", "6", "7", "9", "21", "51", "52", "53"}
"""Codes of attributes that a blank shows: underlined, reversed and the like."""


class Look(NamedTuple):
    """Parameters of SGR, the escape sequence that sets attributes and colours."""

    attributes: str
    front: str
    back: str


PLAIN = Look("", "", "")
Cell = tuple[str, Look]
"""One column: its character, empty in the right half of a wide one, and its look."""


class Terminal:
    """What the terminal shows."""

    def __init__(self) -> None:
        self._size = Size(0, 0)
        self._rows: list[list[Cell | None]] = []

    def forget(self) -> None:
        """The terminal may show anything: the next update of a cell is written in any case."""
        self._size = Size(0, 0)

    def changes(self, update: RenderableType | None, size: Size) -> RenderableType | None:
        """The part of an update that changes the terminal, which has that size."""
        if isinstance(update, ChopsUpdate | LayoutUpdate):
            return cast(RenderableType, Changes(self, update, size))  # Textual's own updates are no renderables either
        return update

    def write(self, update: ChopsUpdate | LayoutUpdate, size: Size, colours: ColorSystem) -> str:
        """The escape sequences for an update, which from now on is what the terminal shows."""
        if size != self._size:
            self._size = size
            self._rows = [[None] * size.width for _ in range(size.height)]
        pen = _Pen()
        for x, y, strip in _strips(update):
            if not 0 <= y < size.height:
                continue
            row, cells = self._rows[y], _cells(strip, colours)[: max(0, size.width - x)]
            pen.draw(x, y, row[x : x + len(cells)], cells)
            for edge in (x, x + len(cells)):
                _cut(row, edge)
            row[x : x + len(cells)] = cells
        return pen.written()


class _Pen:
    """Writes cells with few bytes, look by look: to move the cursor takes fewer than to change the colours."""

    def __init__(self) -> None:
        self._strokes: dict[Look, list[tuple[int, int, list[Cell]]]] = {}

    def draw(self, x: int, y: int, old: list[Cell | None], new: list[Cell]) -> None:
        """Bring cells of row y, from column x on, from old to new."""
        for start, end, look in _stretches(old, new):
            self._strokes.setdefault(look, []).append((y, x + start, new[start:end]))

    def written(self) -> str:
        pieces: list[str] = []
        at = (-1, -1)
        last: Look | None = None
        for look in sorted(self._strokes, key=lambda look: look[::-1]):  # those of one background together
            pieces.append(_switch(last, look))
            last = look
            for y, x, cells in sorted(self._strokes[look], key=lambda stroke: stroke[:2]):
                pieces.append(_move(at, (y, x)))
                pieces += [character for character, _ in cells]
                at = (y, x + len(cells))
        return "".join([*pieces, "" if last in (None, PLAIN) else "\x1b[0m"])


class Changes(CompositorUpdate):
    """An update that is compared with the terminal when it is written, which Textual may decide not to do."""

    def __init__(self, terminal: Terminal, update: ChopsUpdate | LayoutUpdate, size: Size) -> None:
        self._terminal, self._update, self._size = terminal, update, size

    def render_segments(self, console: Console) -> str:
        return self._terminal.write(self._update, self._size, console._color_system or ColorSystem.TRUECOLOR)


def _strips(update: ChopsUpdate | LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Column, row and content of each part of an update."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in line:
                yield x, y, strip
                x += strip.cell_length
        return
    for y, first, last in update.spans:
        for end, (x, chop) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if chop is not None and x < last and end > first:
                yield x, y, chop.crop(0, min(end, last) - x)


def _cells(strip: Strip, colours: ColorSystem) -> list[Cell]:
    cells: list[Cell] = []
    for text, style, _ in strip:
        look = _look(style, colours) if style else PLAIN
        if _narrow(text):
            blank = look if _marked(look) else Look("", "", look.back)
            cells += [(character, blank if character == " " else look) for character in text]
        else:
            # Wide or combined characters: one cell has them all, so that they are written together or not at all.
            cells += [(text, look), *[("", look)] * (cell_len(text) - 1)]
    return cells


def _stretches(old: list[Cell | None], new: list[Cell]) -> Iterator[tuple[int, int, Look]]:
    """Start, end and look of what has to be written, with the short gaps of that look between."""
    start = end = 0
    stretch: Look | None = None
    empty = True  # nothing but blanks so far
    for at, (was, wanted) in enumerate(zip(old, new, strict=True)):
        if was == wanted or at < end:
            continue
        first, after = _whole(new, at)
        if stretch is not None:
            more = new[end:after]
            common = _common(stretch, empty, more) if first - end <= NEAR else None
            if common is not None:
                stretch, end, empty = common, after, empty and all(character == " " for character, _ in more)
                continue
            yield start, end, stretch
        start, end, stretch, empty = first, after, wanted[1], wanted[0] == " "
    if stretch is not None:
        yield start, end, stretch


def _whole(cells: list[Cell], at: int) -> tuple[int, int]:
    """Start and end of the character at a column: a wide one has two, a piece of wide ones several."""
    end = at + 1
    while at and not cells[at][0]:
        at -= 1
    while end < len(cells) and not cells[end][0]:
        end += 1
    return at, end


def _common(look: Look, empty: bool, cells: list[Cell]) -> Look | None:
    """The look that writes these cells, too, with what is written in the given one; `empty` where that is blanks."""
    for character, wanted in cells:
        if wanted != look:
            if wanted.back != look.back or _marked(wanted) or _marked(look) or not (character == " " or empty):
                return None
            if character != " ":
                look = wanted
        empty = empty and character == " "
    return look


def _move(old: tuple[int, int], new: tuple[int, int]) -> str:
    """The sequence that moves the cursor from one row and column to another."""
    if old == new:
        return ""
    if old[0] == new[0] and old[1] < new[1]:
        return f"\x1b[{new[1] - old[1]}C"
    return f"\x1b[{new[0] + 1};{new[1] + 1}H"


def _cut(row: list[Cell | None], edge: int) -> None:
    """Forget wide characters that lie across the edge: a terminal blanks both halves when one is overwritten."""
    left = right = edge
    while 0 < left < len(row) and (cell := row[left]) is not None and not cell[0]:
        left -= 1
    while left < edge and right < len(row) and (cell := row[right]) is not None and not cell[0]:
        right += 1
    row[left:right] = [None] * (right - left)


@lru_cache(maxsize=4096)
def _narrow(text: str) -> bool:
    return text.isascii() or all(cell_len(character) == 1 for character in text)


@lru_cache(maxsize=4096)
def _marked(look: Look) -> bool:
    """Whether blanks of this look are more than background."""
    return not _SEEN_ON_BLANKS.isdisjoint(look.attributes.split(";"))


@lru_cache(maxsize=4096)
def _look(style: Style, colours: ColorSystem) -> Look:
    front, back = style.color, style.bgcolor
    return Look(
        Strip.render_ansi(style.without_color, colours),
        ";".join(front.downgrade(colours).get_ansi_codes()) if front else "",
        ";".join(back.downgrade(colours).get_ansi_codes(foreground=False)) if back else "",
    )


@lru_cache(maxsize=4096)
def _switch(old: Look | None, new: Look) -> str:
    """A short sequence from one look to another; None is an unknown one."""
    had, wanted = (set(filter(None, look.attributes.split(";"))) if look else set() for look in (old, new))
    if old is None or not had - wanted <= _OFF.keys():
        return f"\x1b[{';'.join(part for part in ('0', *new) if part)}m"
    off = {_OFF[code] for code in had - wanted}
    codes = [*sorted(off), *sorted(code for code in wanted if code not in had or _OFF.get(code) in off)]
    codes += [new.front or "39"] if old.front != new.front else []
    codes += [new.back or "49"] if old.back != new.back else []
    return f"\x1b[{';'.join(codes)}m"
