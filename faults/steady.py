"""Is the service healthy? Checked before an injection and again after it was undone.

The SLI is the front door's p90 latency and its share of failed requests. Where telemetry is scraped seldom, each window
below is as long as what counts as fresh there: a shorter one may hold no new sample.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cluster.deployment import Liveness
from cluster.errors import RcaError
from cluster.text.quantities import percent
from cluster.text.times import duration
from cluster.window import Window

if TYPE_CHECKING:
    from cluster.deployment import Deployment, Status

LATENCY, ERRORS = "latency_p90", "error_ratio"

STEADY_SECONDS = 30.0  # how long the SLI must have been within these bounds before an injection
COVERAGE = 0.7  # share of those seconds for which there must be a sample
MAX_LATENCY = 10.0  # s, of the p90: a service slower than this is in trouble already
MAX_ERROR_RATIO = 0.05
MAX_SWING = 3.0  # highest p90 latency over the median
MAX_DRIFT = 1.5  # median p90 latency of the last third over the median of all
MAX_AGE = 10.0  # s, of the newest sample: older telemetry is stale, unless the deployment calls it fresh

ABORT_ERROR_RATIO = 0.5  # one of four pods that answers nothing makes a quarter fail: this is more than one
ABORT_SECONDS = 10.0  # for how long

HEALTHY_SECONDS = 10.0  # after the revert, the SLI of this stretch decides
HEALTHY_FACTOR = 1.25  # over the highest p90 latency of the steady stretch before the injection


@dataclass(frozen=True, slots=True)
class Level:
    """The SLI of a steady stretch: median and highest p90 latency (s), highest error ratio."""

    latency: float
    latency_high: float
    error_ratio_high: float

    def as_json(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Level | None:
        """None where the journal has no level: then only the bounds above say what healthy is."""
        try:
            return cls(*(float(data[name]) for name in ("latency", "latency_high", "error_ratio_high")))
        except (KeyError, TypeError, ValueError):
            return None


class NotSteady(RcaError):
    """The service is not steady: nothing may be injected now."""


def stale(status: Status) -> str:
    """Why the deployment's telemetry is not reliable now; empty when it is."""
    if status.liveness is not Liveness.LIVE:
        return f"the deployment is {status.liveness}" + (f": {status.message}" if status.message else "")
    most = max(MAX_AGE, status.fresh)
    if status.data_age is None or status.data_age > most:
        age = "unknown" if status.data_age is None else f"{duration(status.data_age)}"
        return f"the newest telemetry is too old ({age}; at most {duration(most)})"
    return ""


def healthy_stretch(deployment: Deployment) -> float:
    """Seconds without the fault that `unhealthy` looks at. Raises DeploymentError."""
    return max(HEALTHY_SECONDS, deployment.status().fresh)


def level(deployment: Deployment) -> Level:
    """The SLI of the last `STEADY_SECONDS`. Raises NotSteady where it is missing or out of bounds."""
    seconds = max(STEADY_SECONDS, deployment.status().fresh)
    latency, errors = _sli(deployment, seconds)
    needed = math.ceil(COVERAGE * seconds)
    if len(latency) < needed:
        raise NotSteady(f"only {len(latency)} s of the last {duration(seconds)} have an SLI, {needed} s are needed")
    if not errors:
        raise NotSteady(f"the error ratio of the last {duration(seconds)} is unknown")
    median, high = _median(latency), max(latency)
    late = _median(latency[-len(latency) // 3 :])
    if max(errors) > MAX_ERROR_RATIO:
        raise NotSteady(f"{percent(max(errors))} of the requests failed; at most {percent(MAX_ERROR_RATIO)} may")
    if high > MAX_LATENCY:
        raise NotSteady(f"the p90 latency reached {duration(high)}; at most {duration(MAX_LATENCY)} is steady")
    if high > MAX_SWING * median:
        raise NotSteady(f"the p90 latency swings: {duration(high)} at its highest, {duration(median)} in the middle")
    if late > MAX_DRIFT * median:
        raise NotSteady(
            f"the p90 latency is rising: {duration(late)} of late, {duration(median)} over {duration(seconds)}"
        )
    return Level(median, high, max(errors))


def out_of_bounds(deployment: Deployment, error_ratio: float) -> str:
    """Why the service fails more than a drill may make it fail, or cannot be observed; empty while neither is so.

    Latency has no such bound: most faults exist to raise it. A front door that ends no request has no error ratio and
    is out of bounds as well. Raises DeploymentError.
    """
    status = deployment.status()
    if reason := stale(status):
        return reason
    seconds = max(ABORT_SECONDS, status.fresh)
    _, errors = _sli(deployment, seconds)
    if not errors:
        return f"the front door ended no request in {duration(seconds)}"
    if len(errors) >= COVERAGE * seconds and min(errors) > error_ratio:
        return f"more than {percent(error_ratio)} of the requests failed for {duration(seconds)}"
    return ""


def unhealthy(deployment: Deployment, before: Level | None) -> str:
    """Why the service is not as healthy as before the injection; empty when it is. Raises DeploymentError."""
    status = deployment.status()
    if reason := stale(status):
        return reason
    seconds = max(HEALTHY_SECONDS, status.fresh)
    latency, errors = _sli(deployment, seconds)
    if len(latency) < seconds / 2 or not errors:
        return f"the last {duration(seconds)} have no SLI"
    most = MAX_LATENCY if before is None else max(2 * before.latency, HEALTHY_FACTOR * before.latency_high)
    worst = MAX_ERROR_RATIO if before is None else max(MAX_ERROR_RATIO, before.error_ratio_high)
    if _median(latency) > most:
        return f"the p90 latency is {duration(_median(latency))}, healthy is {duration(most)}"
    if _median(errors) > worst:
        return f"{percent(_median(errors))} of the requests fail, healthy is {percent(worst)}"
    return ""


def _sli(deployment: Deployment, seconds: float) -> tuple[list[float], list[float]]:
    """Samples of latency and error ratio at the front door, gaps left out."""

    front_door = deployment.topology().front_door
    end = math.floor(time.time())
    samples = deployment.samples(Window(end - seconds, end), 1.0, signals=(LATENCY, ERRORS)).metrics
    series = (samples.get((front_door, signal)) for signal in (LATENCY, ERRORS))
    latency, errors = ([] if one is None else [float(value) for value in one.dropna()] for one in series)
    return latency, errors


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
