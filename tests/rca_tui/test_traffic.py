"""What the terminal is sent: little, and enough."""

from __future__ import annotations

import random
import re

import pytest
import traffic
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

from rca_tui.terminal import Terminal

KEY = 4096
"""Bytes that a key may cost."""
SCREEN = 10_000
"""Bytes that may be sent to open another screen, or to show again what a dialog covered."""


@pytest.mark.slow
def test_a_key_costs_few_bytes() -> None:
    measured = traffic.measure()
    dear = {
        (screen, key): count
        for screen, counts in measured.items()
        for i, (key, count) in enumerate(counts)
        if count > (SCREEN if i == 0 or key == "escape" else KEY)
    }
    assert not dear
    assert sum(count for _, count in measured["2 Telemetry"]) > 1000


class Emulator:
    """A terminal that knows cursor movements and colours; each cell is its character and its codes."""

    def __init__(self, size: Size) -> None:
        self.rows = [[("?", frozenset({"?"}))] * size.width for _ in range(size.height)]

    def feed(self, data: str) -> None:
        x = y = 0
        codes: dict[str, str] = {}
        for found in re.finditer(r"\x1b\[([\d;]*)([A-Za-z])|(.)", data, re.DOTALL):
            numbers, kind, character = found.groups()
            if character:
                width = cell_len(character)
                self.rows[y][x : x + width] = [(part, frozenset(codes.values())) for part in (character, "")[:width]]
                x += width
            elif kind == "H":
                y, x = (int(number) - 1 for number in numbers.split(";"))
            elif kind == "C":
                x += int(numbers)
            else:
                self._colour(numbers, codes)

    def _colour(self, numbers: str, codes: dict[str, str]) -> None:
        for code in re.findall(r"[34]8;2;\d+;\d+;\d+|\d+", numbers):
            match code:
                case "0":
                    codes.clear()
                case "22" | "24" | "27":
                    for ended in {"22": "12", "24": "4", "27": "7"}[code]:
                        codes.pop(ended, None)
                case "39" | "49":
                    codes.pop(code[0] + "8", None)
                case _:
                    codes[code.split(";")[0]] = code


def shown(strip: Strip) -> list[tuple[str, frozenset[str]]]:
    """The cells that a strip as Textual writes it leaves on a terminal."""
    emulator = Emulator(Size(strip.cell_length, 1))
    for text, style, _ in strip:
        ansi = Strip.render_ansi(style or Style(), ColorSystem.TRUECOLOR)
        codes: dict[str, str] = {}
        emulator._colour(ansi, codes)
        at = next(i for i, cell in enumerate(emulator.rows[0]) if cell[0] == "?")
        emulator.rows[0][at : at + len(text)] = [(character, frozenset(codes.values())) for character in text]
    return emulator.rows[0]


def alike(ours: list[tuple[str, frozenset[str]]], theirs: list[tuple[str, frozenset[str]]]) -> bool:
    """Whether a person sees the same: a blank has no foreground, and is not bold."""

    def seen(cell: tuple[str, frozenset[str]]) -> tuple[str, frozenset[str]]:
        character, codes = cell
        if character == " " and not codes & {"4", "7"}:
            codes = frozenset(code for code in codes if code.startswith("48"))
        return character, codes

    return [seen(cell) for cell in ours] == [seen(cell) for cell in theirs]


STYLES = [
    Style(),
    Style(color="#112233"),
    Style(color="#112233", bgcolor="#445566"),
    Style(bgcolor="#445566", bold=True),
    Style(color="#998877", bgcolor="#445566", dim=True, underline=True),
    Style(color="#998877", reverse=True),
]


def strip(chance: random.Random, width: int) -> Strip:
    segments = []
    while width:
        length = chance.randint(1, width)
        segments.append(Segment("".join(chance.choices(" ab⣀", k=length)), chance.choice(STYLES)))
        width -= length
    return Strip(segments)


