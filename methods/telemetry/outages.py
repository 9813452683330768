"""Samples at which most requests of a component failed: they say nothing of what is normal.

A gateway without a replica answers 502 within milliseconds and has nothing in work. Were that its baseline, it would be
in trouble as soon as it serves again; and that every request fails would be as before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from methods.telemetry.baseline import EARLIER, FEW, HISTORY, LEAST, Readings, leave_out
from methods.telemetry.health_types import ON_CALLS, RULES, Sort

MOST = 0.5
"""Share of failed requests above which a sample is of an outage."""
_OF_REQUESTS = (Sort.LATENCY, Sort.WAITING, Sort.ERRORS, Sort.CALLS)
SIGNALS = frozenset(name for rules in (RULES, ON_CALLS) for name, rule in rules.items() if rule.sort in _OF_REQUESTS)
"""Signals that tell how requests fared."""

Outages = Mapping[tuple[str, ...], NDArray[np.bool_]]
"""Component, or caller and callee -> (N,) whether most of its requests failed; those without an outage are left out."""


def outages(readings: Readings) -> Outages:
    """The outages of all whose errors are measured; one lasts where nothing is known between two failed samples."""
    owners = list(dict.fromkeys(key[:-1] for key in readings.column if key[-1] in ("error_ratio", "error_rate")))
    if not owners:
        return {}
    ratio = _of(readings, owners, "error_ratio")
    with np.errstate(divide="ignore", invalid="ignore"):
        share = _of(readings, owners, "error_rate") / _of(readings, owners, "request_rate")
    share = np.where(np.isfinite(ratio), ratio, share)
    places = np.flatnonzero((share > MOST).any(axis=0))
    failed = _lasting(share[:, places])
    return {owners[place]: failed[:, at] for at, place in enumerate(places)}


def without(readings: Readings, outages: Outages) -> Readings:
    """The readings with a baseline of `SIGNALS` from the samples outside of outages."""
    if not outages:
        return readings
    samples = np.zeros(readings.values.shape, dtype=np.bool_)
    for key, place in readings.column.items():
        if key[-1] in SIGNALS and (failed := outages.get(key[:-1])) is not None:
            samples[:, place] = failed
    return leave_out(readings, samples)


def after_outage(own: Readings, outages: Outages, component: str) -> bool:
    """Whether requests of the component are measured, but what is normal for them is not known for an outage."""
    keys = [(component, signal) for signal in SIGNALS] if (component,) in outages else []
    return any(math.isfinite(own.get(key, own.now)) and not math.isfinite(own.get(key, own.usual)) for key in keys)


def wait(own: Readings, outages: Outages, component: str, moment: float) -> float | None:
    """Seconds until a component has a baseline; None where nothing of it is measured."""
    measured = np.zeros(len(own.times), dtype=np.bool_)
    for signal in RULES:
        measured |= np.isfinite(own.series((component, signal)))
    if not measured.any():
        return None
    first, known = own.times[0], own.times[measured][0]
    if (failed := outages.get((component,))) is not None:
        served = own.times[measured & ~failed]
        known = served[FEW - 1] if len(served) >= FEW else moment + (FEW - len(served)) * own.step
    late = known - first
    # The window grows until it is HISTORY long, and moves on from there.
    covered = min(first + late / EARLIER, first + late + HISTORY * (1.0 - EARLIER))
    return max(1.0, float(max(first + LEAST / EARLIER, covered) - moment))


def _lasting(share: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether most failed, by the sample itself, else by both of its nearest neighbours that are known."""
    known, rows = ~np.isnan(share), np.arange(len(share))[:, np.newaxis]
    before = np.maximum.accumulate(np.where(known, rows, 0), axis=0)
    after = np.minimum.accumulate(np.where(known, rows, len(share) - 1)[::-1], axis=0)[::-1]
    failed = share > MOST
    both: NDArray[np.bool_] = np.take_along_axis(failed, before, 0) & np.take_along_axis(failed, after, 0)
    return both


def _of(readings: Readings, owners: Sequence[tuple[str, ...]], signal: str) -> NDArray[np.float64]:
    """(N, owners) samples of one signal, gaps where it was not recorded."""
    places = np.array([readings.column.get((*owner, signal), -1) for owner in owners])
    return np.where(places < 0, np.nan, readings.values[:, places])
