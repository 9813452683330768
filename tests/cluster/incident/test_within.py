"""A part of an incident's window: every source is cut to [start, end)."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from cluster.incident.model import EVENT_COLUMNS, LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry
from cluster.replay import ReplayDeployment
from cluster.topology import Component, Edge, Kind, Topology
from cluster.window import Onset, OnsetSource, Window

TIMES = [100.0, 110.0, 120.0, 130.0]


def incident() -> Incident:
    index = pd.Index(TIMES, name="time")
    metrics = pd.DataFrame({("head", "queue_length"): TIMES}, index=index)
    metrics.columns.names = ["component", "signal"]
    edges = pd.DataFrame({("gateway", "head", "request_rate"): TIMES}, index=index)
    edges.columns.names = ["source", "target", "signal"]

    def rows(columns: dict[str, str], clock: str) -> pd.DataFrame:
        texts = {name: [name] * 4 for name, kind in columns.items() if kind == "string"}
        rest = {name: [1.0] * 4 for name in columns if name not in texts}
        return pd.DataFrame({**texts, **rest, clock: TIMES})[list(columns)].astype(columns)

    spans = rows(SPAN_COLUMNS, "start").assign(duration=15.0)
    telemetry = Telemetry(metrics, edges, spans, rows(LOG_COLUMNS, "time"), events=rows(EVENT_COLUMNS, "time"))
    known = Topology(
        (Component("gateway", Kind.GATEWAY), Component("head", Kind.HEAD)), (Edge("gateway", "head"),), "gateway"
    )
    onset = Onset(115.0, OnsetSource.OPERATOR)
    return Incident("x", "local", Window(100.0, 140.0), known, telemetry, onset=onset, notes=("a note",))


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (100.0, 140.0, TIMES),
        (100.0, 120.0, [100.0, 110.0]),
        (110.0, 140.0, [110.0, 120.0, 130.0]),
        (110.0, 130.5, [110.0, 120.0, 130.0]),
        (110.1, 119.9, []),
        (0.0, 105.0, [100.0]),
    ],
)
def test_each_source_is_cut_to_the_start_and_before_the_end(start: float, end: float, kept: list[float]) -> None:
    whole = incident()
    part = whole.within(Window(start, end))
    telemetry = part.telemetry
    assert telemetry.metrics.index.tolist() == telemetry.edge_metrics.index.tolist() == kept
    assert telemetry.spans["start"].tolist() == telemetry.logs["time"].tolist() == kept
    assert telemetry.events["time"].tolist() == kept
    assert telemetry.spans.index.tolist() == list(range(len(kept)))
    assert part.window == Window(max(start, 100.0), min(end, 140.0))
    assert dataclasses.replace(part, telemetry=whole.telemetry, window=whole.window) == whole
    assert whole.telemetry.metrics.index.tolist() == TIMES


def test_a_window_beside_the_incident_is_refused() -> None:
    with pytest.raises(ValueError, match="must start before it ends"):
        incident().within(Window(140.0, 150.0))


def test_a_recording_answers_with_the_same_rows() -> None:
    part = Window(110.0, 130.0)
    deployment, telemetry = ReplayDeployment(incident(), "x"), incident().within(part).telemetry
    pd.testing.assert_frame_equal(deployment.spans(part), telemetry.spans)
    pd.testing.assert_frame_equal(deployment.logs(part), telemetry.logs)
