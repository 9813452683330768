"""Provenance of telemetry that comes as tables: a case of RCAEval, a day of OpenRCA."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster.incident.frames import LARGEST
from cluster.provenance import Builder, Origin, Provenance
from cluster.signals import SIGNALS, Quantity, carried_by
from cluster.text.metric_names import Words, nearest, words
from cluster.topology import Component, Kind, Topology

Key: TypeAlias = tuple[str, str]
"""Component and signal."""

_SILENT = 30.0
"""Seconds without a new value, and at least three samples, after which a signal is stale."""
_NAMES = 5
_USERS_NOTICE = ("request_rate", "error_ratio", "latency_p50", "latency_p90")
"""What is told of a front door also where the files have nothing like it."""
_SHORT = {
    "cpu_usage": ("cpu", "cpu_used"),
    "memory_working_set": ("mem", "memory", "mem_used"),
    "request_rate": ("load", "workload", "requests"),
    "error_rate": ("error", "errors"),
    "latency_p90": ("latency", "latency_95", "latency_99"),
}
"""What these data sets call something like a signal, in a unit that they do not tell."""


@dataclass(frozen=True)
class Tables:
    """What the tables say beside the values.

    Attributes:
        names: what the files call a signal; one that is missing here has the signal's own name.
        computed: how a signal was computed that no column has, one clause.
        dropped: how many values were left out as no measurements.
    """

    names: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    computed: Mapping[Key, str] = field(default_factory=dict)
    dropped: Mapping[Key, int] = field(default_factory=dict)


def provenance(topology: Topology, metrics: pd.DataFrame, tables: Tables) -> Provenance:
    """A state for each column, and for what a component may have under a name that is not a signal's.

    What a component could carry and has nothing like is told of nodes, and of the front door what users notice.
    """
    times = metrics.index.to_numpy(dtype=np.float64)
    measured = np.isfinite(metrics.to_numpy(dtype=np.float64))
    newest = float(times[measured.any(axis=1)].max(initial=-math.inf))
    sampled = _Sampled(times)
    builder = Builder()
    carried: dict[str, set[str]] = {}
    for place, (component, signal) in enumerate((str(c[0]), str(c[1])) for c in metrics.columns):
        carried.setdefault(component, set()).add(signal)
        if component in topology:
            origin, about = _state((component, signal), *sampled.of(measured[:, place]), newest, tables)
            builder.add(component, signal, origin, **about)
    for component, signal in tables.dropped:
        if component in topology and signal not in carried.get(component, ()):
            carried.setdefault(component, set()).add(signal)
            origin, about = _state((component, signal), None, -math.inf, newest, tables)
            builder.add(component, signal, origin, **about)
    for one in topology.components:
        own = carried.get(one.id, set())
        for signal, sure in _expected(one, one.id == topology.front_door):
            if signal in own:
                continue
            if near := nearest(_words_of(signal), sorted(own - SIGNALS.keys()), _NAMES):
                builder.add(one.id, signal, Origin.UNKNOWN_NAME, metrics=near)
            elif sure:
                builder.add(one.id, signal, Origin.NOT_EXPORTED, reason="it is not in these files")
    return builder.build()


class _Sampled:
    """How often columns have values, and until when; most columns of a table have theirs in the same rows."""

    def __init__(self, times: NDArray[np.float64]) -> None:
        self._times = times
        self._known: dict[bytes, tuple[float | None, float]] = {}

    def of(self, rows: NDArray[np.bool_]) -> tuple[float | None, float]:
        """The interval in seconds, None below two values, and the time of the last value."""
        key = rows.tobytes()
        if key not in self._known:
            times = self._times[rows]
            interval = round(float(np.median(np.diff(times))), 3) if len(times) > 1 else None
            self._known[key] = interval, float(times[-1]) if len(times) else -math.inf
        return self._known[key]


def _state(
    key: Key, interval: float | None, last: float, newest: float, tables: Tables
) -> tuple[Origin, dict[str, Any]]:
    """Of a signal with a value each interval until that time."""
    computed = tables.computed.get(key, "")
    names = tables.names.get(key, () if computed else (key[1],))
    about: dict[str, Any] = {"metrics": names, "interval": interval, "reason": computed}
    if dropped := tables.dropped.get(key, 0):
        values = "1 value is" if dropped == 1 else f"{dropped} values are"
        return Origin.PARTIAL, {**about, "reason": f"{values} no number, infinite or beyond {LARGEST:g}"}
    silent = last == -math.inf or newest - last > max(_SILENT, 3 * (interval or 0.0))
    # No request is a gap in a quantile and in a ratio, however fresh the rest.
    known = SIGNALS.get(key[1])
    if silent and (known is None or known.quantity in (Quantity.GAUGE, Quantity.RATE)):
        return Origin.STALE, about
    return Origin.MEASURED, about


def _expected(component: Component, door: bool) -> Iterable[tuple[str, bool]]:
    """The signals that a component may have, and whether one that is not there is told.

    These systems have no engines: what answers requests carries what a gateway does.
    """
    node = component.kind is Kind.NODE
    for signal in carried_by(Kind.NODE if node else Kind.GATEWAY):
        yield signal.name, node or (door and signal.name in _USERS_NOTICE)


def _words_of(signal: str) -> frozenset[Words]:
    return frozenset(map(words, (signal, *_SHORT.get(signal, ()))))
