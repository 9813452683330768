"""What each rule of the deviation score is worth, with the true onset: NSigma and BARO, one rule changed at a time.

    python -m tests.bench deviation                      the shipped drills
    python -m tests.bench deviation --cases FOLDER...    incidents of others, such as ../shared/data/petshop

The last row of each is the rule of the public code: rises only, constants dropped, an interquartile range of 0 is 1.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from statistics import fmean

import numpy as np

from cluster.window import Onset, OnsetSource
from methods.answer.ranking import by_signals
from methods.answer.types import Explanation, NoRanking
from methods.evaluation.cases import load_cases
from methods.evaluation.measures import MISS, Score, score
from methods.telemetry.deviation import LEAST, ROBUST, SIGMA, TAIL, Deviations, Scale, deviations
from methods.telemetry.matrix import Floats, SignalMatrix, halves, prepare
from tests.bench.tables import show

Rule = Callable[[Deviations, Scale], Floats]
_FLOOR = 0.05
COLUMNS = ("method", "AC@1", "AC@3", "Avg@5", "rule")


def run(options: argparse.Namespace) -> None:
    for source in options.cases or [None]:
        cases = [case for case in load_cases([] if source is None else [source]) if case.cause.components]
        results: dict[tuple[str, str], list[Score]] = {}
        for case in cases:
            incident = case.load()
            sides = halves(prepare(incident), Onset(case.cause.injected_at, OnsetSource.GIVEN))
            for name, scale in (("nsigma", SIGMA), ("baro", ROBUST)):
                for rule, scored in _RULES.items():
                    if isinstance(sides, NoRanking):
                        results.setdefault((name, rule), []).append(MISS)
                        continue
                    found = _ranked(scored, sides, scale)
                    results.setdefault((name, rule), []).append(score(found, case.cause.components))
        rows = []
        for (name, rule), scores in results.items():
            measures = (fmean(s.ac[0] for s in scores), fmean(s.ac[2] for s in scores), fmean(s.avg for s in scores))
            rows.append((name, *(f"{measure:.2f}" for measure in measures), rule))
        show(f"{source or 'the shipped drills'}: {len(cases)} incidents with a cause, onset given", COLUMNS, rows)


def _ranked(rule: Rule, sides: tuple[SignalMatrix, SignalMatrix], scale: Scale) -> list[tuple[str, int]]:
    found = deviations(*sides, scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = rule(found, scale)
    by_signal = {k: float(s) for k, s in zip(found.before.keys, scores, strict=True) if np.isfinite(s)}
    outcome = by_signals(by_signal, Explanation(()))
    return [] if isinstance(outcome, NoRanking) else [(c.component, c.rank) for c in outcome.components]


def _as_it_is(found: Deviations, scale: Scale) -> Floats:
    return found.scores


def _rises_only(found: Deviations, scale: Scale) -> Floats:
    return np.where(found.left.still, found.scores, _largest(found, signed=True) / found.spread)


def _without_constants(found: Deviations, scale: Scale) -> Floats:
    return np.where(found.left.still, np.nan, found.scores)


def _borrowed(found: Deviations, scale: Scale) -> Floats:
    """The spread as measured; that of a constant is a share of the largest distance from its value."""
    centre, spread = scale.baseline(found.before.values)
    _, deviation = SIGMA.baseline(found.before.values)
    spread = np.where(spread > 0, spread, scale.per_deviation * deviation)
    largest = _largest(dataclasses.replace(found, centre=centre), signed=False)
    constant = spread <= 1e-12 * np.abs(centre)
    return np.where(largest > 0, largest / np.where(constant, _FLOOR * largest, spread), 0.0)


def _least_left_out(found: Deviations, scale: Scale) -> Floats:
    tails = np.fmax.reduce(np.abs(found.before.values - found.centre), axis=0) / TAIL * scale.per_deviation
    spread = np.fmax(found.measured, tails) if scale.tails else found.measured
    return np.where(found.left.still, found.scores, _largest(found, signed=False) / spread)


def _tails_left_out(found: Deviations, scale: Scale) -> Floats:
    spread = np.fmax(found.measured, scale.per_deviation * LEAST * np.abs(found.centre))
    return np.where(found.left.still, found.scores, _largest(found, signed=False) / spread)


def _public(found: Deviations, scale: Scale) -> Floats:
    centre, spread = scale.baseline(found.before.values)
    moving = [np.fmax.reduce(h.values, axis=0) > np.fmin.reduce(h.values, axis=0) for h in (found.before, found.after)]
    scores = _largest(dataclasses.replace(found, centre=centre), signed=True) / np.where(spread > 0, spread, 1.0)
    return np.where(moving[0] & moving[1], scores, np.nan)


def _largest(found: Deviations, *, signed: bool) -> Floats:
    distance = found.after.values - found.centre
    return np.asarray(np.fmax.reduce(distance if signed else np.abs(distance), axis=0))


_RULES: dict[str, Rule] = {
    "as it is": _as_it_is,
    "rises only, except from a usual value": _rises_only,
    "signals with one usual value left out": _without_constants,
    "without the least spread of a tenth of the level": _least_left_out,
    "without the least spread by the tails of the baseline": _tails_left_out,
    "no least spread; a constant borrows 5 % of its largest distance": _borrowed,
    "the public code's": _public,
}
