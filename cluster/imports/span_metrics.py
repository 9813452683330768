"""Latency and requests of components out of spans, where no metric tells them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster.incident.model import empty_metrics

Floats = NDArray[np.float64]
STEP = 5.0
"""Seconds between two samples."""


def of_spans(spans: pd.DataFrame) -> pd.DataFrame:
    """`latency_p50`, `latency_p90` and `request_rate` in the shape of `Telemetry.metrics`.

    Counted are the spans that another component calls, or nobody, by their end. A stretch without one is a gap of the
    latencies. The last stretch is left out: it may be cut.
    """
    if spans.empty:
        return empty_metrics()
    joined = _with_callers(spans)
    entries = joined[joined["caller"].ne(joined["component"]).fillna(True).to_numpy(dtype=bool)]
    places = np.floor((entries["start"] + entries["duration"]) / STEP).astype("int64")
    grid = np.arange(places.min(), places.max())
    if not len(grid):
        return empty_metrics()
    grouped = entries["duration"].groupby([entries["component"].astype(str), places])
    found = {}
    for signal, values in (
        ("latency_p50", grouped.quantile(0.5)),
        ("latency_p90", grouped.quantile(0.9)),
        ("request_rate", grouped.count() / STEP),
    ):
        for component, own in values.groupby(level=0):
            column = own.droplevel(0).reindex(grid)
            found[component, signal] = (column.fillna(0.0) if signal == "request_rate" else column).to_numpy("float64")
    frame = pd.DataFrame(found, index=pd.Index(grid * STEP, dtype="float64", name="time"))
    frame.columns.names = ["component", "signal"]
    return frame


def entrances(spans: pd.DataFrame) -> list[str]:
    """The components at which requests come in, by name: those of the spans whose parent is not among the spans.

    A parent may be missing because there is none, or because the caller is not exported or was cut off. A component
    that another one calls counts only where there is no other, so that a span of its own housekeeping makes it no
    entrance.
    """
    if spans.empty:
        return []
    callers = _with_callers(spans)
    inside = callers["caller"].notna()
    called = set(callers.loc[inside & callers["caller"].ne(callers["component"]), "component"])
    found = {str(one) for one in callers.loc[~inside, "component"].unique()}
    return sorted(found - called) or sorted(found)


def at_the_door(spans: pd.DataFrame, entrances: Collection[str], times: Floats) -> dict[str, Floats]:
    """`latency_p50`, `latency_p90`, `request_rate` and `error_ratio` of the requests that come in at the entrances.

    These are the spans of the entrances that no other component calls, by their end. Values stand at `times`, ascending
    and equally far apart, for the stretch that begins there. A stretch without one is a gap, and 0 of the rate unless
    it lies before or after all spans; without a known status there is no error ratio.
    """
    joined = _with_callers(spans)
    outside = joined[joined["caller"].isna() & joined["component"].isin(list(entrances))]
    if outside.empty or len(times) < 2:
        return {}
    step = float(np.median(np.diff(times)))
    ends = (outside["start"] + outside["duration"]).to_numpy(dtype=np.float64)
    places = pd.Series(np.floor((ends - times[0]) / step + 1e-6).astype("int64"), index=outside.index)
    grid = np.round((times - times[0]) / step).astype("int64")
    grouped = outside["duration"].groupby(places)
    found = {f"latency_p{round(100 * q)}": grouped.quantile(q).reindex(grid) for q in (0.5, 0.9)}
    rate = (grouped.count() / step).reindex(grid).fillna(0.0)
    every = np.floor(((spans["start"] + spans["duration"]).to_numpy(dtype=np.float64) - times[0]) / step + 1e-6)
    found["request_rate"] = rate.where((grid >= every.min()) & (grid <= every.max()))
    if outside["error"].notna().any():
        found["error_ratio"] = outside["error"].astype("float64").groupby(places).mean().reindex(grid)
    return {signal: values.to_numpy("float64") for signal, values in found.items()}


def _with_callers(spans: pd.DataFrame) -> pd.DataFrame:
    """The spans with a column `caller`: the component of the parent, NA without one."""
    keys = ["trace_id", "parent_id"]
    callers = spans[["trace_id", "span_id", "component"]].set_axis([*keys, "caller"], axis=1).drop_duplicates(keys)
    return spans.merge(callers, how="left", on=keys)
