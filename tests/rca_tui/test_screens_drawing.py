"""Charts and text without a terminal."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from cluster.text.plain import plain
from rca_tui.draw.braille import sparkline
from rca_tui.draw.plot import Palette, Plot, draw
from rca_tui.draw.text import fit, fit_name
from rca_tui.frames import Line

STYLE = Style()
PALETTE = Palette(STYLE, STYLE, STYLE, STYLE, STYLE, STYLE, STYLE)


def plot(values: list[float], **more: object) -> Plot:
    times = tuple(float(i) for i in range(len(values)))
    return Plot("a b", "s", 0.0, times[-1], (Line(times, tuple(values)),), **more)  # type: ignore[arg-type]


def lines(chart: Plot, width: int = 60, height: int = 12) -> list[str]:
    return draw(chart, width, height, PALETTE).plain.splitlines()


def test_a_chart_fills_its_box_and_names_its_unit() -> None:
    drawn = lines(plot([1.0, 2.0, 3.0]))
    assert len(drawn) == 12 and all(len(line) <= 60 for line in drawn)
    assert "[s]" in drawn[0]


def test_a_gap_is_not_bridged_and_shows_in_the_axis() -> None:
    whole = lines(plot([1.0] * 40))
    broken = lines(plot([1.0] * 15 + [math.nan] * 10 + [1.0] * 15))
    assert "25 % missing" in broken[0] and " " not in whole[-2][9:] and " " in broken[-2][9:].strip("└ ")
    assert sum("⠀" < c <= "⣿" for line in broken for c in line) < sum("⠀" < c <= "⣿" for line in whole for c in line)


def test_onset_fault_window_and_levels_are_there_without_colour() -> None:
    drawn = lines(plot([1.0] * 20 + [5.0] * 20, onset=20.0, shade=(20.0, 39.0), levels=(("+3 sigma", 3.0),)), 90, 16)
    text = "\n".join(drawn)
    for mark in ("▲ onset", "baseline", "fault window", "+3 sigma", "│"):
        assert mark in text


def test_nothing_measured_is_said() -> None:
    assert "no samples" in "\n".join(lines(plot([math.nan] * 5)))


def test_a_window_without_length_is_drawn_without_samples() -> None:
    far = 1e299  # the next float is many centuries later
    drawn = lines(Plot("a b", "s", far, far + 100, (Line((far,), (1.0,)),), onset=far, cursor=far, shade=(far, far)))
    assert "no samples" in "\n".join(drawn)


@given(st.text(max_size=80))
def test_no_text_can_reach_the_terminal_as_a_command(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable() or all(c.isprintable() or c == " " or c.isspace() for c in shown)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)
    assert len(fit(text, 10)) <= 10
    assert len(fit_name(text, 10)) <= 10


def test_names_that_differ_at_their_ends_differ_when_they_are_cut() -> None:
    names = [f"ray-replicas-{i}{gpu}" for i in range(12) for gpu in ("", "-gpu-0", "-gpu-1")]
    assert len({fit_name(name, 12) for name in names}) == len(names)
    assert fit_name("ray-replicas-0", 12) == "ray…plicas-0"
    assert fit_name("replica-0", 12) == "replica-0"
    assert fit_name("replica-0", 3) == "re…"


@given(
    st.lists(st.floats(-1e12, 1e12) | st.just(math.nan), min_size=2, max_size=50),
    st.integers(5, 120),
    st.integers(1, 30),
)
def test_any_values_fit_any_box(values: list[float], width: int, height: int) -> None:
    drawn = lines(plot(values), width, height)
    assert len(drawn) <= max(height, 1) and all(len(line) <= width for line in drawn)


def test_sparklines_share_a_scale_and_leave_gaps_blank() -> None:
    assert sparkline([0.0, 1.0], 2, top=1.0) == "▁█"
    assert sparkline([1.0, math.nan], 2, top=8.0)[1] == " "
    assert sparkline([], 3, top=1.0) == "   "
