"""How far each signal leaves its baseline: the score that NSigma and BARO share, and its explanation.

    score = max over t after the onset of |x_t - centre| / spread

`centre` and `spread` come from the samples before the onset: mean and standard deviation, or median and interquartile
range. A signal that was constant before the onset has no spread of its own. It is not thrown away, because a counter
that leaves zero is often the symptom itself. Its spread is taken to be `FLOOR` of the largest distance that it ever
goes from its centre, so that its score is at most 1 / `FLOOR` in whatever unit it is measured. The spread of all other
signals is what it is.
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
from methods.answer.wording import after_onset, unit_of
from methods.telemetry.matrix import Floats, Key, SignalMatrix, halves, prepare

FLOOR = 0.05
LISTED = 8


@dataclass(frozen=True, eq=False)
class Deviations:
    """One entry a signal, in the order of `before.keys`.

    Attributes:
        centre, spread: (N,) of the baseline, in the signal's unit.
        borrowed: (N,) whether the spread is the floor of a signal without spread of its own.
        scores: (N,) NaN where the baseline or the time after the onset has no sample.
        peak: (N,) row of `after` with the largest deviation.
    """

    before: SignalMatrix
    after: SignalMatrix
    centre: Floats
    spread: Floats
    borrowed: np.ndarray[tuple[int], np.dtype[np.bool_]]
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

    Where more than half of the samples are one value, so that the range is 0 though the signal moves, the range is that
    of a normal distribution with the signal's standard deviation: 1.349 of it.
    """
    present = np.any(np.isfinite(before), axis=0)
    median = np.full(before.shape[1], np.nan)
    spread = np.full(before.shape[1], np.nan)
    if present.any():
        low, middle, high = np.nanpercentile(before[:, present], [25.0, 50.0, 75.0], axis=0)
        median[present], spread[present] = middle, high - low
    _, deviation = mean_and_deviation(before)
    return median, np.where(spread > 0, spread, 1.349 * deviation)


def deviations(
    before: SignalMatrix, after: SignalMatrix, baseline: Callable[[Floats], tuple[Floats, Floats]]
) -> Deviations:
    """Score every signal by `baseline`, one of `mean_and_deviation` and `median_and_range`."""
    # In units of the largest magnitude, squares neither overflow nor vanish; the scores do not change.
    scale = np.fmax(_magnitude(before.values), _magnitude(after.values))
    scale = np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)
    centre, spread = baseline(before.values / scale)
    distance = np.abs(after.values / scale - centre)
    measured = np.any(np.isfinite(distance), axis=0)
    peak = np.zeros(before.signals, dtype=np.intp)
    largest = np.full(before.signals, np.nan)
    if measured.any():
        peak[measured] = np.nanargmax(distance[:, measured], axis=0)
        largest[measured] = np.nanmax(distance[:, measured], axis=0)
    # Rounding alone gives a constant a spread of about 1e-16 of its magnitude.
    still = ~(spread > 1e-12)
    ever = np.fmax(largest, np.fmax.reduce(np.abs(before.values / scale - centre), axis=0))
    borrowed = still & (ever > 1e-12)
    spread = np.where(still, FLOOR * ever, spread)
    scores = np.where(still & ~borrowed, np.where(measured, 0.0, np.nan), largest / np.where(spread > 0, spread, 1.0))
    return Deviations(before, after, centre * scale, spread * scale, borrowed, scores, peak)


def rank_by_deviation(
    incident: Incident, baseline: Callable[[Floats], tuple[Floats, Floats]], *, centre: str, spread: str
) -> Outcome:
    """Components by the largest deviation of their worst signal.

    Args:
        incident: its metrics and onset are read.
        baseline: `mean_and_deviation` or `median_and_range`.
        centre, spread: what `baseline` returns, in words for the explanation.

    Returns:
        NoRanking(NOT_APPLICABLE) where `halves` gives it, and when no signal changes.
    """
    parts = halves(prepare(incident), incident.onset)
    if isinstance(parts, NoRanking):
        return parts
    scored = deviations(*parts, baseline)
    scores = scored.by_signal()
    if not any(scores.values()):
        return NO_CHANGE
    return caveats_for(by_signals(scores, explain(incident, scored, centre=centre, spread=spread)), incident)


