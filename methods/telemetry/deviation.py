"""How far each signal leaves its baseline: the score that NSigma and BARO share, and its explanation.

    score = max over t after the onset of |x_t - centre| / spread

`centre` and `spread` come from the samples before the onset: mean and standard deviation, or median and interquartile
range. A steady signal has hardly any spread: a request rate of 1.000 ± 0.001 per second is not in trouble at 1.1. So
the spread is at least `LEAST` of the signal's level.

A signal that has one value in more than half of the baseline has no spread that means anything, and a counter at zero
has no level either. It is not thrown away, because a counter that leaves zero is often the symptom itself: it is scored
by how often it leaves that value (`methods.telemetry.departures`), in the same unit.

`python -m tests.bench deviation` measures what each of these rules is worth (docs/measured/onset.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import TIME, number, quantity
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.refusals import NO_CHANGE
from methods.answer.types import Cell, Explanation, NoRanking, Outcome, Step, Table
from methods.answer.wording import after_onset, counted, unit_of
from methods.telemetry.departures import Departures, departures
from methods.telemetry.matrix import Floats, Key, SignalMatrix, halves, prepare
from methods.telemetry.quantiles import quantiles

LEAST = 0.1
"""Least standard deviation, as a share of the signal's level: a change of a tenth is no trouble."""
LISTED = 8
TAIL = 3.0
"""Standard deviations that the largest deviation of a baseline is taken to be at most: the three-sigma rule."""
NORMAL_RANGE = 1.349
"""Interquartile range of a normal distribution, in standard deviations."""
_ROUNDING = 1e-9
"""Share of the quartiles up to which their difference is a rounding error."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How a method describes a baseline.

    Attributes:
        baseline: (T, N) with NaN -> centre and spread (N,).
        centre, spread: what they are called.
        per_deviation: spreads in one standard deviation of normal noise.
        tails: whether the spread is at least a third of the largest deviation of the baseline, in standard deviations:
            for a spread that says nothing about the tails of a signal.
    """

    baseline: Callable[[Floats], tuple[Floats, Floats]]
    centre: str
    spread: str
    per_deviation: float = 1.0
    tails: bool = False


@dataclass(frozen=True, eq=False)
class Deviations:
    """One entry a signal, in the order of `before.keys`.

    Attributes:
        centre, spread: (N,) of the baseline, in the signal's unit; the spread is not below its
            least value. For a signal that is `left.still`: its usual value, and 0.
        measured: (N,) the spread as it was measured.
        left: how often signals left their usual values.
        scores: (N,) in spreads; NaN where the baseline or the time after the onset has no sample.
        peak: (N,) row of `after` with the largest deviation.
    """

    before: SignalMatrix
    after: SignalMatrix
    centre: Floats
    spread: Floats
    measured: Floats
    left: Departures
    scores: Floats
    peak: np.ndarray[tuple[int], np.dtype[np.intp]]

    def by_signal(self) -> dict[Key, float]:
        """(component, signal) -> score, without the signals that have none."""
        return {k: float(s) for k, s in zip(self.before.keys, self.scores, strict=True) if np.isfinite(s)}


def mean_and_deviation(before: Floats) -> tuple[Floats, Floats]:
    """(T, N) with NaN -> mean and population standard deviation (N,) of what is there; NaN where nothing is."""
    count = np.sum(np.isfinite(before), axis=0).astype(np.float64)
    count[count == 0] = np.nan
    mean = np.nansum(before, axis=0) / count
    return mean, np.sqrt(np.nansum((before - mean) ** 2, axis=0) / count)


def median_and_range(before: Floats) -> tuple[Floats, Floats]:
    """(T, N) with NaN -> median and interquartile range (N,) of what is there; NaN where nothing is.

    A range that is a rounding error of the values, such as 4e-16 of a rate of 2, is 0.
    """
    low, median, high = quantiles(before, 0.25, 0.5, 0.75)
    rounding = _ROUNDING * np.fmax(np.abs(low), np.abs(high))
    return median, np.where(high - low <= rounding, 0.0, high - low)


SIGMA = Scale(mean_and_deviation, "mean", "sd")
ROBUST = Scale(median_and_range, "median", "IQR", NORMAL_RANGE, tails=True)


