"""The stationary visits of a random walk that restarts: personalised PageRank, solved rather than sampled."""

from __future__ import annotations

import numpy as np

from methods.telemetry.matrix import Floats


def visits(weights: Floats, restart: Floats, damping: float) -> Floats | None:
    """(V,) share of its steps that the walk spends in each node, summing to 1.

    Args:
        weights: (V, V) not negative, weights[i, j] for a step from i to j; a row of zeros restarts.
        restart: (V,) not negative, where the walk restarts, in any unit.
        damping: share of the steps that follow an edge, in [0, 1).

    Returns:
        None when there is nowhere to restart or the equations have no finite solution.
    """
    if not np.isfinite(weights).all() or not np.isfinite(restart).all() or restart.sum() <= 0:
        return None
    start = restart / restart.sum()
    out = weights.sum(axis=1)
    steps = np.where(out[:, None] > 0, weights / np.where(out > 0, out, 1.0)[:, None], start[None, :])
    try:
        found = np.linalg.solve((np.eye(len(start)) - damping * steps).T, (1.0 - damping) * start)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(found, dtype=np.float64) if np.isfinite(found).all() else None