def explain(incident: Incident, scored: Deviations, *, centre: str, spread: str) -> Explanation:
    """Steps: the baseline, the largest deviation, every component's worst signal, signals that were constant."""
    order = [int(i) for i in np.argsort(-scored.scores, kind="stable") if np.isfinite(scored.scores[i])]
    onset = float(scored.after.times[0])
    steps = [
        _baseline(incident, scored, order, onset, centre, spread),
        _largest(incident, scored, order[0], onset, centre, spread),
    ]
    steps.append(_per_component(incident, scored, order, onset, centre, spread))
    constant = [i for i in order if scored.borrowed[i]]
    if constant:
        steps.append(_constants(scored, constant, onset))
    return Explanation(tuple(steps))


def _baseline(incident: Incident, scored: Deviations, order: list[int], onset: float, centre: str, spread: str) -> Step:
    before = scored.before
    units = tuple(unit_of(incident.telemetry.units, before.keys[i][1]) for i in order[:LISTED])
    rows = tuple((*before.keys[i], float(scored.centre[i]), float(scored.spread[i])) for i in order[:LISTED])
    start = float(before.times[0])
    return Step(
        title="Baseline before the onset",
        claim=f"{before.samples} samples before the onset give the {centre} and the {spread} of {len(order)} signals.",
        numbers={"samples_before": before.samples, "samples_after": scored.after.samples, "signals": len(order)},
        table=Table(("component", "signal", centre, spread), rows, {centre: units, spread: units}),
        levels={f"baseline {centre}": float(scored.centre[order[0]])},
        units={f"baseline {centre}": units[0]},
        pointers=(before.pointer(before.keys[order[0]], start, onset),),
    )


def _largest(incident: Incident, scored: Deviations, i: int, onset: float, centre: str, spread: str) -> Step:
    key = scored.before.keys[i]
    unit = unit_of(incident.telemetry.units, key[1])
    value, middle, width = _peak(scored, i), float(scored.centre[i]), float(scored.spread[i])
    when = float(scored.after.times[scored.peak[i]])
    side = "above" if value >= middle else "below"
    claim = (
        f"{key[0]} {key[1]} reached {quantity(value, unit)} {after_onset(when, onset)}: "
        f"{number(scored.scores[i])} times the {spread} ({quantity(width, unit)}) "
        f"{side} its {centre} of {quantity(middle, unit)}."
    )
    levels = {
        f"baseline {centre}": middle,
        f"{centre} + 3 {spread}": middle + 3 * width,
        f"{centre} - 3 {spread}": middle - 3 * width,
    }
    return Step(
        title="Largest deviation",
        claim=claim,
        numbers={centre: middle, spread: width, "peak": value, "score": float(scored.scores[i]), "peak_time": when},
        levels=levels,
        units={**dict.fromkeys((centre, spread, "peak", *levels), unit), "peak_time": TIME},
        pointers=(scored.after.pointer(key, onset, _end(scored)),),
    )


def _per_component(
    incident: Incident, scored: Deviations, order: list[int], onset: float, centre: str, spread: str
) -> Step:
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


def _constants(scored: Deviations, constant: list[int], onset: float) -> Step:
    named = ", ".join(" ".join(scored.before.keys[i]) for i in constant[:3])
    more = f" and {len(constant) - 3} more" if len(constant) > 3 else ""
    return Step(
        title="Constant before the onset",
        claim=f"{named}{more} never moved before the onset; leaving that value counts {number(1 / FLOOR)} at most.",
        numbers={"signals": len(constant), "largest_score": 1 / FLOOR},
        pointers=tuple(scored.after.pointer(scored.before.keys[i], onset, _end(scored)) for i in constant[:3]),
    )


def _peak(scored: Deviations, i: int) -> float:
    return float(scored.after.values[scored.peak[i], i])


def _end(scored: Deviations) -> float:
    return float(scored.after.times[-1]) + scored.after.step


def _magnitude(values: Floats) -> Floats:
    return np.asarray(np.fmax.reduce(np.abs(values), axis=0), dtype=np.float64)
