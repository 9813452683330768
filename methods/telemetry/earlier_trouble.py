"""Trouble that was over before the one that was noticed: no part of it, and no baseline either.

A window around an alert may hold an earlier trouble with another cause. Judged as a whole, the stronger of the two
answers for both. So the window is made to begin after the earlier one, where enough healthy telemetry lies between.
Where trouble is asked for within a length of time, one that was over before that is left out, too.

In trouble is the front door where its latency, smoothed over `SMOOTHED` seconds, is `FACTOR` times its usual one (the
lower quartile of the window), or where `ERRORS` of its requests fail.
"""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster.incident.model import Incident
from cluster.moment import Moment
from cluster.text.times import clock_time
from cluster.window import Window
from methods.answer.types import EdgePointer, SeriesPointer
from methods.telemetry.sli import NoSli, sli

SMOOTHED = 15.0
"""Seconds; three samples at least."""
FACTOR = 2.0
"""Times the usual latency."""
ERRORS = 0.05
"""Share of requests that fail."""
BETWEEN = 60
"""Healthy samples between two troubles, below which they are one."""


def without_earlier(incident: Incident, moment: Moment) -> tuple[Incident, str]:
    """The incident from the end of an earlier trouble on, and a sentence that says so.

    The same incident and no words where there is no earlier trouble, or no SLI.
    """
    try:
        troubles = _troubles(sli(incident))
    except NoSli:
        return incident, ""
    noticed = next((i for i, (_, end) in enumerate(troubles) if end >= moment.latest), len(troubles) - 1)
    if troubles and moment.likely is None and troubles[noticed][1] < moment.earliest:
        noticed += 1  # what was asked for is later than the last of them
    if noticed < 1:
        return incident, ""
    return left_out(incident, "An earlier trouble", *troubles[noticed - 1])


def left_out(incident: Incident, what: str, began: float, ended: float) -> tuple[Incident, str]:
    """The incident after a trouble that was over before what was asked for, and a sentence that says so."""
    sentence = (
        f"{what}, {clock_time(began)} to {clock_time(ended)}, was over before and is left out: what is judged begins "
        "after it."
    )
    return incident.within(Window(float(np.nextafter(ended, np.inf)), incident.window.end)), sentence


def in_trouble(incident: Incident, start: float) -> bool:
    """Whether the front door was in trouble at any time from `start` on. False without an SLI from then on."""
    try:
        indicator = sli(incident)
    except NoSli:
        return False
    measured = bool(indicator["latency"].loc[start:].notna().any())
    return measured and any(end >= start for _, end in _troubles(indicator))


def lasted(incident: Incident, pointer: SeriesPointer | EdgePointer, onset: float) -> float:
    """Until when a signal stayed nearer to what it was in the pointer's stretch than to what it was before the onset.

    Infinite where it still does at its last sample, and where it has none before the onset. A pointer marks the
    stretch that tells most, and trouble may go on for long after it.
    """
    of_edge, key = isinstance(pointer, EdgePointer), astuple(pointer)[:-2]
    frame = incident.telemetry.edge_metrics if of_edge else incident.telemetry.metrics
    if key not in frame.columns:  # it is told by what others measure
        return pointer.end
    values = frame[key].dropna()
    before, inside = values.loc[:onset].median(), values.loc[pointer.start : pointer.end].median()
    if not math.isfinite(inside - before) or len(values) < 2:
        return math.inf
    times = values.index.to_numpy(dtype=np.float64)
    smooth = values.rolling(_samples(times), center=True, min_periods=1).median().to_numpy(dtype=np.float64)
    apart = np.flatnonzero((times >= pointer.start) & (abs(smooth - inside) < abs(smooth - before)))
    last = float(times[apart[-1]]) if len(apart) else pointer.end
    return math.inf if last == times[-1] else max(pointer.end, last)


def _samples(times: NDArray[np.float64]) -> int:
    return max(3, round(SMOOTHED / float(np.median(np.diff(times)))))


def _troubles(indicator: pd.DataFrame) -> list[tuple[float, float]]:
    """Begin and end of each, in order of time, at least `BETWEEN` samples apart; unix seconds.

    The end is infinite where no healthy sample follows: that nothing more was measured does not say that it was over.
    """
    times = indicator.index.to_numpy(dtype=np.float64)
    if len(times) < BETWEEN:
        return []
    window = _samples(times)
    smooth = indicator.rolling(window, center=True, min_periods=1).median()
    usual = float(indicator["latency"].quantile(0.25))
    bad = np.flatnonzero((smooth["latency"] > FACTOR * usual) | (smooth["error_ratio"] > ERRORS))
    runs = np.split(bad, np.flatnonzero(np.diff(bad) > BETWEEN) + 1) if len(bad) else []
    last = int(np.flatnonzero(indicator["latency"].notna())[-1])

    def end(run: NDArray[np.intp]) -> float:
        # The latency of a second is read over the time before it: the last bad one still tells of what is over.
        after = int(run[-1]) + window
        return float(times[after]) if after < last else math.inf

    return [(float(times[run[0]]), end(run)) for run in runs]
