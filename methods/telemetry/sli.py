"""The service-level indicator (SLI): what users notice, measured at the front door only.

It is the front door's request latency and error ratio, whatever component is at fault. Choosing the latency of a
suspect instead would tell a method who the suspect is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster.errors import RcaError
from cluster.incident.model import Incident
from methods.telemetry.matrix import Floats

# In order of preference; the later names are those of imported incidents.
LATENCIES = ("latency_p90", "latency_p95", "latency_p99", "latency", "latency_avg", "latavg", "latency_p50")
AVAILABILITIES = ("availability", "avail", "success_ratio", "success")


class NoSli(RcaError):
    """The incident has no front door, or its front door has no latency; the message says which."""


def latency_key(incident: Incident) -> tuple[str, str]:
    """(front door, signal) of the latency that the SLI is read from. Raises NoSli."""
    front = incident.topology.front_door
    if front is None:
        raise NoSli("the incident does not say which component is the front door, so there is no SLI")
    carried = set(incident.telemetry.signals_of(front))
    for signal in LATENCIES:
        if signal in carried and incident.telemetry.series(front, signal).notna().any():
            return front, signal
    raise NoSli(f"the front door {front} has no latency (none of {', '.join(LATENCIES)}), so there is no SLI")


def sli(incident: Incident) -> pd.DataFrame:
    """Latency [s, or the unit that the incident gives] and error ratio [1] at the front door over time.

    The error ratio is `error_ratio`, else `error_rate` over `request_rate`, else one less the availability (a share or
    a percentage), else 0 throughout: a front door that reports no errors. Gaps stay NaN; a second without requests has
    no error ratio, which counts as 0. Raises NoSli.
    """
    front, signal = latency_key(incident)
    latency = incident.telemetry.series(front, signal).to_numpy(dtype=np.float64)
    errors = _error_ratio(incident, front, len(latency))
    frame = pd.DataFrame(
        {"latency": np.where(np.isfinite(latency), latency, np.nan), "error_ratio": errors},
        index=incident.telemetry.metrics.index,
    )
    return frame.astype("float64")


def error_key(incident: Incident) -> tuple[str, str] | None:
    """(front door, signal) that the SLI's errors are read from; None when there is none."""
    front = incident.topology.front_door
    carried = set(incident.telemetry.signals_of(front)) if front else set()
    for signal in ("error_ratio", "error_rate", *AVAILABILITIES):
        if not front or signal not in carried:
            continue
        # A front door that is never available is one whose availability was not measured.
        if signal not in AVAILABILITIES or incident.telemetry.series(front, signal).max() > 0:
            return front, signal
    return None


def _error_ratio(incident: Incident, front: str, samples: int) -> Floats:
    key = error_key(incident)
    if key is None:
        return np.zeros(samples)
    values = incident.telemetry.series(*key).to_numpy(dtype=np.float64)
    if key[1] == "error_rate":
        carried = incident.telemetry.signals_of(front)
        if "request_rate" not in carried:
            return np.zeros(samples)
        requests = incident.telemetry.series(front, "request_rate").to_numpy(dtype=np.float64)
        values = np.divide(values, requests, out=np.zeros(samples), where=requests > 0)
    elif key[1] in AVAILABILITIES:
        scale = 100.0 if np.fmax.reduce(values, initial=0.0) > 1.5 else 1.0
        values = 1.0 - values / scale
    return np.clip(np.where(np.isfinite(values), values, 0.0), 0.0, 1.0)
