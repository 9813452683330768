"""PCMCI with partial correlation: which signal acts on which, and how many samples later.

First each signal's lagged parents are picked: candidates that stay correlated with it given the strongest others. Then
every link is tested given the parents of both of its ends (momentary conditional independence). All tests read one
correlation matrix of the signals at lags 0 to 2 · tau_max, over the samples that have that many predecessors, so a test
costs one small elimination instead of two regressions over the samples.

Reference: Runge, Nowack, Kretschmer, Flaxman & Sejdinovic, Detecting and quantifying causal associations in large
nonlinear time series datasets, Science Advances 5(11), 2019.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from scipy import stats

from cluster.text.quantities import number
from methods.telemetry.matrix import Floats

SINGULAR = 1e-9
MOST_COLUMNS = 4000


class TooLarge(Exception):
    """Too many signals times lags; the message says how many tests they would need."""


@dataclass(frozen=True, eq=False)
class LaggedLinks:
    """All links among N signals at lags 0 to tau_max.

    Attributes:
        correlation: (N, N, tau_max + 1) partial correlation of i, `lag` samples before, and j, at [i, j, lag].
        p_values: the same shape; 1 where nothing could be tested, such as a signal with itself at lag 0.
        parents: for each j the picked (i, lag), strongest first.
        samples: the samples that every test used.
        tests: how many were made.
    """

    correlation: Floats
    p_values: Floats
    parents: tuple[tuple[tuple[int, int], ...], ...]
    samples: int
    tests: int


def pcmci(values: Floats, tau_max: int, pc_alpha: float) -> LaggedLinks:
    """PCMCI over N signals.

    Args:
        values: (T, N), T > 2 · tau_max + 3.
        tau_max: the largest lag in samples, at least 1.
        pc_alpha: level at which a candidate stays a parent.

    Raises:
        TooLarge: N (2 tau_max + 1) above `MOST_COLUMNS`; known before the work starts.
    """
    samples, n = values.shape
    width = 2 * tau_max + 1
    if n * width > MOST_COLUMNS:
        raise TooLarge(
            f"{number(n)} metrics at {tau_max} lags would need {number(n * n * (tau_max + 1))} tests over "
            f"{number(n * width)} lagged signals, the limit is {number(MOST_COLUMNS)}: choose fewer metrics"
        )
    used = samples - 2 * tau_max
    lagged = np.stack([values[2 * tau_max - lag : samples - lag] for lag in range(width)], axis=2).reshape(used, -1)
    lagged = lagged - lagged.mean(axis=0)
    scale = np.sqrt(np.mean(lagged**2, axis=0))
    lagged = lagged / np.where(scale > 0, scale, 1.0)
    correlation = lagged.T @ lagged / used
    conditions = np.arange(used - 3)
    quantile = stats.t.ppf(1 - pc_alpha / 2, used - conditions - 2)
    bounds = quantile / np.sqrt(used - conditions - 2 + quantile**2)
    counts = np.zeros(n, dtype=np.int64)
    picked = np.zeros((n, n * tau_max), dtype=np.int64)
    tests = _pick_parents(correlation, n, tau_max, bounds, picked, counts)
    partial = np.zeros((n, n, tau_max + 1))
    freedom = np.full((n, n, tau_max + 1), -1, dtype=np.int64)
    tests += _test_links(correlation, n, tau_max, used, picked, counts, partial, freedom)
    statistic = np.abs(partial) * np.sqrt(np.maximum(freedom, 0) / np.maximum(1.0 - partial**2, 1e-300))
    p_values = np.where(freedom > 0, 2 * stats.t.sf(statistic, np.maximum(freedom, 1)), 1.0)
    parents = tuple(tuple((int(c) // width, int(c) % width) for c in picked[j, : counts[j]]) for j in range(n))
    return LaggedLinks(partial, p_values, parents, used, tests)


def partial_correlation(correlation: Floats, x: int, y: int, given: list[int]) -> float:
    """ρ(x, y | given) from an (N, N) correlation matrix; 0 where `given` determines x or y."""
    chosen = np.array([*given, x, y], dtype=np.int64)
    work = np.empty((len(chosen), len(chosen)))
    return float(_partial(np.ascontiguousarray(correlation), chosen, len(chosen), work))


def _compiled(function: Any) -> Any:
    return numba.njit(cache=True, nogil=True)(function)


@_compiled
def _partial(correlation: Any, chosen: Any, size: int, work: Any) -> Any:
    """Partial correlation of the last two of the `size` columns in `chosen` given the others, by elimination."""
    for a in range(size):
        for b in range(a, size):
            work[a, b] = correlation[chosen[a], chosen[b]]
    for p in range(size - 2):
        if work[p, p] < SINGULAR:
            # A combination of those before it: it adds nothing to what is held fixed.
            continue
        for a in range(p + 1, size):
            factor = work[p, a] / work[p, p]
            for b in range(a, size):
                work[a, b] -= factor * work[p, b]
    x, y = size - 2, size - 1
    if work[x, x] < SINGULAR or work[y, y] < SINGULAR:
        return 0.0
    return work[x, y] / math.sqrt(work[x, x] * work[y, y])


@_compiled
def _pick_parents(correlation: Any, n: int, tau_max: int, bounds: Any, picked: Any, counts: Any) -> int:
    """The lagged parents of each signal, strongest first, as columns i * (2 tau_max + 1) + lag. Returns the tests made.

    A candidate's strength is the smallest |partial correlation| of all of its tests.
    """
    width = 2 * tau_max + 1
    tests = 0
    work = np.empty((len(bounds) + 2, len(bounds) + 2))
    chosen = np.empty(len(bounds) + 2, dtype=np.int64)
    for j in range(n):
        candidates = np.empty(n * tau_max, dtype=np.int64)
        strength = np.empty(n * tau_max)
        m = 0
        for i in range(n):
            for lag in range(1, tau_max + 1):
                value = abs(correlation[i * width + lag, j * width])
                tests += 1
                if value >= bounds[0]:
                    candidates[m] = i * width + lag
                    strength[m] = value
                    m += 1
        dimension = 0
        while True:
            order = np.argsort(-strength[:m], kind="mergesort")
            candidates[:m] = candidates[:m][order]
            strength[:m] = strength[:m][order]
            dimension += 1
            if m - 1 < dimension or dimension >= len(bounds):
                break
            keep = np.ones(m, dtype=np.bool_)
            for k in range(m):
                size = 0
                other = 0
                while size < dimension:
                    if other != k:
                        chosen[size] = candidates[other]
                        size += 1
                    other += 1
                chosen[size] = candidates[k]
                chosen[size + 1] = j * width
                value = abs(_partial(correlation, chosen, size + 2, work))
                tests += 1
                strength[k] = min(strength[k], value)
                keep[k] = value >= bounds[dimension]
            left = 0
            for k in range(m):
                if keep[k]:
                    candidates[left] = candidates[k]
                    strength[left] = strength[k]
                    left += 1
            m = left
        counts[j] = m
        picked[j, :m] = candidates[:m]
    return tests


@_compiled
def _test_links(
    correlation: Any, n: int, tau_max: int, samples: int, picked: Any, counts: Any, partial: Any, freedom: Any
) -> int:
    """Test every link given the parents of its effect, and those of its cause at the cause's time."""
    width = 2 * tau_max + 1
    most = 2 * counts.max() + 2
    work = np.empty((most, most))
    chosen = np.empty(most, dtype=np.int64)
    tests = 0
    for j in range(n):
        for i in range(n):
            for lag in range(tau_max + 1):
                if lag == 0 and i == j:
                    continue
                x, y = i * width + lag, j * width
                size = 0
                for k in range(counts[j]):
                    if picked[j, k] != x:
                        chosen[size] = picked[j, k]
                        size += 1
                for k in range(counts[i]):
                    shifted = picked[i, k] + lag
                    double = shifted in (x, y)
                    for known in range(size):
                        double = double or chosen[known] == shifted
                    if not double:
                        chosen[size] = shifted
                        size += 1
                if samples - size - 2 < 1:
                    continue
                chosen[size] = x
                chosen[size + 1] = y
                partial[i, j, lag] = _partial(correlation, chosen, size + 2, work)
                freedom[i, j, lag] = samples - size - 2
                tests += 1
    return tests
