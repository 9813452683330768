"""One grammar of numbers, units and times, on every face."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.signals import UNITS
from cluster.text.plain import NOTHING
from cluster.text.quantities import TIME, number, percent, quantity
from cluster.text.times import between, clock_time, date_time, duration, span
from methods.answer.documents import explanation, figures
from methods.answer.types import Explanation, Step, Table
from methods.answer.wording import after_onset

NOON = 1_700_000_000.0
SCALE = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "ms": 1e-3, "µs": 1e-6, "s": 1.0}
SCALE |= {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}

finite = st.floats(-1e15, 1e15)


def read(text: str) -> float:
    """The value that a text of the grammar stands for, without minutes and hours."""
    value, _, unit = text.partition(" ")
    suffix = value.lstrip("-0123456789.") if "e" not in value else ""
    return float(value.removesuffix(suffix)) * SCALE[suffix] * SCALE.get(unit.removesuffix("/s"), 1.0)


@pytest.mark.parametrize("memory", [1e9, 2.36e9, 3.99e9])
def test_bytes_are_never_a_time_of_day(memory: float) -> None:
    step = Step(
        "Largest deviation",
        "Memory grew.",
        {"peak": memory, "count": memory, "peak_time": NOON},
        {"baseline": memory},
        units={"peak": "bytes", "baseline": "bytes", "peak_time": TIME},
    )
    line = next(b.text for b in explanation(Explanation((step,))) if getattr(b, "text", "").startswith("peak"))
    assert (f"peak {quantity(memory, 'bytes')}" in line and "GiB" in line) or "MiB" in line
    assert f"count {number(memory)}" in line and f"baseline {quantity(memory, 'bytes')}" in line
    assert line.count(":") == 2 and "peak_time 22:13:20 UTC" in line
    table = figures(step, 10)
    assert table is not None and table.rows[0] == ("peak", quantity(memory, "bytes"))


def test_the_numbers_of_a_table_carry_their_units() -> None:
    rows = (("memory", 2.36e9, 4.0), ("cpu", 1.5, 2.0))
    table = Table(("signal", "peak", "score"), rows, {"peak": ("bytes", "cores")})
    grid = figures(Step("t", "c", table=table), 10)
    assert grid is not None and grid.rows == (("memory", "2.2 GiB", 4.0), ("cpu", "1.5 cores", 2.0))
    assert grid.right == {"peak", "score"}
    with pytest.raises(ValueError, match="units of 'peak'"):
        Table(("peak",), ((1.0,),), {"peak": ("s", "s")})


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1230.0, "", "1.23k"),
        (1234.0, "1", "1.23k"),
        (999.6, "", "1k"),
        (4.5e9, "", "4.5G"),
        (0.0123, "", "0.0123"),
        (0.000012, "", "1.2e-05"),
        (3.1, "1/s", "3.1 /s"),
        (512.0, "bytes", "512 B"),
        (1023.0, "bytes", "0.999 KiB"),
        (2.36e9, "bytes", "2.2 GiB"),
        (2048.0, "bytes/s", "2 KiB/s"),
        (0.9996, "s", "1 s"),
        (-0.25, "s", "-250 ms"),
        (0.000042, "s", "42 µs"),
        (245.0, "s", "4 min 05 s"),
        (0.25, "cores", "0.25 cores"),
        (1.41e9, "Hz", "1.41G Hz"),
        (NOON, TIME, "22:13:20 UTC"),
        (math.nan, "s", NOTHING),
        (math.inf, TIME, NOTHING),
        (None, "bytes", NOTHING),
    ],
)
def test_a_quantity_has_one_form(value: float | None, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


@given(finite, st.sampled_from(sorted({*UNITS.values(), ""})))
def test_three_digits_of_any_value_are_kept_in_any_unit(value: float, unit: str) -> None:
    text = quantity(value, unit)
    if "min" in text:
        assert unit == "s" and abs(value) >= 119.5
    else:
        assert read(text) == pytest.approx(value, rel=0.006, abs=1e-9 if unit == "s" else 0.0)


@given(finite)
def test_a_number_has_at_most_three_digits(value: float) -> None:
    digits = [c for c in number(value).partition("e")[0].lstrip("-0.") if c.isdigit()]
    assert len(digits) <= 3


@given(st.just(0.0) | st.floats(1e-6, 1e7))
def test_lengths_of_time_agree(seconds: float) -> None:
    for text in (duration(seconds), span(seconds)):
        assert text.endswith((" s", " ms", " µs", " min"))
        assert "e" not in text
    if seconds >= 120.5:
        assert duration(seconds) == span(seconds)


def test_every_time_of_day_names_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        told = (clock_time(NOON), date_time(NOON), between(NOON, NOON + 40))
        assert told == ("22:13:20 UTC", "2023-11-14 22:13 UTC", "22:13:20 to 22:14:00 UTC")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert clock_time(NOON * 1000) == NOTHING


def test_small_forms() -> None:
    shares = (0, 1e-9, 0.021, 0.5, 0.995, 0.99999, 1, None)
    assert [percent(share) for share in shares] == [
        "0 %",
        "<0.1 %",
        "2.1 %",
        "50 %",
        "99.5 %",
        ">99.9 %",
        "100 %",
        NOTHING,
    ]
    told = [span(seconds) for seconds in (0.08, 1.23, 42.4, 240, 7300)]
    assert told == ["80 ms", "1.2 s", "42 s", "4 min", "2 h 01 min"]
    assert after_onset(NOON + 12, NOON) == "12 s after the onset"
    assert after_onset(NOON - 3, NOON) == "3 s before the onset"
    assert after_onset(NOON, NOON) == "at the onset"
