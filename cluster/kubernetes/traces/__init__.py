"""Spans of a deployment's requests, from Tempo, Jaeger or DeepFlow: a module each, by its documented HTTP API.

Attributes come from the traced programs and are hostile: none of them can raise; a malformed span is left out.
"""

from __future__ import annotations

import pandas as pd

from cluster.incident.model import SPAN_COLUMNS
from cluster.kubernetes.settings import Traces
from cluster.kubernetes.sources import JsonClient
from cluster.kubernetes.stack import Stack
from cluster.kubernetes.traces import deepflow, jaeger, tempo
from cluster.window import Window

_STORES = {"tempo": tempo, "jaeger": jaeger, "deepflow": deepflow}


def read(client: JsonClient, configured: Traces, stack: Stack, window: Window, deadline: float) -> pd.DataFrame:
    """Spans that start in the window, by start; columns `SPAN_COLUMNS`. Raises DeploymentError.

    `attrs["notes"]` names what was left out: a window may hold more traces than can be fetched one by one.
    """
    notes: list[str] = []
    rows, unknown = [], 0
    for component, row in _STORES[configured.kind].read(client, stack, window, deadline, notes):
        if component is None:
            unknown += 1
        elif row["start"] in window:
            rows.append({**row, "component": component})
    if unknown:
        notes.append(f"traces: left out {unknown} spans that belong to no component")
    rows.sort(key=lambda row: row["start"])
    frame = pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in SPAN_COLUMNS.items()}
    )
    frame.attrs["notes"] = notes
    return frame


def probe(client: JsonClient, configured: Traces) -> str:
    """The kind of the store. Raises DeploymentError when it does not answer as that kind does."""
    _STORES[configured.kind].probe(client)
    return configured.kind
