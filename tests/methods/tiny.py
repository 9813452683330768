"""Incidents small enough to reckon with a pencil: a few components, a few samples, a few spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry, empty_edge_metrics, empty_metrics
from cluster.topology import Component, Edge, Kind, Relation, Topology
from cluster.window import Onset, OnsetSource, Window
from methods.answer.types import NoRanking, Outcome, Ranking

START = 1000.0
ONSET = 1100.0
END = 1200.0


def incident(
    *,
    calls: Sequence[tuple[str, str]] = (),
    hosts: Sequence[tuple[str, str]] = (),
    front_door: str | None = None,
    latencies: Mapping[tuple[str, str], Sequence[float]] | None = None,
    metrics: Mapping[tuple[str, str], Sequence[float]] | None = None,
    spans: Sequence[tuple] = (),
    logs: Sequence[tuple] = (),
) -> Incident:
    """Series are spread evenly over [START, END), half of them before ONSET; `latencies` are of calls."""
    span_frame = pd.DataFrame(spans, columns=list(SPAN_COLUMNS)).astype(SPAN_COLUMNS)
    log_frame = pd.DataFrame(logs, columns=list(LOG_COLUMNS)).astype(LOG_COLUMNS)
    edge_columns = {(*edge, "latency_p90"): values for edge, values in (latencies or {}).items()}
    ids = {end for pair in (*calls, *hosts) for end in pair}
    ids |= {key[0] for key in metrics or {}} | set(span_frame["component"]) | set(log_frame["component"])
    return Incident(
        id="tiny",
        deployment="local",
        window=Window(START, END),
        topology=Topology(
            tuple(Component(i, Kind.SERVICE) for i in sorted(ids)),
            (*(Edge(*pair) for pair in calls), *(Edge(*pair, Relation.RUNS_ON) for pair in hosts)),
            front_door,
        ),
        telemetry=Telemetry(
            _frame(metrics or {}, ["component", "signal"]) if metrics else empty_metrics(),
            _frame(edge_columns, ["source", "target", "signal"]) if latencies else empty_edge_metrics(),
            span_frame,
            log_frame.sort_values("time", kind="stable", ignore_index=True),
        ),
        onset=Onset(ONSET, OnsetSource.OPERATOR),
    )


def scores(outcome: Outcome) -> dict[str, float]:
    assert isinstance(outcome, Ranking), outcome
    return {c.component: c.score for c in outcome.components}


def detail(outcome: Outcome) -> str:
    assert isinstance(outcome, NoRanking), outcome
    return outcome.detail


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def request(
    trace: str, at: float, path: Sequence[tuple[str, str, float]], failed: bool = False
) -> list[tuple[str, str, str | None, str, str, float, float, bool]]:
    """Spans of one request down a chain of (component, operation, seconds), each within the one before."""
    return [
        (
            trace,
            f"{trace}-{depth}",
            f"{trace}-{depth - 1}" if depth else None,
            component,
            operation,
            at,
            seconds,
            failed,
        )
        for depth, (component, operation, seconds) in enumerate(path)
    ]


def _frame(columns: Mapping[tuple[str, ...], Sequence[float]], levels: list[str]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    times = START + (END - START) * np.arange(count) / count
    frame = pd.DataFrame({key: np.asarray(v, dtype=np.float64) for key, v in columns.items()})
    frame.index = pd.Index(times, name="time", dtype="float64")
    frame.columns = pd.MultiIndex.from_tuples(list(columns), names=levels)
    return frame
