"""Did the fault land? Compares the effects that it should show with what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from cluster.window import Window
from faults.types import Direction, Effect, Role

if TYPE_CHECKING:
    import pandas as pd

    from cluster.deployment import Deployment, Samples
    from cluster.incident.model import Telemetry
    from cluster.topology import Topology

SETTLE = 0.25  # share of the active time in which an effect may build up; left out of the comparison
MIN_SAMPLES = 3
LEAST_MEASURED = 0.2  # of the samples that a stretch has room for: fewer say nothing about the rest of it
LEAST_LOSS = 0.8  # of the samples a second before: with fewer a signal is lost in part, with more it is measured
SLI = tuple(Effect(Role.FRONT_DOOR, signal, Direction.UP) for signal in ("latency_p90", "error_ratio"))
"""What users notice, whatever the fault."""


class Landing(StrEnum):
    """LANDED: as expected. WEAK: the right way, beyond what was seen before, but less. ABSENT: neither.

    UNKNOWN: it was not measured, or so little of a stretch that the rest cannot be told.
    """

    LANDED = "landed"
    WEAK = "weak"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Measured:
    """An expected effect and what was measured: medians in the unit of the signal, None where there is no data.

    `source` is the caller for a signal of an edge, else empty.
    """

    role: Role
    component: str
    signal: str
    direction: Direction
    factor: float
    before: float | None
    during: float | None
    after: float | None
    landing: Landing
    source: str = ""


@dataclass(frozen=True, slots=True)
class Periods:
    """The three windows of a drill."""

    before: Window
    during: Window
    after: Window


def measure(deployment: Deployment, expected: Iterable[tuple[str, Effect]], periods: Periods) -> tuple[Measured, ...]:
    """Measure each (component, effect) pair where its role points. Raises DeploymentError."""

    wanted = tuple(expected)
    whole = Window(periods.before.start, periods.after.end)
    samples = deployment.samples(whole, 1.0, signals=sorted({effect.signal for _, effect in wanted}))
    return look_in(samples, deployment.topology(), wanted, periods)


def look_in(
    samples: Samples | Telemetry, topology: Topology, expected: Iterable[tuple[str, Effect]], periods: Periods
) -> tuple[Measured, ...]:
    """The same in samples that are fetched or recorded already."""
    found = []
    for target, effect in expected:
        for source, component in _places(effect.role, target, topology):
            key = (source, component, effect.signal) if source else (component, effect.signal)
            frame = samples.edge_metrics if source else samples.metrics
            series = frame[key].dropna() if key in frame.columns else None
            found.append(_judge(effect, source, component, series, periods, _step(frame)))
    return tuple(found)


def overall(measured: Iterable[Measured]) -> Landing:
    """LANDED when every measured effect landed, ABSENT when none shows, else WEAK; UNKNOWN without data."""
    seen = {one.landing for one in measured} - {Landing.UNKNOWN}
    if not seen:
        return Landing.UNKNOWN
    return seen.pop() if len(seen) == 1 else Landing.WEAK


def _places(role: Role, target: str, topology: Topology) -> list[tuple[str, str]]:
    """(calling component or empty, component) of each series that shows the effect."""
    door = topology.front_door
    return {
        Role.TARGET: [("", target)],
        Role.PEERS: [("", peer) for peer in topology.peers(target)],
        Role.FRONT_DOOR: [("", door)] if door else [],
        Role.EDGE: [(door, target)] if door else [],
        Role.EDGES: [(door, callee) for callee in topology.callees(door)] if door else [],
    }[role]


def _step(frame: pd.DataFrame) -> float:
    """Seconds between two rows; 0 where there are no two."""
    times = [float(time) for time in frame.index]
    return statistics.median(late - early for early, late in pairwise(times)) if len(times) > 1 else 0.0


def _judge(
    effect: Effect, source: str, component: str, series: pd.Series | None, periods: Periods, step: float
) -> Measured:
    before, after = (_values(series, window.start, window.end) for window in (periods.before, periods.after))
    settling = SETTLE * periods.during.seconds
    settled = _values(series, periods.during.start + settling, periods.during.end)
    seconds = periods.before.seconds, periods.during.seconds - settling
    lost = effect.direction is Direction.LOST
    if _few(before, seconds[0], step) or (_few(settled, seconds[1], step) and not lost):
        landing = Landing.UNKNOWN
    elif lost:
        landing = _loss(effect, len(before) / seconds[0], len(settled) / seconds[1])
    else:
        landing = _landing(effect, before, settled)
    return Measured(
        role=effect.role,
        component=component,
        signal=effect.signal,
        direction=effect.direction,
        factor=effect.factor,
        before=_median(before),
        during=_median(settled),
        after=_median(after),
        landing=landing,
        source=source,
    )


def _few(values: list[float], seconds: float, step: float) -> bool:
    """Whether so much of a stretch is missing that the values left do not stand for it."""
    return len(values) < MIN_SAMPLES or len(values) * step < LEAST_MEASURED * seconds


def _landing(effect: Effect, before: list[float], during: list[float]) -> Landing:
    sign = 1 if effect.direction is Direction.UP else -1
    usual, now = statistics.median(before), statistics.median(during)
    beyond = sign * now > max(sign * value for value in before)
    far = now >= usual * effect.factor if sign > 0 else now * effect.factor <= usual
    if far and sign * (now - usual) > 0:
        return Landing.LANDED
    return Landing.WEAK if beyond else Landing.ABSENT


def _loss(effect: Effect, before: float, during: float) -> Landing:
    """Of a signal that should no longer be measured, from its samples a second."""
    if during * effect.factor <= before:
        return Landing.LANDED
    return Landing.WEAK if during < LEAST_LOSS * before else Landing.ABSENT


def _values(series: pd.Series | None, start: float, end: float) -> list[float]:
    if series is None:
        return []
    times = series.index
    return [float(value) for value in series[(times >= start) & (times < end)]]


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None
