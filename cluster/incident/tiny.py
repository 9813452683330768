"""Made-up incidents of a few components and a few samples: for examples, and to check a method by hand.

>>> slow_replica().topology.ids
('gateway', 'node', 'replica-0', 'replica-1')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry, empty_edge_metrics, empty_metrics
from cluster.topology import Component, Edge, Kind, Relation, Topology
from cluster.window import Onset, OnsetSource, Window

START = 1000.0
ONSET = 1100.0
END = 1200.0

Floats: TypeAlias = NDArray[np.float64]
Span: TypeAlias = tuple[str, str, str | None, str, str, float, float, bool]
"""One row of `SPAN_COLUMNS`: trace, span, parent, component, operation, start [s], duration [s], failed."""
LogLine: TypeAlias = tuple[float, str, str, str]
"""One row of `LOG_COLUMNS`: time [s], component, severity, message."""
_Key = TypeVar("_Key", tuple[str, str], tuple[str, str, str])


def incident(
    *,
    calls: Sequence[tuple[str, str]] = (),
    hosts: Sequence[tuple[str, str]] = (),
    kinds: Mapping[str, Kind] | None = None,
    front_door: str | None = None,
    latencies: Mapping[tuple[str, str], Floats | Sequence[float]] | None = None,
    metrics: Mapping[tuple[str, str], Floats | Sequence[float]] | None = None,
    units: Mapping[str, str] | None = None,
    spans: Sequence[Span] = (),
    logs: Sequence[LogLine] = (),
) -> Incident:
    """An incident from 1000 to 1200 s whose onset, at 1100 s, an operator has set.

    Args:
        calls: (caller, callee) pairs.
        hosts: (component, node) pairs: the component runs on the node.
        kinds: component -> kind; `Kind.SERVICE` where it is missing.
        front_door: the component that users call.
        latencies: (caller, callee) -> T samples of `latency_p90` [s] that the caller measured.
        metrics: (component, signal) -> T samples, spread evenly over the window, half of them before the onset.
        units: signal -> unit.
        spans: rows, see `Span` and `request`.
        logs: rows, see `LogLine`.
    """
    span_frame = pd.DataFrame(spans, columns=list(SPAN_COLUMNS)).astype(SPAN_COLUMNS)
    log_frame = pd.DataFrame(logs, columns=list(LOG_COLUMNS)).astype(LOG_COLUMNS)
    edge_columns = {(*edge, "latency_p90"): values for edge, values in (latencies or {}).items()}
    ids = {end for pair in (*calls, *hosts) for end in pair}
    ids |= {key[0] for key in metrics or {}} | set(span_frame["component"]) | set(log_frame["component"])
    kinds = kinds or {}
    return Incident(
        id="tiny",
        deployment="local",
        window=Window(START, END),
        topology=Topology(
            tuple(Component(i, kinds.get(i, Kind.SERVICE)) for i in sorted(ids)),
            (*(Edge(*pair) for pair in calls), *(Edge(*pair, Relation.RUNS_ON) for pair in hosts)),
            front_door,
        ),
        telemetry=Telemetry(
            _frame(metrics, ["component", "signal"]) if metrics else empty_metrics(),
            _frame(edge_columns, ["source", "target", "signal"]) if latencies else empty_edge_metrics(),
            span_frame,
            log_frame.sort_values("time", kind="stable", ignore_index=True),
            units or {},
        ),
        onset=Onset(ONSET, OnsetSource.OPERATOR),
    )


def request(trace: str, at: float, path: Sequence[tuple[str, str, float]], failed: bool = False) -> list[Span]:
    """Spans of one request that starts at `at` and passes (component, operation, seconds), each within the one before.

    >>> [span[3:7] for span in request("t", 1000.0, [("gateway", "POST", 0.3), ("replica-0", "generate", 0.2)])]
    [('gateway', 'POST', 1000.0, 0.3), ('replica-0', 'generate', 1000.0, 0.2)]
    """
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


def slow_replica() -> Incident:
    """A gateway calls two replicas on one node; at 1100 s the CPU of replica-1 saturates, and it gets slow.

    100 samples of nine metrics, one request every second, of which every sixth fails at the slow replica.
    """
    rng = np.random.default_rng(1)
    early = np.arange(100) < 50
    load = np.convolve(rng.normal(size=104), np.ones(5) / 5, "valid")

    def series(level: float, share: float, noise: float, slow: float = 1.0) -> Floats:
        values = level * (1 + share * load + noise * rng.normal(size=100))
        return np.where(early, values, slow * values)

    replicas = ("replica-0", "replica-1")
    cpu = {replica: series(0.5, 0.2, 0.02, 2.5 if replica == "replica-1" else 1.0) for replica in replicas}
    latency = {replica: 0.4 * cpu[replica] + 0.01 * rng.normal(size=100) for replica in replicas}
    slowest = np.maximum(*latency.values())
    metrics = {
        ("gateway", "latency_p90"): slowest + 0.02 * rng.exponential(size=100),
        ("gateway", "request_rate"): series(8.0, 0.3, 0.03),
        ("node", "cpu_usage"): 0.3 + sum(cpu.values()) + 0.05 * rng.normal(size=100),
    }
    for replica in replicas:
        metrics[replica, "cpu_usage"] = cpu[replica]
        metrics[replica, "latency_p90"] = latency[replica]
        metrics[replica, "queue_length"] = series(2.0, 0.4, 0.2, 3.0 if replica == "replica-1" else 1.0)
    spans: list[Span] = []
    logs: list[LogLine] = []
    for second in range(int(END - START)):
        replica, at = replicas[second % 2], START + second
        slow = replica == "replica-1" and at >= ONSET
        failed = slow and second % 6 == 1
        work = 0.2 * (3.0 if slow else 1.0) * float(np.exp(0.1 * rng.normal()))
        spans += request(f"t{second}", at, [("gateway", "POST", work + 0.02), (replica, "generate", work)], failed)
        logs.append((at, replica, "INFO", f"accepted request {second}"))
        if failed:
            logs.append((at + work, replica, "ERROR", f"request {second} failed: deadline exceeded"))
    return incident(
        calls=[("gateway", replica) for replica in replicas],
        hosts=[(component, "node") for component in ("gateway", *replicas)],
        kinds={"gateway": Kind.GATEWAY, "node": Kind.NODE, **dict.fromkeys(replicas, Kind.REPLICA)},
        front_door="gateway",
        latencies={("gateway", replica): latency[replica] for replica in replicas},
        metrics=metrics,
        units={"latency_p90": "s", "request_rate": "1/s", "cpu_usage": "cores", "queue_length": "1"},
        spans=spans,
        logs=logs,
    )


def _frame(columns: Mapping[_Key, Floats | Sequence[float]], levels: list[str]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    times = START + (END - START) * np.arange(count) / count
    frame = pd.DataFrame({key: np.asarray(v, dtype=np.float64) for key, v in columns.items()})
    frame.index = pd.Index(times, name="time", dtype="float64")
    frame.columns = pd.MultiIndex.from_tuples(list(columns), names=levels)
    return frame
