"""A bound for extreme values of a signal, from the tail of its baseline, as in SPOT.

The largest deviations of the baseline from its median follow a generalised Pareto distribution, whatever the signal's
own distribution. Fitted to those above a first threshold t, it predicts the deviation that is exceeded with
probability q:

    z = t + σ/γ · ((q n / N_t)^(-γ) - 1),  N_t of n deviations above t

Reference: Siffer, Fouque, Termier & Largouët, Anomaly detection in streams with extreme value theory, KDD 2017. The fit
is by probability-weighted moments (Hosking & Wallis, Technometrics 29(3), 1987), which needs no search, where SPOT
maximises the likelihood; the first threshold is the 90th percentile, where SPOT has the 98th: an incident's baseline is
some hundred samples, not thousands. The bound is not updated after the baseline.
"""

from __future__ import annotations

import math

import numpy as np

from methods.telemetry.matrix import Floats

QUANTILE = 0.9
LEAST_EXCESSES = 5


def extreme_bound(deviations: Floats, risk: float) -> float:
    """The deviation that a sample exceeds with probability `risk`.

    Args:
        deviations: (T,) non-negative, of the baseline.
        risk: q in (0, 1).

    Returns:
        At least the largest deviation where fewer than `LEAST_EXCESSES` lie above the first threshold.
    """
    first = float(np.quantile(deviations, QUANTILE))
    excesses = np.sort(deviations[deviations > first] - first)
    count = len(excesses)
    if count < LEAST_EXCESSES:
        return float(deviations.max())
    mean = float(excesses.mean())
    weighted = float(np.mean(excesses * (1 - np.arange(count) / (count - 1))))
    spread = mean - 2 * weighted
    # Hosking & Wallis write k = -γ; their estimate is good for |k| < 1/2.
    gamma = float(np.clip(2 - mean / spread, -0.5, 0.5)) if spread > 0 else -0.5
    sigma = mean * (1 - gamma)
    ratio = risk * len(deviations) / count
    if abs(gamma) < 1e-6:
        return first - sigma * math.log(ratio)
    return float(first + sigma / gamma * (ratio**-gamma - 1))
