"""Bayesian change-point detection in several series at once, from the whole window.

The model is that of Bayesian online change-point detection (Adams, MacKay 2007), which BARO uses: the window falls into
segments, a new one begins at each sample with a constant hazard, and the samples of a segment are independent draws
from a normal distribution whose mean and variance have a conjugate prior. The online form asks at each sample whether a
segment has just begun. For a recorded window the same model gives an exact answer from all samples (Fearnhead, Exact
and efficient Bayesian inference for multiple changepoint problems, 2006): the probability of a boundary at every
sample, and the most probable segmentation. O(T²) time, O(T) memory.

Series are independent given the segment, so a gap in one leaves the others as they are. Samples that a monitoring
window has smoothed are not independent; they are counted by `effective` samples each.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.telemetry.matrix import Floats

# Prior of a segment in units of the noise: its mean is within about 1 / sqrt(STIFFNESS) of the series' median, its
# variance around 1 with the weight of two samples.
STIFFNESS = 0.1
SHAPE = 1.0
SCALE = 1.0
# Samples over which noise is at most correlated.
LONGEST = 30


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Of T samples.

    Attributes:
        boundaries: rows at which a new segment begins in the most probable segmentation, ascending, without 0.
        probability: (T,) posterior probability that a segment begins at that row; 1 at row 0.
        draws: boundaries of segmentations drawn from the posterior, and how often each was drawn.
    """

    boundaries: tuple[int, ...]
    probability: Floats
    draws: Mapping[tuple[int, ...], int]


