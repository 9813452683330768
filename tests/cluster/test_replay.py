from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cluster.deployment import Deployment, DeploymentError, HasIncident, HasPods, Liveness
from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry
from cluster.replay import ReplayDeployment
from cluster.topology import Component, Kind, Topology
from cluster.window import Window

START = 1_700_000_000.0


def incident() -> Incident:
    """Ten samples 5 s apart, the fifth of them missing, a gap in the second."""
    times = START + 5.0 * np.array([0, 1, 2, 3, 5, 6, 7, 8, 9, 10])
    metrics = pd.DataFrame(
        {("a", "cpu_usage"): np.arange(10.0), ("a", "queue_length"): 1.0},
        index=pd.Index(times, dtype="float64", name="time"),
    )
    metrics.columns = pd.MultiIndex.from_tuples(metrics.columns.to_list(), names=["component", "signal"])
    metrics.iloc[1, 0] = np.nan
    spans = {"trace_id": "t", "span_id": ["1", "2"], "parent_id": None, "component": "a", "operation": "x"}
    spans |= {"start": [START, START + 20.0], "duration": 1.0, "error": False}
    logs = {"time": [START + 19.0, START + 20.0], "component": "b", "severity": "INFO", "message": ["x", "y"]}
    return Incident(
        id="i",
        deployment="local",
        window=Window(START, START + 55.0),
        topology=Topology((Component("a", Kind.REPLICA), Component("b", Kind.NODE), Component("c", Kind.NODE))),
        telemetry=Telemetry(
            metrics=metrics,
            spans=pd.DataFrame(spans).astype(SPAN_COLUMNS),
            logs=pd.DataFrame(logs).astype(LOG_COLUMNS),
        ),
        notes=("no spans of b",),
    )


@pytest.fixture
def replay() -> ReplayDeployment:
    return ReplayDeployment(incident(), "drill-01")


def test_it_is_a_deployment_without_pods(replay: ReplayDeployment) -> None:
    deployment: Deployment = replay
    assert (deployment.kind, deployment.name, deployment.instance) == ("replay", "drill-01", "i")
    assert isinstance(replay, Deployment) and isinstance(replay, HasIncident)
    assert not isinstance(replay, HasPods)
    status = deployment.status()
    assert (status.liveness, status.data_age) == (Liveness.REPLAY, None)
    assert status.components == {"a": True, "b": True, "c": False}
    deployment.close()


def test_the_recorded_grid_comes_back_as_it_was_and_gaps_stay_gaps(replay: ReplayDeployment) -> None:
    samples = replay.samples(Window(START, START + 55.0), 5.0)
    expected = [0, np.nan, 2, 3, np.nan, 4, 5, 6, 7, 8, 9]
    np.testing.assert_array_equal(samples.metrics[("a", "cpu_usage")], expected)
    assert list(samples.metrics.index) == [START + 5.0 * i for i in range(11)]
    assert samples.metrics.columns.names == ["component", "signal"]
    assert samples.edge_metrics.empty
    assert samples.notes == ("no spans of b",)


def test_a_coarser_grid_has_the_newest_sample_of_each_step(replay: ReplayDeployment) -> None:
    samples = replay.samples(Window(START + 2.0, START + 32.0), 10.0)
    np.testing.assert_array_equal(samples.metrics[("a", "cpu_usage")], [0, 2, 3])


def test_outside_of_the_recording_there_is_nothing(replay: ReplayDeployment) -> None:
    samples = replay.samples(Window(START + 100.0, START + 110.0), 1.0)
    assert samples.metrics.shape == (10, 2)
    assert samples.metrics.isna().all(axis=None)
    assert replay.spans(Window(START + 100.0, START + 110.0)).empty


def test_only_the_signals_that_were_asked_for(replay: ReplayDeployment) -> None:
    samples = replay.samples(Window(START, START + 10.0), 5.0, ["queue_length", "ghost"])
    assert list(samples.metrics.columns) == [("a", "queue_length")]


def test_windows_are_half_open(replay: ReplayDeployment) -> None:
    assert list(replay.spans(Window(START, START + 20.0))["span_id"]) == ["1"]
    assert list(replay.logs(Window(START + 20.0, START + 30.0))["message"]) == ["y"]


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan"), 1e-9])
def test_steps_that_make_no_sense(replay: ReplayDeployment, step: float) -> None:
    with pytest.raises(DeploymentError, match="step"):
        replay.samples(Window(START, START + 55.0), step)


def test_an_incident_without_metrics() -> None:
    bare = dataclasses.replace(incident(), telemetry=Telemetry())
    samples = ReplayDeployment(bare, "bare").samples(Window(START, START + 5.0), 1.0)
    assert samples.metrics.shape == (5, 0)
