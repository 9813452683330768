"""What users notice of a system of OpenRCA: which component they call, and the latency there.

Its days have no metric of a front door. They have the spans that no other component calls, and a table of services with
their mean time, requests and share of successes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster.imports import span_metrics
from cluster.imports.front_door import before, with_what_it_lacks
from cluster.incident.table_origins import Tables
from cluster.topology import Topology

Floats = NDArray[np.float64]
_SPANS, _SERVICES = "of the spans that nobody calls", "of its services"


@dataclass(frozen=True, slots=True)
class _Columns:
    """Names of a table of services: mean time, requests in a step, share of successes, and the scales to s and 1."""

    time: str
    requests: str
    success: str
    to_seconds: float
    to_share: float


_SYSTEMS = (
    _Columns("mrt", "cnt", "sr", 1e-3, 1e-2),  # Bank
    _Columns("mrt", "count", "sr", 1e-3, 1e-2),  # Market
    _Columns("avg_time", "num", "succee_rate", 1.0, 1.0),  # Telecom
)


def behind_a_door(
    topology: Topology, metrics: pd.DataFrame, spans: pd.DataFrame, entrances: Sequence[str]
) -> tuple[Topology, pd.DataFrame, list[str], Tables]:
    """The topology with a front door, the metrics with what it measures, notes, and how that was computed.

    Args:
        entrances: components that call others and are called by none.
    """
    if not len(metrics.index):
        return topology, metrics, [], Tables()
    services, told, names = _services(metrics, entrances)
    door = topology.front_door
    entered = list(entrances) if door is None else [door]
    if not entered and not services:
        return topology, metrics, ["nothing tells which component users call, so there is no SLI"], Tables()
    notes = []
    if door is None:
        topology, door, note = before(topology, entered or services)
        notes.append(note)
    traced = span_metrics.at_the_door(spans, entered, metrics.index.to_numpy(dtype=np.float64)) if len(spans) else {}
    metrics, added = with_what_it_lacks(metrics, door, {**told, **traced})
    if added:
        notes.append(f"the latency of {door} is that of {'the spans that nobody calls' if traced else 'its services'}")
    seen = Tables(
        names={(door, signal): names[signal] for signal in added if signal not in traced},
        computed={(door, signal): _SPANS if signal in traced else _SERVICES for signal in added},
    )
    return topology, metrics, notes, seen


def _services(
    metrics: pd.DataFrame, entrances: Collection[str]
) -> tuple[list[str], dict[str, Floats], dict[str, tuple[str, ...]]]:
    """The services with a time, those at the entrance where any is, and their mean weighted by requests.

    After it the names of the metrics that each signal was computed from.
    """
    carried: set[tuple[str, str]] = {(str(column[0]), str(column[1])) for column in metrics.columns}
    for names in _SYSTEMS:
        found = [one for one, signal in sorted(carried) if signal == names.time and (one, names.requests) in carried]
        fronts = {one.rpartition("-")[0].rstrip("0123456789") for one in entrances} | set(entrances)
        found = [one for one in found if one in fronts] or found
        if not found:
            continue
        requests = metrics[[(one, names.requests) for one in found]].to_numpy(dtype=np.float64)
        times = metrics[[(one, names.time) for one in found]].to_numpy(dtype=np.float64) * names.to_seconds
        total = np.nansum(requests, axis=1)
        total = np.where(total > 0, total, np.nan)
        measured: dict[str, Floats] = {"latency_avg": np.nansum(times * requests, axis=1) / total}
        measured["request_rate"] = np.nan_to_num(total) / float(np.median(np.diff(metrics.index.to_numpy(float))))
        if all((one, names.success) in carried for one in found):
            success = metrics[[(one, names.success) for one in found]].to_numpy(dtype=np.float64) * names.to_share
            measured["error_ratio"] = np.clip(1.0 - np.nansum(success * requests, axis=1) / total, 0.0, 1.0)
        read = {"latency_avg": (names.time, names.requests), "error_ratio": (names.success, names.requests)}
        return found, measured, {**read, "request_rate": (names.requests,)}
    return [], {}, {}
