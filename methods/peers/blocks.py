"""An incident in blocks of a few seconds, each signal on a scale on which equal ratios are equal distances.

The scale is the logarithm for times, rates, bytes and counts; shares stay as they are. So no unit matters. Means over
blocks make samples of 1 s to 30 s comparable. A block without enough samples is a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster.incident.model import Incident
from cluster.provenance import Provenance
from cluster.signals import SIGNALS, Quantity
from methods.peers.families import WAIT, counts_requests, family_of, is_availability
from methods.telemetry.matrix import Floats

Key: TypeAlias = tuple[str, str]
"""(component, signal)"""

BLOCK = 5.0
"""Seconds of a block where samples come that often; otherwise the interval between samples."""
MOST_BLOCKS = 72
LEAST_BASELINE = 3
"""Blocks before the first stretch that is looked at."""
PRESENT = 1 / 3
"""A mean of less than this share of its samples is a gap."""
NEAR_ZERO = 0.1
"""Added under the logarithm, as a share of the median level: far below the usual level counts as nothing."""
IN_FLIGHT = ("running_requests", "queue_length"), ("connections",)
"""What counts the requests that a component holds: the sum of the first, or else the second."""
OF_REQUESTS = ("latency", "errors")
"""Families that say nothing where there is no request."""
COUNTED = frozenset({"request_rate", "error_rate", "timeout_rate", "abort_rate", "preemption_rate"})
"""Rates of single events: a block with few of them varies by chance."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Signals by (component, signal), of B blocks each.

    Attributes:
        scaled: (B,) means on the signal's scale; a signal that is never above 0 is left out.
        events: (B,) events in each block, for the signals in `COUNTED`.
    """

    scaled: Mapping[Key, Floats]
    events: Mapping[Key, Floats]

    @property
    def signals(self) -> tuple[str, ...]:
        return tuple(sorted({signal for _, signal in self.scaled}))


@dataclass(frozen=True, eq=False)
class Blocks:
    """An incident in B blocks.

    Attributes:
        edges: (B + 1,) bounds of the blocks, unix seconds.
        measured: (B,) whether a block has samples of anything.
        own: what components measure of themselves.
        called: what callers measure of their calls to a component, the mean over its callers.
        present: component -> (B,) share of its gauges and rates that have a sample, on the logarithmic scale of rates.
        idle: component -> (B,) whether it has values and all of them are 0.
        seen: component -> (B,) whether it has values.
    """

    edges: Floats
    measured: NDArray[np.bool_]
    own: Rows
    called: Rows
    present: Mapping[str, Floats]
    idle: Mapping[str, NDArray[np.bool_]]
    seen: Mapping[str, NDArray[np.bool_]]

    @property
    def count(self) -> int:
        return len(self.edges) - 1


def blocks_of(incident: Incident) -> Blocks | None:
    """None for an incident that is too short for a baseline and a stretch after it."""
    metrics, calls = incident.telemetry.metrics, incident.telemetry.edge_metrics
    times = (metrics if len(metrics) else calls).index.to_numpy(dtype=np.float64)
    if len(times) <= LEAST_BASELINE:
        return None
    start, length = incident.window.start, incident.window.seconds
    step = float(np.median(np.diff(times)))
    seconds = max(BLOCK, step, length / MOST_BLOCKS)
    if seconds > BLOCK:  # as many samples in each
        seconds = step * math.ceil(seconds / step - 1e-9)
    count = int(length / seconds + 1e-9)
    if count <= LEAST_BASELINE:
        return None
    edges: Floats = start + seconds * np.arange(count + 1, dtype=np.float64)
    measured = np.diff(np.searchsorted(times, edges)) > 0
    if np.count_nonzero(measured) <= LEAST_BASELINE:
        return None
    own: dict[Key, Floats] = {(c, signal): row for (c, signal), row in _rows(_served(metrics), edges)}
    by_caller: dict[Key, list[Floats]] = {}
    for (_, target, signal), row in _rows(calls, edges):
        by_caller.setdefault((target, signal), []).append(row)
    called = {key: mean(np.stack(rows), axis=0) for key, rows in by_caller.items()}
    largest = _largest((*own.items(), *called.items()))
    seen = {component: np.isfinite(row) for component, row in largest.items()}
    idle = {component: row == 0 for component, row in largest.items()}
    present = _present(metrics, edges, incident.provenance)
    return Blocks(edges, measured, _with_waits(own, seconds), _scaled(called, seconds), present, idle, seen)


def stacked(rows: Mapping[Key, Floats], members: Sequence[str], signal: str) -> Floats | None:
    """(C, B) of one signal with gaps for members that lack it; None where nobody has it."""
    found = {i: row for i, member in enumerate(members) if (row := rows.get((member, signal))) is not None}
    if not found:
        return None
    values = np.full((len(members), len(next(iter(found.values())))), np.nan)
    values[list(found)] = list(found.values())
    return values


def mean(values: Floats, axis: int) -> Floats:
    """The mean of the finite values along an axis; NaN where there is none."""
    finite = np.isfinite(values)
    there = finite.sum(axis)
    total = np.where(finite, values, 0.0).sum(axis)
    return np.where(there > 0, total / np.maximum(there, 1), np.nan)


def _rows(frame: pd.DataFrame, edges: Floats) -> list[tuple[tuple[str, ...], Floats]]:
    """The columns of a frame with their block means."""
    times = frame.index.to_numpy(dtype=np.float64)
    means = _means(times, frame.to_numpy(dtype=np.float64), edges)
    return [(tuple(map(str, column)), row) for column, row in zip(frame.columns, means.T, strict=True)]


def _means(times: Floats, values: Floats, edges: Floats) -> Floats:
    """(B, N) means of the finite samples of each block, NaN where fewer than `PRESENT` of them are finite."""
    bounds = np.searchsorted(times, edges)
    finite = np.isfinite(values)
    total, there = (
        np.diff(np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(part, axis=0)])[bounds], axis=0)
        for part in (np.where(finite, values, 0.0), finite.astype(np.float64))
    )
    enough = (there > 0) & (there >= PRESENT * np.diff(bounds)[:, None])
    return np.where(enough, total / np.maximum(there, 1), np.nan)


def _served(metrics: pd.DataFrame) -> pd.DataFrame:
    """Times and shares of requests are gaps where there was none. Imported ones may be 0 there, or the last value."""
    keys = [(str(column[0]), str(column[1])) for column in metrics.columns]
    values = metrics.to_numpy(dtype=np.float64)
    none = {component: values[:, i] == 0 for i, (component, signal) in enumerate(keys) if counts_requests(signal)}
    unserved = np.zeros(values.shape, dtype=np.bool_)
    for i, (component, signal) in enumerate(keys):
        if component in none and signal not in SIGNALS and family_of(signal, False) in OF_REQUESTS:
            unserved[:, i] = none[component]
    return metrics.mask(unserved) if unserved.any() else metrics


def _present(metrics: pd.DataFrame, edges: Floats, provenance: Provenance) -> dict[str, Floats]:
    # A store that answers in part, or a scrape that fails while requests are served, is no silence of the component.
    # No request is a gap in a quantile, and says nothing about the exporter.
    kept = [
        i
        for i, column in enumerate(metrics.columns)
        if _quantity(str(column[1])) in (Quantity.GAUGE, Quantity.RATE)
        and str(column[1]) not in provenance.withheld(str(column[0]))
    ]
    frame = metrics.iloc[:, kept]
    shares: dict[str, list[Floats]] = {}
    for (component, _), row in _rows(frame.notna().astype("float64"), edges):
        shares.setdefault(component, []).append(np.nan_to_num(row))
    # A target that answers no scrape, or none but the first ones, counts as one that stopped when the window began.
    count = len(edges) - 1
    stopped = np.where(np.arange(count) < LEAST_BASELINE, 1.0, 0.0)
    for component in sorted(provenance.unreached):
        if not np.any([row[LEAST_BASELINE:] for row in shares.get(component, ())]):
            shares[component] = [stopped]
    return {component: np.log(np.mean(rows, axis=0) + NEAR_ZERO) for component, rows in shares.items()}


def _largest(rows: Iterable[tuple[Key, Floats]]) -> dict[str, Floats]:
    """Component -> (B,) the largest of its values without their sign, in any unit; NaN where there is none."""
    largest: dict[str, Floats] = {}
    for (component, _), row in rows:
        largest[component] = np.fmax(np.abs(row), largest.get(component, np.nan))
    return largest


def _quantity(signal: str) -> Quantity:
    known = SIGNALS.get(signal)
    return known.quantity if known else Quantity.GAUGE


def _with_waits(own: Mapping[Key, Floats], seconds: float) -> Rows:
    """The scaled rows, and for each component that counts its requests the time that they spend there."""
    held: dict[Key, Floats] = {}
    for component in {component for component, _ in own}:
        for signals in IN_FLIGHT:
            known = [own[component, signal] for signal in signals if (component, signal) in own]
            if known and (component, "request_rate") in own:
                held.setdefault((component, WAIT), np.sum(known, axis=0))
    rows, counts = _scaled(own, seconds), _scaled(held, seconds).scaled
    rates = {(c, WAIT): rows.scaled[c, "request_rate"] for c, _ in counts if (c, "request_rate") in rows.scaled}
    waits = {key: counts[key] - rate for key, rate in rates.items()}
    events = {key: rows.events[key[0], "request_rate"] for key in waits}
    return Rows({**rows.scaled, **waits}, {**rows.events, **events})


def _scaled(rows: Mapping[Key, Floats], seconds: float) -> Rows:
    positive: dict[str, list[Floats]] = {}
    rows = {key: _failures(row) if is_availability(key[1]) else row for key, row in rows.items()}
    for (_, signal), row in rows.items():
        positive.setdefault(signal, []).append(row[np.isfinite(row) & (row > 0)])
    levels = {signal: np.concatenate(found) for signal, found in positive.items()}
    levels = {signal: found for signal, found in levels.items() if len(found)}
    typical = {signal: NEAR_ZERO * float(np.median(found)) for signal, found in levels.items()}
    shares = {s for s, found in levels.items() if s in SIGNALS and SIGNALS[s].unit == "1" and found.max() <= 1}
    scaled = {
        (component, signal): row if signal in shares else np.log(np.maximum(row, 0.0) + typical[signal])
        for (component, signal), row in rows.items()
        if signal in levels
    }
    # What is available falls as the failures rise.
    scaled = {key: -row if is_availability(key[1]) else row for key, row in scaled.items()}
    return Rows(scaled, {key: row * seconds for key, row in rows.items() if key[1] in COUNTED})


def _failures(available: Floats) -> Floats:
    """The share of requests that failed, of a share or a percentage that did not."""
    scale = 100.0 if np.fmax.reduce(available, initial=0.0) > 1.5 else 1.0
    return np.clip(1 - available / scale, 0.0, 1.0)
