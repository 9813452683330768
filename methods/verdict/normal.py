"""When a signal leaves its own normal: the times of the onset and of the way that trouble spreads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from cluster.incident.model import Incident
from cluster.signals import SIGNALS, Hurts
from methods.peers.families import family_of
from methods.telemetry.matrix import Floats

SPREADS = 4.0
"""Standard deviations (by the median absolute deviation) of the past that are normal."""
SHARE = 0.25
"""Of the past's median: a smaller change is normal, too."""
HOLD = 10.0
"""Seconds that may lie between two abnormal samples of one departure; two sampling intervals where that is longer."""
MOSTLY = 0.5
"""Share of the samples from a departure on that are abnormal."""
LEAST = 5
"""Samples of a past."""
RARE = 0.02
"""Share of the samples of the past's first half, which holds no trouble, that may be called abnormal on each side."""


def departure(series: pd.Series, start: float, end: float) -> float | None:
    """Unix seconds at which a signal left its normal for the trouble in [start, end); None where it did not.

    Normal is what it was before `start`. From the first abnormal sample of the stretch it goes back over the abnormal
    ones before it, so that trouble that was there before `start` is found. `series.name` ends with the signal's name,
    which says the direction that hurts.
    """
    times = series.index.to_numpy(dtype=np.float64)
    values = series.to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    times, values = times[known], values[known]
    past = values[times < start]
    inside = (times >= start) & (times < end)
    if len(past) < LEAST or not inside.any():
        return None
    beyond = _beyond(values, past, str(series.name[-1] if isinstance(series.name, tuple) else series.name))
    if beyond[inside].mean() < MOSTLY:
        return None
    hold = max(HOLD, 2 * float(np.median(np.diff(times))))
    first = int(np.flatnonzero(inside & beyond)[0])
    at = first
    for i in range(first - 1, -1, -1):
        if times[at] - times[i] > hold:
            break
        if beyond[i] and beyond[i : first + 1].mean() >= MOSTLY:
            at = i
    return float(times[at])


def keys_of(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    """The columns of `Telemetry.metrics` or `edge_metrics` as tuples of text."""
    return [tuple(map(str, column)) for column in frame.columns.to_list()]


def departures(
    incident: Incident, keys: Iterable[tuple[str, ...]], start: float, end: float
) -> Mapping[tuple[str, ...], float]:
    """Those of the series (component, signal) or (caller, callee, signal) that left their normal, and when."""
    found = {}
    for key in keys:
        frame = incident.telemetry.metrics if len(key) == 2 else incident.telemetry.edge_metrics
        if key in frame.columns and (at := departure(frame[key], start, end)) is not None:
            found[key] = at
    return found


def began(left: Mapping[tuple[str, ...], float]) -> float | None:
    """When two families of signals had left their normal, or the only one: a single one may do so by chance."""
    families: dict[str, float] = {}
    for key, at in left.items():
        family = family_of(key[-1], len(key) == 3)
        families[family] = min(at, families.get(family, at))
    times = sorted(families.values())
    return times[min(1, len(times) - 1)] if times else None


def _beyond(values: Floats, past: Floats, signal: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    level = float(np.median(past))
    spread = 1.4826 * float(np.median(np.abs(past - level)))
    # A signal that was nothing leaves its normal with the first value that counts.
    bound = max(SPREADS * spread, SHARE * abs(level), 0.05 * float(np.max(np.abs(values))))
    known = SIGNALS.get(signal)
    # What the past had now and then is normal: a replica with few requests is idle for seconds.
    least, most = map(float, np.quantile(past[: max(LEAST, len(past) // 2)], (RARE, 1 - RARE)))
    lower, higher = values < min(level - bound, least), values > max(level + bound, most)
    match known.hurts if known else Hurts.EITHER:
        case Hurts.UP:
            return higher
        case Hurts.DOWN:
            return lower
        case Hurts.EITHER:
            return lower | higher
