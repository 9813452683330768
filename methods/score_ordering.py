"""Score Ordering: the most surprising signal comes first, because a small anomaly rarely causes a larger one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.refusals import NO_CHANGE
from methods.answer.ties import steady
from methods.answer.types import Cell, Explanation, Family, Method, NoRanking, Outcome, Step, Table
from methods.answer.wording import counted
from methods.telemetry.matrix import SignalMatrix, halves, prepare
from methods.telemetry.surprise import LEAST_BASELINE, largest, mean_surprise

_SHOWN = 8
_NEAR = 1e-9


class ScoreOrdering(Method):
    """Score Ordering: components by how improbable their most improbable signal is, without a graph.

    Idea:
        An event with probability p rarely causes one that is much less probable than p: an effect inherits the
        probability of its cause. So if anomalies are measured as -log of a tail probability, and the causal graph is a
        polytree, the cause has the highest score or one close to it. The scores are comparable between signals of any
        unit and distribution.

    Formula:
        S(i) = mean over t >= onset of -log p_i(t), with p_i(t) the two-sided rank p-value of x_i(t) among the n samples
        before the onset (`methods.telemetry.surprise`); at most log((n + 1) / 2). A component has the score of its
        highest signal.

    Inputs:
        Metrics (T × N), each signal in any unit. The onset, with at least 10 samples before it. Gaps are left out.

    Parameters:
        None. The paper has none.

    Fails when:
        A signal drifts: memory that creeps upwards is beyond its whole past in each later sample, as improbable as an
        outage if samples were exchangeable. Several signals stay beyond all of the baseline: they reach the largest
        score and tie, the cause among them. A change of load moves every signal. The graph is no polytree: an effect of
        two anomalies may be less probable than each.

        NoRanking without an onset, without metrics, with fewer than 10 samples before the onset or none after it, and
        when no signal changes.

    Cost:
        O(N T log T).

    Reference:
        Orchard, Okati, Garrido Mejia, Blöbaum, Janzing, Root Cause Analysis of Outliers with Missing Structural
        Knowledge, NeurIPS 2025 (SCORE ORDERING; arXiv 2406.05014).

    Deviations:
        The paper scores one anomalous sample; here the score is the mean over all samples after the onset, because one
        sample of a live system is mostly noise. The paper and its public code estimate the tail by counting how many
        samples are at least as far from the median; here the rank p-value counts the new sample too, so that p is never
        0. The paper ranks variables; a component has the rank of its first signal.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.score_ordering import ScoreOrdering
        >>> ranking = ScoreOrdering().rank(slow_replica(), np.random.default_rng(0))
        >>> [(scored.component, scored.rank) for scored in ranking.components]
        [('gateway', 1), ('node', 1), ('replica-1', 1), ('replica-0', 4)]
        >>> print(ranking.explanation.steps[0].claim)
        50 samples before the onset can give a score of 3.24 at most: 4 of 9 signals stayed beyond all of them and tie
        there.
    """

    name: ClassVar[str] = "score_ordering"
    family: ClassVar[Family] = Family.BEYOND

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        parts = halves(prepare(incident), incident.onset, least_before=LEAST_BASELINE)
        if isinstance(parts, NoRanking):
            return parts
        before, after = parts
        measured = mean_surprise(before.values, after.values)
        scores = steady({k: float(s) for k, s in zip(before.keys, measured, strict=True) if np.isfinite(s)})
        if not any(scores.values()):
            return NO_CHANGE
        return caveats_for(by_signals(scores, Explanation(_steps(before, after, scores))), incident)


def _steps(before: SignalMatrix, after: SignalMatrix, scores: dict[tuple[str, str], float]) -> tuple[Step, ...]:
    order = sorted(scores, key=lambda key: (-scores[key], key))
    most = largest(before.samples)
    full = sum(score >= most - _NEAR for score in scores.values())
    start, end = float(after.times[0]), float(after.times[-1]) + after.step
    rows: list[tuple[Cell, ...]] = [(*key, scores[key], float(np.exp(-scores[key]))) for key in order[:_SHOWN]]
    best: dict[str, tuple[str, str]] = {}
    for key in order:
        best.setdefault(key[0], key)
    first = order[0]
    tied = [component for component, key in best.items() if scores[key] == scores[first]]
    if len(tied) > 1:
        claim = f"{len(tied)} components tie with {number(scores[first])}: {', '.join(tied[:4])}"
    else:
        claim = f"{' '.join(first)} has the highest score, {number(scores[first])}"
    others = [key for key in best.values() if scores[key] < scores[first]]
    if others:
        claim += f"; the next component is {others[0][0]} with {number(scores[others[0]])} ({others[0][1]})"
    return (
        Step(
            "Surprise of each signal",
            f"{counted(before.samples, 'sample')} before the onset can give a score of {number(most)} at most: "
            f"{full} of {counted(len(scores), 'signal')} stayed beyond all of them and tie there.",
            {"samples_before": before.samples, "largest": most, "at_the_largest": full, "signals": len(scores)},
            table=Table(("component", "signal", "score", "p"), tuple(rows)),
            pointers=tuple(after.pointer(key, start, end) for key in order[:3]),
        ),
        Step(
            "Order of the scores",
            f"{claim}. A less probable event is rarely the effect of a more probable one.",
            {component: scores[key] for component, key in best.items()},
            pointers=tuple(after.pointer(key, start, end) for key in best.values()),
        ),
    )
