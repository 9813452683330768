"""Engines of data-parallel replicas: the one that starves is named, not the replica that adds them up."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster.incident.model import Incident, Telemetry
from cluster.topology import Component, Edge, Kind, Relation, Topology, calls
from cluster.window import Window
from methods.verdict.decision import decide

SAMPLES, ONSET = 240, 120
LEVELS = {"queue_length": 1.0, "running_requests": 4.0, "latency_p90": 0.6, "request_rate": 2.0, "token_rate": 60.0}
STARVED = {"queue_length": 20.0, "latency_p90": 4.0, "request_rate": 0.6, "token_rate": 0.6}
REPLICAS = ("replica-0", "replica-1")


def incident(starved: str = "") -> Incident:
    rng = np.random.default_rng(1)
    components = [Component("gateway", Kind.GATEWAY), *(Component(name, Kind.REPLICA) for name in REPLICAS)]
    edges = list(calls("gateway", REPLICAS))
    metrics: dict[tuple[str, str], np.ndarray] = {}

    def series(level: float, factor: float = 1.0) -> np.ndarray:
        values = level * (1 + 0.03 * rng.standard_normal(SAMPLES))
        values[ONSET:] *= factor
        return values

    for replica in REPLICAS:
        engines = [f"{replica}-engine-{rank}" for rank in range(2)]
        components += [Component(engine, Kind.ENGINE) for engine in engines]
        edges += [Edge(engine, replica, Relation.PART_OF) for engine in engines]
        for signal, level in LEVELS.items():
            for engine in engines:
                metrics[engine, signal] = series(level, STARVED.get(signal, 1.0) if engine == starved else 1.0)
            of_both = [metrics[engine, signal] for engine in engines]
            metrics[replica, signal] = np.max(of_both, axis=0) if signal == "latency_p90" else np.sum(of_both, axis=0)
        metrics[replica, "cpu_usage"] = series(0.5)
    metrics["gateway", "latency_p90"] = np.max([metrics[name, "latency_p90"] for name in REPLICAS], axis=0)
    metrics["gateway", "request_rate"] = np.sum([metrics[name, "request_rate"] for name in REPLICAS], axis=0)
    frame = pd.DataFrame(metrics, index=pd.Index(np.arange(SAMPLES, dtype=np.float64), name="time"))
    frame.columns = pd.MultiIndex.from_tuples(list(metrics), names=["component", "signal"])
    topology = Topology(tuple(components), tuple(edges), "gateway")
    return Incident("engines", "kubernetes", Window(0.0, float(SAMPLES)), topology, Telemetry(frame))


def test_the_engine_that_starves_is_named() -> None:
    assert decide(incident("replica-0-engine-1")).named == ("replica-0-engine-1",)


def test_engines_that_are_well_are_not() -> None:
    assert decide(incident()).named == ()
