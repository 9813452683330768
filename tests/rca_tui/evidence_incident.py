"""An incident with log lines, spans and events, some of them hostile; replica-1 is slow from the onset on."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import synthetic

from cluster.incident.model import EVENT_COLUMNS, LOG_COLUMNS, SPAN_COLUMNS, Incident

HOSTILE = "[red]no[/] \x1b]52;c;aGk=\x07 \u202e\u2066 \x1b[31m\r\n]8;;http://x\x1b\\ end"
ONSET = synthetic.ONSET


def logs(extra: int = 0) -> pd.DataFrame:
    rows = [
        (synthetic.START + i, component, "INFO", f"POST / 200 {i}.5ms")
        for i in range(synthetic.LENGTH)
        for component in synthetic.SERVING
    ]
    rows += [(ONSET + i, "replica-1", "ERROR", f"request {i} failed: deadline 30s exceeded") for i in range(20)]
    rows += [(ONSET + 2, "replica-1", "WARNING", HOSTILE), (ONSET + 3, "head", "INFO", "x" * 1_000_000)]
    rows += [(synthetic.START + i * 0.001, "replica-2", "INFO", f"tick {i}") for i in range(extra)]
    return pd.DataFrame(rows, columns=list(LOG_COLUMNS)).astype(LOG_COLUMNS).sort_values("time", ignore_index=True)


def spans() -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for i in range(60):
        at, pod = synthetic.START + 4 * i, synthetic.SERVING[i % 4]
        slow = 5.0 if pod == "replica-1" and at >= ONSET else 0.0
        rows += [
            (f"t{i}", f"a{i}", None, "gateway", "gateway request", at, 0.5 + slow, i == 37),
            (f"t{i}", f"b{i}", f"a{i}", pod, "route_to_replica", at + 0.01, 0.4 + slow, False),
            (f"t{i}", f"c{i}", f"b{i}", pod, "engine queue", at + 0.02, 0.1 + slow, False),
            (f"t{i}", f"d{i}", f"b{i}", pod, "engine decode", at + 0.15 + slow, 0.25, False),
        ]
    rows += [("h" + HOSTILE, "h", "h", "replica-1", HOSTILE, ONSET, 9.0, True)]
    return pd.DataFrame(rows, columns=list(SPAN_COLUMNS)).astype(SPAN_COLUMNS)


def events() -> pd.DataFrame:
    rows = [(ONSET + 9, "replica-1", "kubernetes", "Warning", "Pod/ray-1", "BackOff", HOSTILE, 3.0)]
    return pd.DataFrame(rows, columns=list(EVENT_COLUMNS)).astype(EVENT_COLUMNS)


def incident(extra: int = 0) -> Incident:
    bare = synthetic.incident()
    telemetry = dataclasses.replace(bare.telemetry, logs=logs(extra), spans=spans(), events=events())
    return dataclasses.replace(bare, telemetry=telemetry)
