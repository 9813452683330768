"""Signals reduced to a few levels, for tests on counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def natural_bins(values: NDArray[np.float64], bins: int, rounds: int = 100) -> NDArray[np.int64]:
    """(T,) bin numbers 0..bins-1 by one-dimensional k-means, as scikit-learn's KBinsDiscretizer(strategy="kmeans").

    Centres start in the middle of equally wide bins and move to the mean of their samples until nothing changes; empty
    bins vanish. `values` must be finite. Kept here because the library's object costs 2 ms a column and this 0.1 ms:
    sorted values and prefix sums make a round O(bins log T).
    """
    order = np.sort(values)
    sums = np.concatenate([[0.0], np.cumsum(order)])
    low, high = float(order[0]), float(order[-1])
    if low == high:
        return np.zeros(len(values), dtype=np.int64)
    edges = np.linspace(low, high, bins + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    for _ in range(rounds):
        borders = (centres[1:] + centres[:-1]) / 2
        cuts = np.concatenate([[0], np.searchsorted(order, borders), [len(order)]])
        held = np.diff(cuts) > 0
        moved = (np.diff(sums[cuts])[held]) / np.diff(cuts)[held]
        if len(moved) == len(centres) and np.allclose(moved, centres, rtol=1e-9, atol=0.0):
            break
        centres = moved
    borders = (centres[1:] + centres[:-1]) / 2
    return np.searchsorted(borders, values, side="right").astype(np.int64)
