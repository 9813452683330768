"""What was normal for each signal, and how far its newest samples are from it.

Normal is the median of the earlier part of the window, with the spread of its samples about it. The later part may hold
the trouble itself, so it is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.telemetry.matrix import Floats
from methods.telemetry.quantiles import quantiles

HISTORY = 600.0
"""Seconds before the moment that are read."""
EARLIER = 0.6
"""Share of that time from which the baseline is taken, its beginning."""
LEAST = 20.0
"""Seconds of a baseline; two thirds of its samples are measured."""
FEW = 5
"""Samples of a baseline, at least."""
RECENT = 4.0
"""Seconds whose median is the value now; at least three samples."""
SPREADS = 5.0
"""Standard deviations (by the median absolute deviation) that are normal."""
RARE = 0.97
"""Quantile of the baseline's distances from its median; 1.25 times that distance is normal, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Signals (columns) at one moment. Arrays have one entry a column; NaN where nothing was measured.

    Attributes:
        times: (N,) unix seconds of the samples up to the moment, ascending.
        values: (N, M) samples, NaN in gaps.
        column: key -> its place in the arrays.
        now: median of the newest samples.
        usual: median of the baseline; NaN where the baseline is too short.
        spread: distance from `usual` that is normal.
        seen: share of the baseline's samples that were measured.
        step: seconds between samples.
        fresh: samples after this unix time make `now`.
        earlier: samples up to this unix time make the baseline.
    """

    times: Floats
    values: Floats
    column: dict[tuple[str, ...], int]
    now: Floats
    usual: Floats
    spread: Floats
    seen: Floats
    step: float
    fresh: float
    earlier: float

    def get(self, key: tuple[str, ...], of: Floats) -> float:
        """The entry of a key in one of the arrays, NaN for a key that was not recorded."""
        place = self.column.get(key)
        return float("nan") if place is None else float(of[place])

    def latest(self, key: tuple[str, ...]) -> float:
        """The newest measured sample of those that make `now`, NaN where there is none."""
        values = self.series(key)[self.times > self.fresh]
        known = values[np.isfinite(values)]
        return float(known[-1]) if len(known) else float("nan")

    def series(self, key: tuple[str, ...]) -> Floats:
        """All samples of a key, gaps where it was not recorded."""
        place = self.column.get(key)
        return np.full(len(self.times), np.nan) if place is None else self.values[:, place]


def read(frame: pd.DataFrame, moment: float) -> Readings:
    """Readings of all columns of `Telemetry.metrics` or `edge_metrics` at a moment in unix seconds."""
    everything = frame.index.to_numpy(dtype=np.float64)
    low, high = np.searchsorted(everything, [moment - HISTORY, moment], side="right")
    column = {tuple(map(str, key)): place for place, key in enumerate(frame.columns.to_list())}
    return readings_of(everything[low:high], frame.iloc[low:high].to_numpy(dtype=np.float64), column, moment)


def readings_of(times: Floats, values: Floats, column: dict[tuple[str, ...], int], moment: float) -> Readings:
    """Readings of series that were computed.

    Args:
        times: (N,) unix seconds up to the moment, ascending, no older than `HISTORY`.
        values: (N, M) samples, NaN in gaps.
        column: key -> its place among the M.
        moment: unix seconds.
    """
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    fresh = moment - max(RECENT, 3.0 * step)
    nothing = np.full(values.shape[1], np.nan)
    if not len(times):
        return Readings(times, values, column, nothing, nothing, nothing, np.zeros(values.shape[1]), step, fresh, 0.0)
    (now,) = quantiles(values[times > fresh], 0.5)
    earlier = float(times[0] + EARLIER * (moment - times[0]))
    past = values[times <= earlier]
    seen = np.isfinite(past).mean(axis=0)
    usual, spread = _normal(past)
    if times[-1] - times[0] < LEAST / EARLIER or len(past) < FEW:
        usual = nothing
    return Readings(times, values, column, now, usual, spread, seen, step, fresh, earlier)


def leave_out(readings: Readings, samples: NDArray[np.bool_]) -> Readings:
    """The same with a baseline from the other samples; NaN where fewer than `FEW` are left of a column that loses any.

    Args:
        samples: (N, M) whether a sample is left out.
    """
    early = readings.times <= readings.earlier
    columns = np.flatnonzero((samples[early] & np.isfinite(readings.values[early])).any(axis=0))
    if not len(columns):
        return readings
    past = np.where(samples[early], np.nan, readings.values[early])[:, columns]
    usual, spread = readings.usual.copy(), readings.spread.copy()
    normal, spread[columns] = _normal(past)
    enough = (np.isfinite(past).sum(axis=0) >= FEW) & np.isfinite(usual[columns])
    usual[columns] = np.where(enough, normal, np.nan)
    return replace(readings, usual=usual, spread=spread)


def last_departure(readings: Readings, values: Floats, bound: float, up: bool) -> float:
    """Unix seconds of the first sample beyond `bound` in the departure that holds now, gaps of two samples allowed."""
    known = np.flatnonzero(np.isfinite(values))
    beyond = values[known] > bound if up else values[known] <= bound
    at, rest = len(known) - 1, 0
    for place in range(len(known) - 1, -1, -1):
        rest = 0 if beyond[place] else rest + 1
        if beyond[place]:
            at = place
        if rest > 2 and readings.times[known[place]] <= readings.fresh:
            break
    return float(readings.times[known[at]])


def _normal(past: Floats) -> tuple[Floats, Floats]:
    """Median and normal distance from it of each column."""
    (usual,) = quantiles(past, 0.5)
    middle, rare = quantiles(np.abs(past - usual), 0.5, RARE)
    return usual, np.fmax(SPREADS * 1.4826 * middle, 1.25 * rare)
