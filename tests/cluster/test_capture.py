from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from cluster.capture import capture, capture_around
from cluster.deployment import DeploymentError, Liveness, Samples, Status
from cluster.incident.model import empty_edge_metrics, empty_logs, empty_metrics, empty_spans
from cluster.moment import Moment
from cluster.topology import Topology
from cluster.window import Window

WINDOW = Window(100.0, 103.0)


def frame(names: list[str], columns: dict[tuple[str, ...], list[float]]) -> pd.DataFrame:
    index = pd.Index([100.0, 101.0, 102.0], name="time")
    return pd.DataFrame(
        np.array(list(columns.values())).T, index=index, columns=pd.MultiIndex.from_tuples(list(columns), names=names)
    )


def samples() -> Samples:
    nan = float("nan")
    metrics = {
        ("head", "latency_p90"): [0.5, nan, 0.7],
        ("head", "homemade"): [1.0, 2.0, 3.0],
        ("replica-1", "kv_usage"): [nan, nan, nan],
    }
    edges = {("gateway", "head", "request_rate"): [1.0, 1.0, 1.0]}
    return Samples(
        frame(["component", "signal"], metrics), frame(["source", "target", "signal"], edges), ("kv_usage: silent",)
    )


def logs() -> pd.DataFrame:
    rows = empty_logs()
    rows.loc[0] = [100.5, "head", "INFO", "hello"]
    rows.attrs["notes"] = ["head/engine.log: skipped 2 lines that are no records"]
    return rows


@dataclass
class Deployment:
    known: Topology
    brings: Samples = field(default_factory=samples)
    broken: frozenset[str] = frozenset()
    kind: str = "local"
    name: str = "local"

    def topology(self) -> Topology:
        return self.known

    def status(self) -> Status:
        return Status(Liveness.LIVE, 0.0)

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        assert (window, step, signals) == (WINDOW, 1.0, None)
        return self.brings

    def spans(self, window: Window) -> pd.DataFrame:
        return self._bring("spans", empty_spans())

    def logs(self, window: Window) -> pd.DataFrame:
        return self._bring("logs", logs())

    def close(self) -> None: ...

    def _bring(self, name: str, what: pd.DataFrame) -> pd.DataFrame:
        if name in self.broken:
            raise DeploymentError(f"Loki does not answer for {name}.")
        return what


def test_one_window_of_everything_with_units_and_what_is_missing(topology: Topology) -> None:
    incident = capture(Deployment(topology), WINDOW, 1.0)
    telemetry = incident.telemetry
    assert list(telemetry.metrics.columns) == [("head", "latency_p90"), ("head", "homemade")]
    assert np.isnan(telemetry.series("head", "latency_p90").iloc[1])
    assert list(telemetry.edge_metrics.columns) == [("gateway", "head", "request_rate")]
    assert telemetry.units == {"latency_p90": "s", "request_rate": "1/s"}
    assert telemetry.logs["message"].tolist() == ["hello"]
    assert "notes" not in telemetry.logs.attrs
    assert incident.notes == (
        "kv_usage: silent",
        "no spans in this window",
        "head/engine.log: skipped 2 lines that are no records",
    )
    assert (incident.window, incident.topology, incident.deployment, incident.onset) == (
        WINDOW,
        topology,
        "local",
        None,
    )


def test_the_id_is_random_and_says_nothing(topology: Topology) -> None:
    ids = {capture(Deployment(topology), WINDOW, 1.0).id for _ in range(3)}
    assert len(ids) == 3
    assert all(len(i) == 32 and set(i) <= set("0123456789abcdef") for i in ids)


def test_sources_that_fail_are_named_and_empty(topology: Topology) -> None:
    incident = capture(Deployment(topology, broken=frozenset({"spans", "logs"})), WINDOW, 1.0)
    assert incident.telemetry.spans.empty
    assert incident.telemetry.logs.empty
    assert incident.notes[1:] == (
        "no spans: Loki does not answer for spans.",
        "no logs: Loki does not answer for logs.",
    )


def test_without_any_metric_there_is_no_incident(topology: Topology) -> None:
    nothing = Samples(empty_metrics(), empty_edge_metrics())
    with pytest.raises(DeploymentError, match=r"^the deployment local has no metrics from 00:01:40 to 00:01:43 UTC"):
        capture(Deployment(topology, brings=nothing), WINDOW, 1.0)


@dataclass
class Young(Deployment):
    """One that has been measured from `since` on, once a second."""

    since: float = 0.0
    step: float = 1.0
    asked: list[tuple[Window, float]] = field(default_factory=list)

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        self.asked.append((window, step))
        index = pd.Index(np.arange(window.start, window.end, step), name="time")
        values = np.where(index >= self.since, 0.5, np.nan)
        names = ["component", "signal"]
        columns = pd.MultiIndex.from_tuples([("gateway", "latency_p90")], names=names)
        return Samples(pd.DataFrame({0: values}, index=index).set_axis(columns, axis=1), empty_edge_metrics())


def test_the_window_around_an_alert_holds_a_baseline_before_what_it_waited_for(topology: Topology) -> None:
    deployment = Young(topology)
    fired = 10_000.0
    incident = capture_around(deployment, Moment(fired - 660, fired - 300, fired, "the alert Slow"), fired + 30)
    assert deployment.asked == [(Window(fired - 900, fired + 30), 2.0)]
    assert incident.window == deployment.asked[0][0]
    assert not any("begins" in note for note in incident.notes)


def test_what_was_not_yet_measured_is_no_part_of_the_window_and_said(topology: Topology) -> None:
    fired = 10_000.0
    young = Young(topology, since=fired - 100)
    incident = capture_around(young, Moment(fired - 200, fired - 60, fired, "the alert Slow"), fired)
    assert incident.window == Window(fired - 100, fired)
    assert incident.telemetry.metrics.index[0] == fired - 100
    assert incident.notes[-1] == "the telemetry begins at 02:45:00 UTC; it was asked for from 02:39:20 UTC on"


def test_what_lies_before_the_first_sample_is_no_silence(topology: Topology) -> None:
    incident = capture(Young(topology, since=150.0), Window(100.0, 200.0))
    assert incident.window == Window(150.0, 200.0)
    assert incident.telemetry.metrics.index[0] == 150.0
    assert any("the telemetry begins at 00:02:30" in note for note in incident.notes)
