"""Incidents that are valid and odd: what a stranger's file may hold, and the app must show without ending."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry
from cluster.topology import Component, Edge, Kind, Relation, Topology
from cluster.window import EARLIEST, LATEST, Window

START = 1_700_000_000.0
CALLS = Relation.CALLS
SIGNALS = ("latency_p90", "error_ratio", "request_rate", "cpu_usage", "no_such_signal")
HOSTILE = ("[bold red]x[/]", "\x1b]0;title\x07\x1b[2J", "a\nb\rc", "‮evil", "名" * 40, "x" * 900, " ", "[/]", "{}%s\\")


def make(
    ids: Sequence[str] = ("gateway", "replica-0", "replica-1"),
    edges: Sequence[tuple[str, str]] = (("gateway", "replica-0"), ("gateway", "replica-1")),
    values: Callable[[int, int], np.ndarray] = lambda rows, columns: np.random.default_rng(1).random((rows, columns)),
    start: float = START,
    end: float = START + 240.0,
    rows: int = 240,
    messages: Sequence[str] = ("started", "failed"),
    door: str | None = "gateway",
) -> Incident:
    """One in which only what is given is odd; the first component is the gateway."""
    kinds = [Kind.GATEWAY, *[Kind.REPLICA] * len(ids)]
    topology = Topology(
        tuple(Component(id, kind) for id, kind in zip(ids, kinds, strict=False)),
        tuple(Edge(source, target, CALLS) for source, target in edges),
        door,
    )
    index = pd.Index(np.linspace(start, end, rows, endpoint=False), dtype="float64", name="time")
    columns = [(id, signal) for id in ids[:50] for signal in SIGNALS]
    metrics = pd.DataFrame(
        values(rows, len(columns)), index, pd.MultiIndex.from_tuples(columns, names=["component", "signal"])
    )
    calls = [(source, target, "latency_p90") for source, target in dict.fromkeys(edges)][:50]
    names = ["source", "target", "signal"]
    between = pd.DataFrame(
        values(rows, len(calls)),
        index,
        pd.MultiIndex.from_tuples(calls, names=names) if calls else pd.MultiIndex.from_arrays([[]] * 3, names=names),
    )
    count = 2 * len(messages)
    times = np.linspace(start, end, count, endpoint=False)
    logs = pd.DataFrame(
        {
            "time": times,
            "component": [ids[i % len(ids)] for i in range(count)],
            "severity": ["ERROR" if i % 2 else None for i in range(count)],
            "message": [messages[i % len(messages)] for i in range(count)],
        }
    ).astype(LOG_COLUMNS)
    spans = pd.DataFrame(
        {
            "trace_id": [messages[i // 2 % len(messages)] for i in range(count)],
            "span_id": [f"s{i}" for i in range(count)],
            "parent_id": ["s0" if i == 0 else f"s{i - 1}" for i in range(count)],  # the first is its own parent
            "component": [ids[i % len(ids)] for i in range(count)],
            "operation": [messages[i % len(messages)] for i in range(count)],
            "start": times,
            "duration": [(-1.0, 0.0, 1e300, np.nan)[i % 4] for i in range(count)],
            "error": [(None, True, False)[i % 3] for i in range(count)],
        }
    ).astype(SPAN_COLUMNS)
    return Incident(
        "odd",
        "local",
        Window(start, end),
        topology,
        Telemetry(metrics, between, spans, logs, {}),
        notes=tuple(messages),
    )


def _filled(*pattern: float) -> Callable[[int, int], np.ndarray]:
    return lambda rows, columns: np.resize(np.array(pattern), (rows, columns))


ODD: Mapping[str, Callable[[], Incident]] = {
    "front door calls itself": lambda: make(edges=(("gateway", "gateway"), ("gateway", "replica-0"))),
    "an edge twice": lambda: make(edges=(("gateway", "replica-0"),) * 2),
    "calls in a circle": lambda: make(edges=(("gateway", "replica-0"), ("replica-0", "gateway"))),
    "hostile names": lambda: make(("gateway", *HOSTILE), [("gateway", name) for name in HOSTILE], messages=HOSTILE),
    "huge numbers": lambda: make(values=_filled(1.7e308, -1.7e308, 1e300, 5e-324, 0.0)),
    "no numbers": lambda: make(values=_filled(np.nan, np.inf, -np.inf)),
    "all the same": lambda: make(values=_filled(0.0)),
    "one sample": lambda: make(rows=1),
    "no time at all": lambda: make(end=START + 1e-6, rows=2),
    "the first day": lambda: make(start=EARLIEST, end=EARLIEST + 240.0),
    "the last day": lambda: make(start=LATEST - 240.0, end=LATEST),
    "ten thousand years": lambda: make(start=EARLIEST, end=LATEST),
    "no front door": lambda: make(door=None, edges=()),
    "one component": lambda: make(("gateway",), ()),
    "2,000 components": lambda: make(
        ("gateway", *(f"replica-{i}" for i in range(1999))), [("gateway", f"replica-{i}") for i in range(1999)]
    ),
}
