"""Of a fleet that stopped answering as a whole nobody can be told, and nobody is not the answer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster.incident.model import Incident, Telemetry, empty_edge_metrics, empty_logs, empty_spans
from cluster.provenance import UNREACHED, Builder, Origin
from cluster.topology import Component, Kind, Topology, calls
from cluster.window import Window
from methods.verdict.decision import decide
from methods.verdict.types import Answer

T0, SECONDS, GONE = 1_700_000_000, 240, 160
REPLICAS = ("replica-1", "replica-2", "replica-3")


def fleet(*unreached: str) -> Incident:
    """A virtual front door before three replicas, all silent from one moment on."""
    usual = {"latency_p90": 1.0, "ttft_p90": 0.3, "request_rate": 5.0}
    columns = pd.MultiIndex.from_product([("front-door", *REPLICAS), usual], names=["component", "signal"])
    values = np.random.default_rng(0).normal(1.0, 0.05, (SECONDS, len(columns))) * [usual[s] for _, s in columns]
    values[GONE:] = np.nan
    builder = Builder()
    for component in unreached:
        builder.add(component, "latency_p90", Origin.STALE, reason=UNREACHED)
    components = [Component("front-door", Kind.GATEWAY), *(Component(one, Kind.REPLICA) for one in REPLICAS)]
    frame = pd.DataFrame(values, pd.Index(np.arange(T0, T0 + SECONDS, dtype=float), name="time"), columns)
    return Incident(
        "x",
        "endpoints",
        Window(T0, T0 + SECONDS),
        Topology(tuple(components), tuple(calls("front-door", list(REPLICAS))), "front-door"),
        Telemetry(frame, empty_edge_metrics(), empty_spans(), empty_logs(), {}),
        provenance=builder.build(),
    )


def test_where_no_scrape_succeeds_any_more_it_cannot_tell_who() -> None:
    verdict = decide(fleet(*REPLICAS))
    assert verdict.answer is Answer.UNKNOWN and not verdict.named
    assert "no scrape of replica-1, replica-2 and replica-3 succeeds" in verdict.headline


def test_where_the_scrapes_succeed_the_verdict_is_as_before() -> None:
    assert decide(fleet()).answer is Answer.NOBODY
