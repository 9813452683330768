"""The signals in which users notice trouble: where walks start and end, and what no screening leaves out."""

from __future__ import annotations

from cluster.incident.model import Incident
from methods.telemetry.matrix import Key
from methods.telemetry.sli import AVAILABILITIES, LATENCIES

_SYMPTOMS = (
    *("latency", "ttft", "tpot", "error", "timeout", "abort", "request", "connection"),
    *LATENCIES,
    *AVAILABILITIES,
)
"""How the names of what users notice begin: how long requests take, how many fail, how many there are."""


def symptoms(incident: Incident) -> frozenset[Key]:
    """The front door's signals that show what users notice: latency, errors, number of requests.

    They follow the SLI, whatever its cause, so a walk that prefers signals similar to the SLI ends at them.
    """
    front = incident.topology.front_door
    if front is None:
        return frozenset()
    return frozenset((front, s) for s in incident.telemetry.signals_of(front) if s.startswith(_SYMPTOMS))
