"""Trouble that was over before the one that was noticed: no part of it, and no baseline either.

A window around an alert may hold an earlier trouble with another cause. Judged as a whole, the stronger of the two
answers for both. So the window is made to begin after the earlier one, where enough healthy telemetry lies between.
Where trouble is asked for within a length of time, one that was over before that is left out, too.

In trouble is the front door where its latency, smoothed over `SMOOTHED` seconds, is `FACTOR` times its usual one (the
lower quartile of the window), or where `ERRORS` of its requests fail.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster.incident.model import Incident
from cluster.moment import Moment
from cluster.text.times import clock_time
from cluster.window import Window
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
    """Whether the front door was in trouble at any time from `start` on. False without an SLI."""
    try:
        return any(end >= start for _, end in _troubles(sli(incident)))
    except NoSli:
        return False


def _troubles(indicator: pd.DataFrame) -> list[tuple[float, float]]:
    """Begin and end of each, in order of time, at least `BETWEEN` samples apart; unix seconds."""
    times = indicator.index.to_numpy(dtype=np.float64)
    if len(times) < BETWEEN:
        return []
    window = max(3, round(SMOOTHED / float(np.median(np.diff(times)))))
    smooth = indicator.rolling(window, center=True, min_periods=1).median()
    usual = float(indicator["latency"].quantile(0.25))
    bad = np.flatnonzero((smooth["latency"] > FACTOR * usual) | (smooth["error_ratio"] > ERRORS))
    runs = np.split(bad, np.flatnonzero(np.diff(bad) > BETWEEN) + 1) if len(bad) else []
    # The latency of a second is read over the time before it: the last bad one still tells of what is over.
    last = len(times) - 1
    return [(float(times[run[0]]), float(times[min(run[-1] + window, last)])) for run in runs]