def deviations(before: SignalMatrix, after: SignalMatrix, scale: Scale) -> Deviations:
    """Score every signal by one of `SIGMA` and `ROBUST`."""
    # In units of the largest magnitude, squares neither overflow nor vanish; the scores do not change.
    unit = np.fmax(_magnitude(before.values), _magnitude(after.values))
    unit = np.where(np.isfinite(unit) & (unit > 0), unit, 1.0)
    early, late = before.values / unit, after.values / unit
    left = departures(early, late)
    centre, measured_spread = scale.baseline(early)
    centre = np.where(left.still, left.usual, centre)
    least = LEAST * np.abs(centre)
    if scale.tails:
        least = np.fmax(least, np.fmax.reduce(np.abs(early - centre), axis=0) / TAIL)
    spread = np.where(left.still, 0.0, np.fmax(measured_spread, scale.per_deviation * least))
    distance = np.abs(late - centre)
    measured = np.any(np.isfinite(distance), axis=0)
    peak = np.zeros(before.signals, dtype=np.intp)
    if measured.any():
        peak[measured] = np.nanargmax(distance[:, measured], axis=0)
    deviation = np.fmax.reduce(distance, axis=0) / np.where(spread > 0, spread, 1.0)
    scores = np.where(left.still, left.scores / scale.per_deviation, deviation)
    return Deviations(before, after, centre * unit, spread * unit, measured_spread * unit, left, scores, peak)


def rank_by_deviation(incident: Incident, scale: Scale) -> Outcome:
    """Components by the largest deviation of their worst signal.

    Args:
        incident: its metrics and onset are read.
        scale: `SIGMA` or `ROBUST`.

    Returns:
        NoRanking(NOT_APPLICABLE) where `halves` gives it, and when no signal changes.
    """
    parts = halves(prepare(incident), incident.onset)
    if isinstance(parts, NoRanking):
        return parts
    scored = deviations(*parts, scale)
    scores = scored.by_signal()
    if not any(scores.values()):
        return NO_CHANGE
    return caveats_for(by_signals(scores, explain(incident, scored, scale)), incident)


def explain(incident: Incident, scored: Deviations, scale: Scale) -> Explanation:
    """Steps: the baseline, the largest deviation, every component's worst signal, signals that had one usual value."""
    order = [int(i) for i in np.argsort(-scored.scores, kind="stable") if np.isfinite(scored.scores[i])]
    onset = float(scored.after.times[0])
    steps = [
        _baseline(incident, scored, order, onset, scale),
        _largest(incident, scored, order[0], onset, scale),
        _per_component(incident, scored, order, onset, scale.centre),
    ]
    still = [i for i in order if scored.left.still[i] and scored.scores[i] > 0]
    if still:
        steps.append(_still(incident, scored, still, onset, scale.spread))
    return Explanation(tuple(steps))


def _baseline(incident: Incident, scored: Deviations, order: list[int], onset: float, scale: Scale) -> Step:
    before, centre, spread = scored.before, scale.centre, scale.spread
    units = tuple(unit_of(incident.telemetry.units, before.keys[i][1]) for i in order[:LISTED])
    rows = tuple((*before.keys[i], float(scored.centre[i]), float(scored.spread[i])) for i in order[:LISTED])
    start = float(before.times[0])
    return Step(
        title="Baseline before the onset",
        claim=f"{counted(before.samples, 'sample')} before the onset: the {centre} and the {spread} of "
        f"{counted(len(order), 'signal')}.",
        numbers={"samples_before": before.samples, "samples_after": scored.after.samples, "signals": len(order)},
        table=Table(("component", "signal", centre, spread), rows, {centre: units, spread: units}),
        levels={f"baseline {centre}": float(scored.centre[order[0]])},
        units={f"baseline {centre}": units[0]},
        pointers=(before.pointer(before.keys[order[0]], start, onset),),
    )


