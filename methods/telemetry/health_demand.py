"""Whether a component is asked for more than before and serves no less: then it is overloaded, not broken.

What a component ends tells how much it serves. How much it is asked for follows from conservation: a request that came
has ended or is still in work, so that arrivals are what ended and what is in work more than before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster.topology import Topology
from methods.telemetry.baseline import RECENT, Readings
from methods.telemetry.health_types import CHANGED, RULES
from methods.telemetry.matrix import Floats

OVER = 12.0
"""Seconds over which requests are counted; at least three samples."""
SERVES = 0.75
"""Share of the usual rate from which a component serves no less than before."""
_ENDED, _FAILED = "request_rate", "error_rate"
_IN_WORK = ("connections", "running_requests", "queue_length")


def overloaded(topology: Topology, own: Readings, component: str) -> bool:
    """Whether its callers, itself where it has none, get more requests than usual, and it answers no fewer."""
    usual = own.get((component, _ENDED), own.usual)
    served = _recent(own, (component, _ENDED)) - np.nan_to_num(_recent(own, (component, _FAILED)))
    if not (usual > 0 and served >= SERVES * usual):
        return False
    return any(_asked_for_more(own, c) for c in topology.callers(component) or (component,))


def _asked_for_more(own: Readings, component: str) -> bool:
    key, rule = (component, _ENDED), RULES[_ENDED]
    usual = own.get(key, own.usual)
    normal = np.fmax(np.fmax(own.get(key, own.spread), rule.share * usual), rule.floor)
    return bool(arrivals(own, component) - usual >= CHANGED * normal)


def arrivals(own: Readings, component: str) -> float:
    """Requests a second that came to a component lately; NaN where those that ended are not measured."""
    seconds = _seconds(own)
    more = [0.0]
    for signal in _IN_WORK:
        series = own.series((component, signal))
        # A rate tells of the seconds before its sample, too: those who are answered in them were in work before.
        known = series[np.isfinite(series) & _since(own, seconds + RECENT)]
        more += [float(known[-1] - known[0]) / seconds] if len(known) else []
    return _recent(own, (component, _ENDED)) + max(more, key=abs)


def _recent(own: Readings, key: tuple[str, ...]) -> float:
    series: Floats = own.series(key)
    known = series[np.isfinite(series) & _since(own, _seconds(own))]
    return float(known.mean()) if len(known) else float("nan")


def _seconds(own: Readings) -> float:
    return max(OVER, 3.0 * own.step)


def _since(own: Readings, seconds: float) -> NDArray[np.bool_]:
    return own.times > (own.times[-1] if len(own.times) else 0.0) - seconds
