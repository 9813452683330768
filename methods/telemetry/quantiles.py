"""Quantiles of columns with gaps."""

from __future__ import annotations

import numpy as np

from methods.telemetry.matrix import Floats


def quantiles(values: Floats, *shares: float) -> tuple[Floats, ...]:
    """Quantiles of each column over what was measured, by one sort of all columns.

    Args:
        values: (T, N); what is not finite is a gap.
        shares: each within [0, 1]; between two samples the quantile is interpolated.

    Returns:
        (N,) for each share; NaN where nothing was measured.
    """
    if not values.size:
        return tuple(np.full(values.shape[1], np.nan) for _ in shares)
    measured = np.isfinite(values)
    last = np.maximum(measured.sum(axis=0) - 1, 0)
    ordered = np.sort(np.where(measured, values, np.nan), axis=0)
    columns = np.arange(values.shape[1])
    found = []
    for share in shares:
        place = last * share
        low = np.floor(place).astype(np.intp)
        below, above = ordered[low, columns], ordered[np.minimum(low + 1, last), columns]
        found.append(np.asarray(below + (above - below) * (place - low), dtype=np.float64))
    return tuple(found)
