"""How unusual it is that a signal leaves the value that it has most of the time.

A signal that has one value in most samples of its baseline (a counter at zero, a steady request rate, a ratio of 100 %)
has no noise to measure a deviation in. Its standard deviation is 0, or that of one blip, so a score in units of it is
infinite, or decided by the blip. What can be counted is how often the signal leaves its usual value: `b` of `n` samples
before the onset, `a` of `m` from it on. The score is the signed root of the likelihood ratio between the rate of
leaving that was seen after the onset and the rate that the baseline leads one to expect:

    score = sqrt(2 m KL(a/m || q)) where a/m > q, else 0, with q = (b + 1) / (n + 2)

It is distributed about like a standard normal where nothing happens (Wilks, The large-sample distribution of the
likelihood ratio, Annals of Mathematical Statistics 9, 1938), so it has the scale of a deviation in standard deviations.
It has no unit. Its largest value, sqrt(2 m log(n + 2)), grows with the history and with how long the change lasts: one
sample off a short baseline says little. `q` is Laplace's rule of succession: a baseline of n samples cannot show that
something happens less often than about once in n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.telemetry.matrix import Floats
from methods.telemetry.quantiles import quantiles

SAME = 1e-6
"""Values are the same when they differ by less than this share of the signal's level or of its largest excursion."""


@dataclass(frozen=True, eq=False)
class Departures:
    """One entry a signal.

    Attributes:
        still: (N,) whether more than half of the samples before the onset have one value.
        usual: (N,) that value, in the signal's unit: the median of the baseline; NaN without a sample.
        off_before, off_after: (N,) samples with another value on each side.
        before, after: (N,) samples on each side; gaps do not count.
        scores: (N,) see the module, in standard deviations; NaN where one side has no sample.
    """

    still: NDArray[np.bool_]
    usual: Floats
    off_before: NDArray[np.intp]
    off_after: NDArray[np.intp]
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    scores: Floats


def departures(before: Floats, after: Floats) -> Departures:
    """Count departures of N signals: (T1, N) samples before the onset and (T2, N) from it on, with NaN for gaps."""
    count_before, count_after = (np.isfinite(part).sum(axis=0) for part in (before, after))
    (usual,) = quantiles(before, 0.5)
    present = count_before > 0
    far_before, far_after = np.abs(before - usual), np.abs(after - usual)
    farthest = np.fmax(np.fmax.reduce(far_before, axis=0, initial=0.0), np.fmax.reduce(far_after, axis=0, initial=0.0))
    same = SAME * np.fmax(np.abs(usual), farthest)
    off_before, off_after = (far_before > same).sum(axis=0), (far_after > same).sum(axis=0)
    expected = (off_before + 1) / (count_before + 2)
    share = off_after / np.maximum(count_after, 1)
    rare = share > expected
    p = np.where(rare, share, 0.5)
    q = np.where(rare, expected, 0.5)
    divergence = p * np.log(p / q) + (1 - p) * np.log(np.where(p < 1, (1 - p) / (1 - q), 1.0))
    scores = np.sqrt(2 * count_after * np.maximum(divergence, 0.0))
    scores[~present | (count_after == 0)] = np.nan
    still = present & (off_before * 2 < count_before)
    return Departures(still, usual, off_before, off_after, count_before, count_after, scores)
