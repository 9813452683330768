"""A deployment and an incident made of numbers: six components, replica-1 slow for a minute, one gap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cluster.deployment import Deployment, DeploymentKind, HasIncident, Liveness, Samples, Status
from cluster.incident.model import Incident, Telemetry, empty_logs, empty_spans
from cluster.signals import UNITS
from cluster.topology import Component, Edge, Kind, Relation, Topology, calls
from cluster.window import Window
from methods.answer.types import ComponentScore, Explanation, Ranking, SeriesPointer, SignalScore, Step, Table

START = 1_700_000_000.0
LENGTH = 240
ONSET = START + 120
SERVING = ("head", "replica-0", "replica-1", "replica-2")


def topology() -> Topology:
    parts = (
        Component("gateway", Kind.GATEWAY, uid="g1"),
        Component("head", Kind.HEAD, uid="h1"),
        *(Component(f"replica-{i}", Kind.REPLICA, uid=f"r{i}") for i in range(3)),
        Component("node", Kind.NODE, uid="n1"),
    )
    runs_on = tuple(Edge(part.id, "node", Relation.RUNS_ON) for part in parts[:-1])
    return Topology(parts, calls("gateway", SERVING) + runs_on, front_door="gateway")


def metrics(start: float = START, length: int = LENGTH, onset: float = ONSET, seconds: float = 60) -> pd.DataFrame:
    times = start + np.arange(length, dtype=float)
    noise = np.random.default_rng(7)
    hurt = ((times >= onset) & (times < onset + seconds)).astype(float)
    columns: dict[tuple[str, str], np.ndarray] = {}

    def put(component: str, signal: str, level: float, spread: float, effect: float = 0.0) -> None:
        columns[(component, signal)] = np.maximum(0.0, level + spread * noise.normal(size=length) + effect * hurt)

    put("gateway", "latency_p90", 0.62, 0.03, 0.9)
    put("gateway", "latency_p50", 0.41, 0.02, 0.1)
    put("gateway", "error_ratio", 0.0, 0.0, 0.02)
    put("gateway", "request_rate", 6.0, 0.2)
    put("gateway", "ttft_p90", 0.09, 0.005, 0.3)
    put("gateway", "connections", 4, 0.5, 3)
    put("gateway", "cpu_usage", 0.05, 0.004)
    for component in SERVING:
        slow = 1.0 if component == "replica-1" else 0.05
        put(component, "latency_p90", 0.6, 0.03, 1.6 * slow)
        put(component, "ttft_p90", 0.08, 0.005, 0.5 * slow)
        put(component, "tpot_p90", 0.021, 0.001, 0.05 * slow)
        put(component, "request_rate", 1.5, 0.1)
        put(component, "error_rate", 0.0, 0.0, 0.08 * (slow == 1.0))
        put(component, "queue_length", 0.4, 0.2, 5 * slow)
        put(component, "cpu_usage", 0.35, 0.02, 0.6 * slow)
        put(component, "memory_working_set", 5.2e8, 1e6)
    put("node", "cpu_usage", 1.6, 0.05, 0.4)
    put("node", "memory_used", 3.1e9, 1e7)
    frame = pd.DataFrame(columns, index=pd.Index(times, name="time"))
    frame.columns = pd.MultiIndex.from_tuples(list(columns), names=["component", "signal"])
    frame.loc[(times >= start + 60) & (times < start + 72), ("replica-2", "latency_p90")] = np.nan
    return frame


def edge_metrics(start: float = START, length: int = LENGTH) -> pd.DataFrame:
    times = start + np.arange(length, dtype=float)
    names = [("gateway", component, "latency_p90") for component in SERVING]
    return pd.DataFrame(
        np.full((length, len(names)), 0.6),
        index=pd.Index(times, name="time"),
        columns=pd.MultiIndex.from_tuples(names, names=["source", "target", "signal"]),
    )


def incident() -> Incident:
    seen = Telemetry(metrics(), edge_metrics(), empty_spans(), empty_logs(), dict(UNITS))
    return Incident("3f2c", "local", Window(START, START + LENGTH), topology(), seen)


class Replay(Deployment, HasIncident):
    """A deployment that replays one incident."""

    kind = DeploymentKind.REPLAY

    def __init__(self, incident: Incident, name: str = "drill-01") -> None:
        self.incident = incident
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    @property
    def instance(self) -> str:
        return self.incident.id

    def topology(self) -> Topology:
        return self.incident.topology

    def status(self) -> Status:
        return Status(Liveness.REPLAY, None)

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        return Samples(self.incident.telemetry.metrics, self.incident.telemetry.edge_metrics)

    def spans(self, window: Window) -> pd.DataFrame:
        return self.incident.telemetry.spans

    def logs(self, window: Window) -> pd.DataFrame:
        return self.incident.telemetry.logs

    def close(self) -> None:
        return None


class Live(Deployment):
    """A live deployment whose telemetry ends at `now`."""

    kind = DeploymentKind.LOCAL
    name = "local"
    instance = "3f2c"

    def __init__(self, now: float = START + LENGTH) -> None:
        self.recording = incident()
        self.now = now
        self.age = 0.8
        self.closed = False

    def status(self) -> Status:
        return Status(Liveness.LIVE, self.age, components=dict.fromkeys(self.recording.topology.ids, True))

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        frame = self.recording.telemetry.metrics
        kept = (frame.index >= window.start) & (frame.index < window.end)
        return Samples(frame.loc[kept], self.recording.telemetry.edge_metrics.loc[kept])

    def topology(self) -> Topology:
        return self.recording.topology

    def spans(self, window: Window) -> pd.DataFrame:
        return self.recording.telemetry.spans

    def logs(self, window: Window) -> pd.DataFrame:
        return self.recording.telemetry.logs

    def close(self) -> None:
        self.closed = True


def hostile(name: str) -> Incident:
    """An incident whose replica-1, one signal of it, and a log line are called by that name."""
    clean = incident()
    parts = tuple(Component(name if c.id == "replica-1" else c.id, c.kind) for c in clean.topology.components)
    renamed = Topology(parts, calls("gateway", [c.id for c in parts[1:-1]]), front_door="gateway")
    frame = clean.telemetry.metrics.copy()
    frame.columns = pd.MultiIndex.from_tuples(
        [
            (name if c == "replica-1" else c, name if (c, s) == ("replica-1", "cpu_usage") else s)
            for c, s in frame.columns
        ],
        names=["component", "signal"],
    )
    logs = pd.DataFrame({"time": [ONSET], "component": [name], "severity": ["ERROR"], "message": [name]})
    seen = Telemetry(frame, clean.telemetry.edge_metrics, empty_spans(), logs, {name: name})
    return Incident("9a1b", "local", clean.window, renamed, seen)


def ranking(first: str, level: float) -> Ranking:
    """The serving pods by score, that one first, the next two tied, with two steps of explanation."""
    others = [component for component in SERVING if component != first]
    signals = (SignalScore(first, "latency_p90", level), SignalScore(first, "queue_length", level / 2))
    scores = (
        ComponentScore(first, level, 1, signals),
        *(ComponentScore(component, level / 4, 2) for component in others[:2]),
        ComponentScore(others[2], level / 9, 4),
    )
    end = START + LENGTH
    before = SeriesPointer(first, "latency_p90", START, ONSET)
    after = SeriesPointer(first, "latency_p90", ONSET, end)
    table = Table(("component", "signal", "score"), tuple((s.component, s.signal, s.score) for s in signals))
    steps = (
        Step(
            "The baseline", "120 samples before the onset have the median 600 ms.", {"median": 0.6}, pointers=(before,)
        ),
        Step("The deviation", f"{first} rose to 2.2 s.", levels={"baseline": 0.6}, table=table, pointers=(after,)),
    )
    return Ranking(scores, Explanation(steps, ("Upstream components echo what they call.",)))
