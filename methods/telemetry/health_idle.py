"""Whether a component that its callers send nothing could serve, or is left out because it is in trouble.

It measures no latency, so what speaks for it is its own telemetry: measured without a gap since the last request, with
no request in work, and without errors about the time at which the requests stopped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cluster.signals import SIGNALS, Quantity
from methods.telemetry.baseline import Readings, last_departure
from methods.telemetry.health_types import RULES
from methods.telemetry.matrix import Floats

NONE = 0.02
"""Share of the usual rate that is none."""
STEADY = 0.9
"""Share of samples from which a signal counts as measured all the time."""
BEFORE = 30.0
"""Seconds before the last request in which an error can be why there are no more."""
_ENDED, _FAILED = "request_rate", "error_rate"


def idle(own: Readings, calls: Readings, component: str, callers: Sequence[str]) -> bool:
    """Whether the callers send it nothing, and neither its telemetry nor an error says that it could not serve.

    Args:
        own, calls: readings of `Telemetry.metrics` and `edge_metrics`.
        callers: of the component; those that measure no rate of calls do not count.
    """
    edges = [(c, component) for c in callers if (c, component, _ENDED) in calls.column]
    if not edges or not all(_little(calls, (*edge, _ENDED)) for edge in edges):
        return False
    rates = [(calls.series((*edge, _ENDED)), NONE * calls.get((*edge, _ENDED), calls.usual)) for edge in edges]
    since = min(last_departure(calls, series, bound, up=False) for series, bound in rates) - BEFORE
    failed = [(own, (component, _FAILED)), *((calls, (*edge, _FAILED)) for edge in edges)]
    return (
        _free(own, component)
        and _measured(own, component, since)
        and not any(_exceeded(readings, key, since) for readings, key in failed)
    )


def always_measured(name: str) -> bool:
    """Whether a gap of the signal is silence: a quantile or a ratio has one where no request ended."""
    return name not in SIGNALS or SIGNALS[name].quantity in (Quantity.GAUGE, Quantity.RATE)


def _little(readings: Readings, key: tuple[str, ...]) -> bool:
    return readings.get(key, readings.now) <= NONE * readings.get(key, readings.usual)


def _free(own: Readings, component: str) -> bool:
    """Whether nothing waits, and nothing is in work that does not end."""
    running, queued = (own.latest((component, s)) for s in ("running_requests", "queue_length"))
    if queued > 0:
        return False
    return own.latest((component, _ENDED)) > 0 or (running == 0 or (math.isnan(running) and queued == 0))


def _measured(own: Readings, component: str, since: float) -> bool:
    """Whether each signal that was there all the time still was after `since`, in unix seconds, and is now."""
    for key, place in own.column.items():
        if key[0] == component and own.seen[place] >= STEADY and always_measured(key[1]):
            newest: Floats = own.values[own.times > since, place]
            if not math.isfinite(own.now[place]) or np.isfinite(newest).mean() < STEADY:
                return False
    return True


def _exceeded(readings: Readings, key: tuple[str, ...], since: float) -> bool:
    """Whether there were more errors than normal at any time after `since`, in unix seconds."""
    rule, usual = RULES[_FAILED], readings.get(key, readings.usual)
    normal = np.fmax(np.fmax(readings.get(key, readings.spread), rule.share * usual), rule.floor)
    newest = readings.series(key)[readings.times > since]
    return bool((newest >= np.fmax(usual, 0.0) + normal).any())
