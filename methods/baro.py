"""BARO: robust deviation scores (RobustScorer)."""

from __future__ import annotations

import numpy as np

from cluster.incident.model import Incident
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.types import Family, Method, NoRanking, Outcome, Reason
from methods.telemetry.deviation import deviations, explain, median_and_range
from methods.telemetry.matrix import halves, prepare


class Baro(Method):
    """BARO's RobustScorer: the largest deviation after the onset, in interquartile ranges around the median.

    Idea: Median and interquartile range describe a baseline that holds spikes better than mean and standard deviation
        do, and suffer less when the onset is estimated late and the baseline holds a piece of the fault. Each signal is
        scaled by them, and its largest value after the onset is its score. The onset comes from multivariate Bayesian
        online change-point detection.

    Formula: score(i) = max over t >= onset of |x_i(t) - median_i| / IQR_i, with median_i and IQR_i = Q75 - Q25 over
        t < onset.

    Inputs: metrics (T × N), each signal in any unit: the score has none; the onset. Gaps are left out.

    Parameters: none; quantiles 25 and 75 are the paper's.

    Fails when: a signal is nearly always one value (an IQR of 0 says nothing of its noise), a signal drifts, or the
        cause's own signals move less than those of its callers. NoRanking without an onset, without metrics, with fewer
        than 2 samples before the onset or none from it on, and when no signal moves at all.

    Cost: O(N T log T) for the quantiles.

    Reference: Pham, Ha, Zhang, BARO: Robust Root Cause Analysis for Microservices via Multivariate Bayesian Online
        Change Point Detection, FSE 2024.

    Deviations: the absolute deviation counts, so that drops are seen; the public code takes the signed maximum. Where
        the IQR is 0 though the signal moved, 1.349 standard deviations stand for it; where the signal was constant, the
        bounded spread of `methods.telemetry.deviation` does. The public code sets such an IQR to 1, which makes the
        score the raw value, so that bytes beat seconds, and drops constants. The change-point detection is
        `methods.telemetry.onset`, shared by all methods and fed the SLI alone; the public code is given the injection
        time.
    """

    name = "baro"
    family = Family.METRIC

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        parts = halves(prepare(incident), incident.onset)
        if isinstance(parts, NoRanking):
            return parts
        found = deviations(*parts, median_and_range)
        scores = found.by_signal()
        if not any(scores.values()):
            return NoRanking(Reason.NOT_APPLICABLE, "no signal changes after the onset")
        return caveats_for(by_signals(scores, explain(incident, found, centre="median", spread="IQR")), incident)
