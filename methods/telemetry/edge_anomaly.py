"""Anomalous calls by BIRCH, as MicroRCA finds them: the latency of a healthy call is one cluster.

BIRCH reads the samples one by one and opens a new cluster when a sample would widen every existing one beyond a radius.
Both the radius that a sample causes and the L2 norm that the series is divided by depend on the number of samples, so
that the meaning of a threshold depends on the window length. Series are therefore averaged to `SAMPLES` points first.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import Birch

from methods.telemetry.matrix import Floats

SAMPLES = 30


def shortened(series: Floats) -> Floats:
    """(T,) averaged over `SAMPLES` stretches of equal length; unchanged when it is shorter."""
    if len(series) <= SAMPLES:
        return series
    return np.array([part.mean() for part in np.array_split(series, SAMPLES)])


def clusters(series: Floats, *, threshold: float, smoothing: int) -> Floats:
    """Centres of the clusters of a latency, in its own unit and ascending; more than one: the call is anomalous.

    Args:
        series: (T,) without gaps.
        threshold: largest radius of a cluster, of the L2-normalised series.
        smoothing: trailing samples (after averaging) that each one is the mean of.
    """
    short = shortened(series / _scale(series))
    sums = np.concatenate([[0.0], np.cumsum(short)])
    ends = np.arange(1, len(short) + 1)
    begins = np.maximum(ends - smoothing, 0)
    smooth = (sums[ends] - sums[begins]) / (ends - begins)
    norm = float(np.linalg.norm(smooth))
    if norm == 0:
        return np.zeros(1)
    labels = Birch(threshold=threshold, branching_factor=50, n_clusters=None).fit_predict((smooth / norm)[:, None])
    return np.sort([smooth[labels == label].mean() for label in np.unique(labels)]) * _scale(series)


def _scale(series: Floats) -> float:
    """Keeps squares of huge values from overflowing."""
    largest = float(np.abs(series).max(initial=0.0))
    return largest if largest > 0 else 1.0