def _largest(incident: Incident, scored: Deviations, i: int, onset: float, scale: Scale) -> Step:
    key, centre, spread = scored.before.keys[i], scale.centre, scale.spread
    unit = unit_of(incident.telemetry.units, key[1])
    value, middle, width = _peak(scored, i), float(scored.centre[i]), float(scored.spread[i])
    when = float(scored.after.times[scored.peak[i]])
    measured = float(scored.measured[i])
    reached = f"{key[0]} {key[1]} reached {quantity(value, unit)} {after_onset(when, onset)}"
    levels = {f"baseline {centre}": middle}
    if scored.left.still[i]:
        claim = f"{reached}. {_departure(incident, scored, i, spread)}"
    else:
        side = "above" if value >= middle else "below"
        times = f"times the {spread} ({quantity(width, unit)})"
        if width > measured:
            times = f"times the least {spread} that counts ({quantity(width, unit)}; it was {quantity(measured, unit)})"
        claim = f"{reached}: {number(scored.scores[i])} {times} {side} its {centre} of {quantity(middle, unit)}."
        levels |= {f"{centre} + 3 {spread}": middle + 3 * width, f"{centre} - 3 {spread}": middle - 3 * width}
    return Step(
        title="Largest deviation",
        claim=claim,
        numbers={
            centre: middle,
            spread: measured,
            f"{spread} that counts": width,
            "peak": value,
            "score": float(scored.scores[i]),
            "peak_time": when,
        },
        levels=levels,
        units={**dict.fromkeys((centre, spread, f"{spread} that counts", "peak", *levels), unit), "peak_time": TIME},
        pointers=(scored.after.pointer(key, onset, _end(scored)),),
    )


def _per_component(incident: Incident, scored: Deviations, order: list[int], onset: float, centre: str) -> Step:
    worst: dict[str, int] = {}
    for i in order:
        worst.setdefault(scored.before.keys[i][0], i)
    rows: list[tuple[Cell, ...]] = []
    for component, i in worst.items():
        when = float(scored.after.times[scored.peak[i]])
        row = (float(scored.centre[i]), _peak(scored, i), float(scored.scores[i]), round(when - onset, 3))
        rows.append((component, scored.before.keys[i][1], *row))
    units = tuple(unit_of(incident.telemetry.units, scored.before.keys[i][1]) for i in worst.values())
    leaders = list(worst.items())[:2]
    claim = f"{leaders[0][0]} leads with {number(scored.scores[leaders[0][1]])}"
    if len(leaders) > 1:
        component, i = leaders[1]
        claim += f", {component} follows with {number(scored.scores[i])} ({scored.before.keys[i][1]})"
    return Step(
        title="Worst signal of each",
        claim=f"A component is as suspect as its worst signal: {claim}.",
        numbers={component: float(scored.scores[i]) for component, i in worst.items()},
        table=Table(
            ("component", "signal", centre, "peak", "score", "s after onset"),
            tuple(rows),
            {centre: units, "peak": units},
        ),
        pointers=tuple(scored.after.pointer(scored.before.keys[i], onset, _end(scored)) for i in worst.values()),
    )


def _still(incident: Incident, scored: Deviations, still: list[int], onset: float, spread: str) -> Step:
    shown = still[:LISTED]
    left = scored.left
    units = tuple(unit_of(incident.telemetry.units, scored.before.keys[i][1]) for i in shown)
    rows = tuple(
        (
            *scored.before.keys[i],
            float(scored.centre[i]),
            f"{left.off_before[i]} of {left.before[i]}",
            f"{left.off_after[i]} of {left.after[i]}",
            float(scored.scores[i]),
        )
        for i in shown
    )
    others = f" {len(still) - 1} more did so." if len(still) > 1 else ""
    return Step(
        title="Signals that left their usual value",
        claim=f"{_departure(incident, scored, still[0], spread)}{others}",
        numbers={"signals": len(still), "score": float(scored.scores[still[0]])},
        table=Table(
            ("component", "signal", "usual", "left it before", "left it after", "score"), rows, {"usual": units}
        ),
        pointers=tuple(scored.after.pointer(scored.before.keys[i], onset, _end(scored)) for i in still[:3]),
    )


def _departure(incident: Incident, scored: Deviations, i: int, spread: str) -> str:
    key, left = scored.before.keys[i], scored.left
    usual = quantity(float(scored.centre[i]), unit_of(incident.telemetry.units, key[1]))
    but = f"all but {left.off_before[i]} of" if left.off_before[i] else "all"
    return (
        f"{key[0]} {key[1]} was {usual} in {but} {counted(left.before[i], 'sample')} before the onset, "
        f"and something else in {left.off_after[i]} of {left.after[i]} after it: as unusual as "
        f"{number(float(scored.scores[i]))} times the {spread}."
    )


def _peak(scored: Deviations, i: int) -> float:
    return float(scored.after.values[scored.peak[i], i])


def _end(scored: Deviations) -> float:
    return float(scored.after.times[-1]) + scored.after.step


def _magnitude(values: Floats) -> Floats:
    return np.asarray(np.fmax.reduce(np.abs(values), axis=0), dtype=np.float64)
