"""How surprising the samples after the onset are, by their rank among those before it.

    surprise of x = -log p,  p = min(1, 2 (1 + min(samples before >= x, samples before <= x)) / (n + 1))

p is the two-sided rank test of one new sample against n old ones: valid for any distribution, in any unit, and never
below 2 / (n + 1). So a signal whose baseline hardly moves cannot outscore an outage: both reach log((n + 1) / 2).

Reference: the information-theoretic anomaly score of Budhathoki, Minorics, Blöbaum, Janzing, Causal structure-based
root cause analysis of outliers, ICML 2022; the rank p-value of conformal prediction, Vovk, Gammerman, Shafer, 2005.
"""

from __future__ import annotations

import numpy as np

from methods.telemetry.matrix import Floats

LEAST_BASELINE = 10
"""Samples before the onset with which a rank means something."""


def surprise(before: Floats, after: Floats) -> Floats:
    """(T0, N) and (T1, N) with gaps as NaN -> (T1, N): -log p of each later sample; NaN where there is none.

    >>> before = np.array([[-3.0], [-2.0], [-1.0], [0.0], [1.0], [2.0], [3.0]])
    >>> float(np.exp(-surprise(before, np.array([[2.5]]))).item())
    0.5
    """
    result = np.full(after.shape, np.nan)
    for i in range(before.shape[1]):
        old = np.sort(before[np.isfinite(before[:, i]), i])
        measured = np.isfinite(after[:, i])
        if not len(old) or not measured.any():
            continue
        new = after[measured, i]
        below = np.searchsorted(old, new, side="right")
        above = len(old) - np.searchsorted(old, new, side="left")
        p = np.minimum(1.0, 2.0 * (1 + np.minimum(below, above)) / (len(old) + 1))
        result[measured, i] = -np.log(p)
    return result


def mean_surprise(before: Floats, after: Floats) -> Floats:
    """(N,): the mean over the samples after the onset; NaN without a sample on either side."""
    each = surprise(before, after)
    count = np.sum(np.isfinite(each), axis=0)
    return np.where(count > 0, np.nansum(each, axis=0) / np.maximum(count, 1), np.nan)


def largest(samples: int) -> float:
    """The surprise of a sample beyond all of a baseline of so many samples."""
    return float(np.log((samples + 1) / 2))