def test_what_is_written_leaves_what_textual_would() -> None:
    chance = random.Random(5)
    size = Size(24, 6)
    terminal, emulator = Terminal(), Emulator(size)
    expected: list[list[tuple[str, frozenset[str]]]] = [[]] * size.height
    for _ in range(200):
        if chance.random() < 0.3 or not expected[0]:
            lines = [[strip(chance, 10), strip(chance, 14)] for _ in range(size.height)]
            update: LayoutUpdate | ChopsUpdate = LayoutUpdate(lines, size.region)
            expected = [[cell for part in line for cell in shown(part)] for line in lines]
        else:
            y = chance.randrange(size.height)
            chops = [dict.fromkeys((0, 10)) for _ in range(size.height)]
            chops[y] = {0: strip(chance, 10), 10: strip(chance, 14)}
            first = chance.choice((0, 10))
            update = ChopsUpdate(chops, [(y, first, first + 9)], [[10, 24]] * size.height)
            cells = shown(chops[y][first])[:9]
            expected[y][first : first + 9] = cells
        emulator.feed(terminal.write(update, size, ColorSystem.TRUECOLOR))
        assert all(alike(ours, theirs) for ours, theirs in zip(emulator.rows, expected, strict=True))


def line(text: str) -> LayoutUpdate:
    return LayoutUpdate([[Strip([Segment(text)])]], Size(len(text), 1).region)


def test_what_is_shown_is_not_written_again() -> None:
    terminal, size = Terminal(), Size(20, 1)
    assert "latency p90 = 0.62 s" in terminal.write(line("latency p90 = 0.62 s"), size, ColorSystem.TRUECOLOR)
    assert terminal.write(line("latency p90 = 0.62 s"), size, ColorSystem.TRUECOLOR) == ""
    assert terminal.write(line("latency p90 = 0.65 s"), size, ColorSystem.TRUECOLOR) == "\x1b[0m\x1b[1;18H5"
    terminal.forget()
    assert "latency p90 = 0.65 s" in terminal.write(line("latency p90 = 0.65 s"), size, ColorSystem.TRUECOLOR)


def test_wide_characters_are_written_whole() -> None:
    terminal, size = Terminal(), Size(8, 1)
    wide = LayoutUpdate([[Strip([Segment("負荷"), Segment("abcd")])]], Size(8, 1).region)
    terminal.write(line("xxxxabcd"), size, ColorSystem.TRUECOLOR)
    assert terminal.write(wide, size, ColorSystem.TRUECOLOR) == "\x1b[0m\x1b[1;1H負荷"
    half = ChopsUpdate([{0: None, 2: Strip([Segment("yy")])}], [(0, 2, 4)], [[2, 8]])
    terminal.write(half, size, ColorSystem.TRUECOLOR)
    assert "負荷" in terminal.write(wide, size, ColorSystem.TRUECOLOR)


def test_what_follows_a_changed_wide_character_lands_where_it_belongs() -> None:
    terminal, emulator, size = Terminal(), Emulator(Size(16, 1)), Size(16, 1)
    for wide, narrow in (("負荷", " 12345678 ab"), ("高荷", " 12345678 cd")):
        update = LayoutUpdate([[Strip([Segment(wide), Segment(narrow)])]], size.region)
        emulator.feed(terminal.write(update, size, ColorSystem.TRUECOLOR))
        assert "".join(character for character, _ in emulator.rows[0]) == wide + narrow


def test_a_look_is_set_once_for_all_cells_that_have_it() -> None:
    size, red, blue = Size(12, 2), Style(color="#ff0000"), Style(color="#0000ff")
    lines = [[Strip([Segment("aa", red), Segment("bb", blue)] * 3)] for _ in range(2)]
    written = Terminal().write(LayoutUpdate(lines, size.region), size, ColorSystem.TRUECOLOR)
    assert written.count("255;0;0") == written.count("0;0;255") == 1
