"""A recording that plays shows what had arrived, and nothing of what is still to come."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cluster.capture import capture
from cluster.deployment import Deployment, DeploymentError, HasIncident, HasPods, Liveness, Plays
from cluster.incident.model import EVENT_COLUMNS, LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry
from cluster.playback import PlayedDeployment
from cluster.provenance import Origin, Provenance, Record
from cluster.topology import Component, Kind, Topology
from cluster.window import Onset, OnsetSource, Window

START = 1_700_000_000.0
ALL = Window(START - 60.0, START + 600.0)


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def recording() -> Incident:
    """A minute, a sample a second; `error_ratio` first has a value at 40 s, `queue_length` ends at 20 s."""
    times = START + np.arange(61.0)
    metrics = pd.DataFrame(
        {
            ("a", "cpu_usage"): np.arange(61.0),
            ("a", "error_ratio"): np.where(np.arange(61) >= 40, 0.5, np.nan),
            ("a", "queue_length"): np.where(np.arange(61) <= 20, 1.0, np.nan),
        },
        index=pd.Index(times, dtype="float64", name="time"),
    )
    metrics.columns = pd.MultiIndex.from_tuples(metrics.columns.to_list(), names=["component", "signal"])
    spans = {"trace_id": "t", "span_id": ["1", "2"], "parent_id": None, "component": "a", "operation": "x"}
    spans |= {"start": [START + 5.0, START + 8.0], "duration": [1.0, 30.0], "error": False}
    logs = {"time": [START + 9.0, START + 30.0], "component": "a", "severity": "INFO", "message": ["x", "y"]}
    events = {"time": [START + 30.0], "component": ["a"], "source": ["alert"], "severity": ["page"], "object": [""]}
    events |= {"reason": ["x"], "message": ["fires"], "occurrences": [1.0]}
    return Incident(
        id="i",
        deployment="local",
        window=Window(START - 0.5, START + 61.0),
        topology=Topology((Component("a", Kind.REPLICA, "uid-of-the-second-pod"),)),
        telemetry=Telemetry(
            metrics=metrics,
            spans=pd.DataFrame(spans).astype(SPAN_COLUMNS),
            logs=pd.DataFrame(logs).astype(LOG_COLUMNS),
            events=pd.DataFrame(events).astype(EVENT_COLUMNS),
        ),
        onset=Onset(START + 40.0, OnsetSource.GIVEN),
        notes=("the scrape of a failed from second 20 on",),
        provenance=Provenance(
            (
                Record("cpu_usage", Origin.MEASURED, ("a",), ("cpu",)),
                Record("error_ratio", Origin.MEASURED, ("a",), ("errors",)),
                Record("queue_length", Origin.SCRAPE_FAILED, ("a",), ("queue",), reason="connection refused"),
                Record("kv_usage", Origin.NOT_EXPORTED, ("a",)),
            )
        ),
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def played(clock: Clock) -> PlayedDeployment:
    return PlayedDeployment(recording(), "a lesson", 2.0, clock)


def test_it_is_live_has_a_clock_of_its_own_and_gives_no_recording_away(played: PlayedDeployment, clock: Clock) -> None:
    assert isinstance(played, Deployment) and isinstance(played, Plays)
    assert not isinstance(played, HasPods | HasIncident)
    assert (played.kind, played.name, played.step) == ("replay", "a lesson", 1.0)
    assert played.clock() == START and not played.ended
    clock.seconds += 10.0
    assert played.clock() == START + 20.0
    assert (played.status().liveness, played.status().data_age) == (Liveness.LIVE, 0.0)
    clock.seconds += 1000.0
    assert played.clock() == START + 60.0 and played.ended
    assert "to its end" in played.status().message
    assert played.topology().components[0].uid == ""


def test_all_telemetry_ends_now(played: PlayedDeployment, clock: Clock) -> None:
    clock.seconds += 5.0  # 10 s of the recording
    read = played.samples(ALL, 1.0)
    assert read.metrics.index[-1] == START + 10.0
    assert list(read.metrics.columns) == [("a", "cpu_usage"), ("a", "queue_length")]
    assert read.metrics["a", "cpu_usage"].max() == 10.0
    assert read.notes == ()
    assert played.spans(ALL)["span_id"].tolist() == ["1"]
    assert played.logs(ALL)["message"].tolist() == ["x"]
    assert played.events(ALL).empty
    clock.seconds += 15.0  # 40 s
    assert played.samples(ALL, 1.0).metrics["a", "error_ratio"].count() == 1
    assert played.spans(ALL)["span_id"].tolist() == ["1", "2"]
    assert played.logs(ALL)["message"].tolist() == ["x", "y"]
    assert len(played.events(ALL)) == 1


def test_a_window_without_anything_is_empty(played: PlayedDeployment) -> None:
    ahead = Window(START + 30.0, START + 40.0)
    read = played.samples(ahead, 1.0)
    assert read.metrics.empty and read.edge_metrics.empty
    assert played.spans(ahead).empty and played.logs(ahead).empty and played.events(ahead).empty
    with pytest.raises(DeploymentError, match="has no metrics"):
        capture(played, ahead)


def test_a_scrape_that_fails_later_is_not_told_before(played: PlayedDeployment, clock: Clock) -> None:
    clock.seconds += 5.0
    told = played.samples(ALL, 1.0).provenance
    assert told.origin("a", "cpu_usage") is Origin.MEASURED
    assert told.origin("a", "queue_length") is Origin.MEASURED
    assert told.origin("a", "kv_usage") is Origin.NOT_EXPORTED
    assert told.of("a", "error_ratio") is None
    clock.seconds += 15.0
    told = played.samples(ALL, 1.0).provenance
    assert told.origin("a", "queue_length") is Origin.SCRAPE_FAILED
    assert told.of("a", "queue_length").reason == "connection refused"  # type: ignore[union-attr]
    assert told.origin("a", "error_ratio") is Origin.MEASURED


def test_an_incident_that_is_captured_while_it_plays_has_no_onset(played: PlayedDeployment, clock: Clock) -> None:
    clock.seconds += 25.0
    taken = capture(played, Window(START, played.clock()))
    assert taken.onset is None and not taken.onset_searched and taken.id != "i"
    assert taken.telemetry.metrics.index[-1] < START + 51.0
    assert not any("second 20" in note for note in taken.notes)


@pytest.mark.parametrize("time", [1.0, 17.0, 33.0, 59.0])
def test_what_has_arrived_does_not_depend_on_what_comes(time: float) -> None:
    """The same recording, cut off and changed after the moment, gives the same."""
    whole, clock = recording(), Clock()
    metrics = whole.telemetry.metrics.copy()
    metrics.loc[START + time + 0.5 :] = 99.0
    other = dataclasses.replace(whole, telemetry=dataclasses.replace(whole.telemetry, metrics=metrics))
    both = [PlayedDeployment(incident, "x", 1.0, clock) for incident in (whole, other)]
    clock.seconds += time
    first, second = (each.samples(ALL, 1.0) for each in both)
    pd.testing.assert_frame_equal(first.metrics, second.metrics)
    assert first.provenance.rows() == second.provenance.rows()


def test_what_cannot_be_played_is_refused() -> None:
    with pytest.raises(DeploymentError, match="choose 1, 2 or 4"):
        PlayedDeployment(recording(), "x", 0.0)
    with pytest.raises(DeploymentError, match="no metrics"):
        PlayedDeployment(dataclasses.replace(recording(), telemetry=Telemetry()), "x")
