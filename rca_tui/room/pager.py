"""When the page comes: the first time after a fault at which the front door's SLI is bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rca_tui.work.alarm import NORMAL_AGO, RECENT, is_bad

if TYPE_CHECKING:
    import pandas as pd


def page_time(metrics: pd.DataFrame, door: str | None, after: float) -> float | None:
    """Unix seconds of the first sample from `after` on at which the SLI is bad, by the rule of `rca_tui.work.alarm`.

    Args:
        metrics: time [unix s] × (component, signal).
        door: the front door; None where there is none, and then no page comes.
    """
    times = metrics.index.to_numpy(dtype="float64")
    latency, errors = (
        metrics[door, signal].to_numpy(dtype="float64") if (door, signal) in metrics else np.full(len(times), np.nan)
        for signal in ("latency_p90", "error_ratio")
    )
    for now in times[times >= after]:
        recent = (times > now - RECENT) & (times <= now)
        if is_bad(
            errors=errors[recent & np.isfinite(errors)].tolist(),
            normal=latency[(times <= now - NORMAL_AGO) & np.isfinite(latency)].tolist(),
            late=latency[recent & np.isfinite(latency)].tolist(),
        ):
            return float(now)
    return None
