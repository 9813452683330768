"""Latency and requests of each component out of spans, for files that have no metrics."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster.incident.model import empty_metrics

STEP = 5.0
"""Seconds between two samples."""


def of_spans(spans: pd.DataFrame) -> pd.DataFrame:
    """`latency_p50`, `latency_p90` and `request_rate` in the shape of `Telemetry.metrics`.

    Counted are the spans that another component calls, or nobody, by their end. A stretch without one is a gap of the
    latencies. The last stretch is left out: it may be cut.
    """
    if spans.empty:
        return empty_metrics()
    keys = ["trace_id", "parent_id"]
    callers = spans[["trace_id", "span_id", "component"]].set_axis([*keys, "caller"], axis=1).drop_duplicates(keys)
    joined = spans.merge(callers, how="left", on=keys)
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
