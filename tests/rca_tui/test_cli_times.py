"""Times on the command line: those that it reads, and the onset that it tells."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from commands import refusal, run

from cluster.window import Window
from rca_tui.when import WhenError, parse_time, time_within


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("onset", "time"),
    [
        ("+30", 1_700_000_030.0),
        ("1700000031.5", 1_700_000_031.5),
        ("2023-11-14T22:13:52Z", 1_700_000_032.0),
        ("2023-11-14 22:13:53", 1_700_000_033.0),
        ("2023-11-14T23:13:54+01:00", 1_700_000_034.0),
        ("2023-11-14 22:13:55 UTC", 1_700_000_035.0),
        ("22:13:56", 1_700_000_036.0),
        ("22:13:57 UTC", 1_700_000_037.0),
        ("23:13:58+01:00", 1_700_000_038.0),
        ("+1m", 1_700_000_060.0),
        ("-30s", 1_700_000_070.0),
        ("-30", 1_700_000_070.0),
    ],
)
def test_onset_in_each_spelling(onset: str, time: float) -> None:
    assert time_within(onset, Window(1_700_000_000.0, 1_700_000_100.0)) == time


def test_a_time_of_day_is_the_one_in_the_window() -> None:
    """Also after midnight; in a window of two days the day must be said."""
    midnight = 1_699_920_000.0
    assert time_within("00:01:00", Window(midnight - 600, midnight + 600)) == midnight + 60
    assert time_within("23:59", Window(midnight - 600, midnight + 600)) == midnight - 60
    assert time_within("2023-11-14 00:01 UTC", Window(midnight - 1e5, midnight + 1e5)) == midnight + 60
    with pytest.raises(WhenError, match=r"comes 3 times in the incident, .*: say the day"):
        time_within("00:01:00", Window(midnight - 1e5, midnight + 1e5))


def test_a_refused_time_names_the_forms_that_are_accepted_here() -> None:
    """From the start only where there is one: a live deployment has none."""
    with pytest.raises(WhenError, match=r"give \+2m \(after the start\), HH:MM:SS"):
        time_within("soon", Window(1_700_000_000.0, 1_700_000_100.0))
    with pytest.raises(WhenError, match="give HH:MM:SS"):
        parse_time("+2m", 1_700_000_000.0)


@pytest.mark.slow
def test_what_the_command_line_prints_as_the_onset_it_reads() -> None:
    """The sentence has the time with its zone, an interval around it, and the seconds from the start."""
    said = " ".join(run("diagnose", "drill-05", "--method", "nsigma").split())
    told = re.search(
        r"began about (\S+ UTC) \(probability 0\.\d\d, between (\S+) and (\S+)\): its latency went from .* "
        r"That is (\+\d+) s from the window's start\.",
        said,
    )
    assert told is not None, said
    clock, earliest, latest, after = told.groups()
    assert earliest <= clock.removesuffix(" UTC") <= latest
    for text in (clock, clock.removesuffix(" UTC"), after):
        again = json.loads(run("diagnose", "drill-05", "--method", "nsigma", "--onset", text, "--json"))
        assert datetime.fromtimestamp(again["onset"], UTC).strftime("%H:%M:%S UTC") == clock


@pytest.mark.parametrize(
    "onset",
    [
        "soon",
        "",
        "+",
        "nan",
        "+nan",
        "inf",
        "-500",
        "+-1",
        "--5",
        "12:00",
        "25:00",
        "22:13 CET",
        "+0",
        "+950",
        "2020-01-01",
        "+1e300",
    ],
)
def test_bad_onsets(onset: str) -> None:
    assert "--onset" in refusal("diagnose", "drill-05", "--method", "baro", f"--onset={onset}")


def test_the_onset_is_told_in_one_zone_wherever_the_reader_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the command line, by the estimate's claim, and by the incident in a notebook."""
    from cluster.display import document, to_text
    from cluster.incident import library
    from methods.telemetry.onset import estimate
    from rca_tui.commands.analysis import onset_line

    incident = library.load("drill-05")
    found = estimate(incident)
    placed = incident.at(found.onset)
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        told = [found.claim, onset_line(placed), to_text(document(placed), 200)]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found.onset is not None
    moment = datetime.fromtimestamp(found.onset.time, UTC).strftime("%H:%M:%S UTC")
    assert all(moment in text for text in told)
