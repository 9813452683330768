"""An incident at another time: nothing in it tells the first one."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from cluster.deployment import Plays
from cluster.incident.model import LOG_COLUMNS, Incident
from cluster.incident.redate import redated
from cluster.incident.truth import Truth
from cluster.playback import PlayedDeployment
from cluster.window import Onset, OnsetSource
from tests.cluster.test_playback import ALL, START, Clock, recording

LATER = 31 * 86400.0 + 3600.0


def saying(*messages: str) -> Incident:
    incident = recording()
    logs = pd.DataFrame({"time": START, "component": "a", "severity": "INFO", "message": messages})
    return dataclasses.replace(
        incident, telemetry=dataclasses.replace(incident.telemetry, logs=logs.astype(LOG_COLUMNS))
    )


@pytest.mark.parametrize(
    ("said", "later"),
    [
        ("2023-11-14 22:13:20,500 slow", "2023-12-15 23:13:20,500 slow"),
        ("at 2023-11-14T22:13:20.5Z", "at 2023-12-15T23:13:20.5Z"),
        ("2023/11/14 22:13:20 [error]", "2023/12/15 23:13:20 [error]"),
        ('- - [14/Nov/2023:22:13:20 +0000] "GET"', '- - [15/Dec/2023:23:13:20 +0000] "GET"'),
        ("INFO 11-14 22:13:20 [engine.py:7]", "INFO 12-15 23:13:20 [engine.py:7]"),
        ("W1114 22:13:20.123456 7 x.go", "W1215 23:13:20.123456 7 x.go"),
        ("deadline 1700000000.25", "deadline 1702682000.25"),
        ("allocated 1234567890 bytes", "allocated 1234567890 bytes"),
        ("99-99 99:99:99 of 12345-11-14 22:13:20", "99-99 99:99:99 of 12345-11-14 22:13:20"),
    ],
)
def test_times_in_messages_move_and_numbers_stay(said: str, later: str) -> None:
    assert redated(saying(said), LATER).telemetry.logs["message"].tolist() == [later]


def test_what_is_played_now_has_every_time_moved_alike() -> None:
    incident, clock = recording(), Clock()
    played, before = (PlayedDeployment(incident, "x", 1.0, clock, at=at) for at in (START + LATER + 0.2, None))
    assert isinstance(played, Plays) and (played.later, before.later) == (LATER, 0.0)
    clock.seconds += 50.0
    window = dataclasses.replace(ALL, start=ALL.start + LATER, end=ALL.end + LATER)
    for read, column in (("logs", "time"), ("events", "time"), ("spans", "start")):
        moved, first = getattr(played, read)(window), getattr(before, read)(ALL)
        assert moved[column].tolist() == [time + LATER for time in first[column]] != []
    assert played.samples(window, 1.0).metrics.index[-1] == START + LATER + 50.0


def test_what_a_search_found_is_dropped_and_a_given_onset_moves() -> None:
    found = recording().searched(Onset(START, OnsetSource.ESTIMATED, START - 1, START + 1), "it began at 22:13:20")
    moved = redated(found, LATER)
    assert (moved.onset, moved.onset_claim, moved.onset_searched) == (None, "", False)
    given = redated(recording().at(Onset(START, OnsetSource.GIVEN)), LATER)
    assert given.onset == Onset(START + LATER, OnsetSource.GIVEN)


def test_a_truth_moves_along() -> None:
    assert Truth(("a",), "x", 1.0, 2.0).redated(10.0) == Truth(("a",), "x", 11.0, 12.0)
    assert Truth((), "none", 1.0).redated(10.0).reverted_at is None