def noise(series: Floats) -> tuple[float, float]:
    """Standard deviation of the noise of one series (T,) around its steps, and over how many samples it is correlated.

    From the spread of differences over growing distances: white noise has the same at every distance, smoothed noise
    grows up to its correlation length. A few steps hardly move the median that the spread is taken from; what they do
    move makes the noise look longer correlated than it is, never shorter. (0, 1) without noise or with fewer than two
    samples.
    """
    values = series[np.isfinite(series)]
    longest = max(1, min(LONGEST, len(values) // 16))
    if len(values) < 2:
        return 0.0, 1.0
    spreads = [1.4826 * np.median(np.abs(values[k:] - values[:-k])) / np.sqrt(2) for k in range(1, longest + 1)]
    level = float(np.mean(spreads[2 * len(spreads) // 3 :]))
    if level <= 0:
        return 0.0, 1.0
    return level, _length([1 - (spread / level) ** 2 for spread in spreads])


def residual_noise(series: Floats, boundaries: tuple[int, ...]) -> tuple[float, float]:
    """Like `noise`, of the residuals: each sample less the mean of its segment."""
    parts = [part - np.nanmean(part) for part in np.split(series, boundaries) if np.isfinite(part).sum() > 1]
    if not parts:
        return 0.0, 1.0
    variance = float(np.nanmean(np.concatenate(parts) ** 2))
    if variance <= 0:
        return 0.0, 1.0
    correlations = []
    for k in range(1, LONGEST + 1):
        products = [part[k:] * part[:-k] for part in parts if len(part) > 2 * k]
        joined = np.concatenate(products) if products else np.array([np.nan])
        if not np.isfinite(joined).any():
            break
        correlations.append(float(np.nanmean(joined)) / variance)
    return float(np.sqrt(variance)), _length(correlations)


def _length(correlations: list[float]) -> float:
    """1 + 2 times the sum of the autocorrelations up to the first below 0.1."""
    length = 1.0
    for correlation in correlations:
        if correlation < 0.1:
            break
        length += 2 * correlation
    return length


def segment(values: Floats, effective: Floats, expected_changes: float = 2.0, draws: int = 0) -> Segmentation:
    """Find the segments of (T, D) values, each series in units of its noise and around 0; NaN is a gap.

    Args:
        effective: (D,) how many independent samples one sample of each series stands for, in (0, 1].
        expected_changes: prior number of boundaries in the window; the hazard is that over T.
        draws: how many segmentations to draw; the same values always give the same.
    """
    samples = len(values)
    if samples < 2:
        return Segmentation((), np.ones(samples), {(): draws})
    sums = _Sums(values, effective)
    hazard = min(0.5, expected_changes / samples)
    begin, stay = np.log(hazard), np.log1p(-hazard)
    forward = np.full(samples + 1, -np.inf)
    best = np.full(samples + 1, -np.inf)
    came_from = np.zeros(samples + 1, dtype=np.intp)
    forward[0] = best[0] = 0.0

    def last(end: int) -> Floats:
        """(end,) log evidence of a segment from each row to `end`; one from row 0 needs no change to begin."""
        starts = np.arange(end)
        changes = stay * (end - starts - 1) + np.where(starts > 0, begin, 0.0)
        return np.asarray(sums.evidence(starts, end) + changes, dtype=np.float64)

    for end in range(1, samples + 1):
        evidence = last(end)
        forward[end] = _log_sum(forward[:end] + evidence)
        scores = best[:end] + evidence
        came_from[end] = int(np.argmax(scores))
        best[end] = scores[came_from[end]]
    backward = np.full(samples + 1, -np.inf)
    backward[samples] = 0.0
    for start in range(samples - 1, -1, -1):
        ends = np.arange(start + 1, samples + 1)
        evidence = sums.evidence(start, ends) + stay * (ends - start - 1) + (begin if start > 0 else 0.0)
        backward[start] = _log_sum(backward[ends] + evidence)
    boundaries = []
    row = int(came_from[samples])
    while row > 0:
        boundaries.append(row)
        row = int(came_from[row])
    probability = np.exp(np.minimum(forward[:-1] + backward[:-1] - forward[samples], 0.0))
    drawn = _drawn(lambda end: forward[:end] + last(end), samples, draws)
    return Segmentation(tuple(reversed(boundaries)), np.asarray(probability, dtype=np.float64), drawn)


def _drawn(weights: Callable[[int], Floats], samples: int, draws: int) -> Mapping[tuple[int, ...], int]:
    """Segmentations from the posterior, from the last boundary to the first (Fearnhead 2006, section 2.2).

    Args:
        weights: row -> (row,) log weight of the start of the segment that ends there.
    """
    rng = np.random.default_rng(0)
    sums: dict[int, Floats] = {}
    drawn: Counter[tuple[int, ...]] = Counter()
    for _ in range(draws):
        boundaries: list[int] = []
        end = samples
        while end > 0:
            if end not in sums:
                logged = weights(end)
                sums[end] = np.cumsum(np.exp(logged - logged.max()))
            drawn_row = int(np.searchsorted(sums[end], rng.random() * sums[end][-1], side="right"))
            end = min(drawn_row, end - 1)  # the product may round up to the whole sum
            if end > 0:
                boundaries.append(end)
        drawn[tuple(reversed(boundaries))] += 1
    return drawn


class _Sums:
    """Running sums from which the evidence of any segment follows in constant time."""

    def __init__(self, values: Floats, effective: Floats) -> None:
        present = np.isfinite(values)
        clean = np.where(present, values, 0.0)
        nothing = np.zeros((1, values.shape[1]))
        self.count = np.vstack([nothing.astype(np.intp), np.cumsum(present, axis=0)])
        self.sum = np.vstack([nothing, np.cumsum(clean * effective, axis=0)])
        self.square = np.vstack([nothing, np.cumsum(clean**2 * effective, axis=0)])
        # What depends on the number of samples alone, for every number and series.
        n = np.arange(len(values) + 1)[:, None] * effective
        self.stiffness, self.shape = STIFFNESS + n, SHAPE + n / 2
        self.constant = (
            _log_gamma(self.shape)
            - math.lgamma(SHAPE)
            + SHAPE * np.log(SCALE)
            + 0.5 * np.log(STIFFNESS / self.stiffness)
            - n / 2 * np.log(2 * np.pi)
        )
        self.series = np.arange(values.shape[1])

    def evidence(self, start: NDArray[np.intp] | int, end: NDArray[np.intp] | int) -> Floats:
        """Log marginal likelihood of the segments [start, end), summed over the series (normal-inverse-gamma prior)."""
        n = self.count[end] - self.count[start]
        total = self.sum[end] - self.sum[start]
        square = self.square[end] - self.square[start]
        scatter = np.maximum(square - total**2 / self.stiffness[n, self.series], 0.0)
        each = self.constant[n, self.series] - self.shape[n, self.series] * np.log(SCALE + scatter / 2)
        return np.asarray(np.sum(each, axis=-1), dtype=np.float64)


# SciPy has both of these, but to import it takes as long as the whole search.


def _log_gamma(values: Floats) -> Floats:
    return np.array([math.lgamma(value) for value in values.flat]).reshape(values.shape)


def _log_sum(values: Floats) -> float:
    """Log of the sum of exponentials; one of the values at least is finite."""
    largest = values.max()
    return float(largest + np.log(np.exp(values - largest).sum()))
