"""BARO's RobustScorer: the largest deviation after the onset, in interquartile ranges."""

from __future__ import annotations

import numpy as np

from cluster.incident.model import Incident
from methods.answer.types import Family, Method, Outcome
from methods.telemetry.deviation import ROBUST, rank_by_deviation


class Baro(Method):
    """BARO's RobustScorer: the largest deviation after the onset, in interquartile ranges around the median.

    Idea:
        Median and interquartile range (IQR) describe a baseline with spikes better than mean and standard deviation.
        They also change less when the onset is estimated late and the baseline contains some of the fault. Each signal
        is scaled by them, and its largest value after the onset is its score. BARO finds the onset by multivariate
        Bayesian online change-point detection.

    Formula:
        score(i) = max over t >= onset of |x_i(t) - median_i| / spread_i, with median_i and IQR_i = Q75 - Q25 over t <
        onset. spread_i = max(IQR_i, 1.349 · 0.1 |median_i|, 1.349 · largest_i / 3), where largest_i is the largest
        |x_i(t) - median_i| over t < onset. A signal with one value in more than half of the baseline is scored by how
        often it leaves that value (`methods.telemetry.departures`), in IQRs of a normal distribution.

    Inputs:
        Metrics (T × N), each signal in any unit: the score has none. The onset. Gaps are left out.

    Parameters:
        None. The quantiles 25 and 75 are the paper's.

    Fails when:
        The onset is estimated late: the samples of the fault in the baseline widen the spread. A signal drifts. The
        cause's own signals change less than those of its callers.

        NoRanking without an onset, without metrics, with fewer than 2 samples before the onset or none after it, and
        when no signal changes.

    Cost:
        O(N T log T) for the quantiles.

    Reference:
        Pham, Ha, Zhang, BARO: Robust Root Cause Analysis for Microservices via Multivariate Bayesian Online Change
        Point Detection, FSE 2024.

    Deviations:
        Each is measured on the page "Onset and deviation". The absolute deviation counts, so that drops are seen; the
        public code takes the signed maximum. The spread is at least a tenth of the signal's level, in standard
        deviations, and the largest deviation of the baseline is three of them at most: an IQR says nothing about the
        tails of a signal. Where the IQR is 0, departures from the usual value are counted. The public code sets such an
        IQR to 1, so that the score is the raw value and bytes beat seconds, and drops constants. Change points are
        detected in `methods.telemetry.onset`, for all methods; the public code gets the injection time.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.baro import Baro
        >>> ranking = Baro().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'node', 'replica-0']
        >>> print(ranking.explanation.steps[1].claim)
        replica-1 cpu_usage reached 1.38 cores 38 s after the onset: 13.4 times the least IQR that counts (0.0665 cores;
        it was 0.0549 cores) above its median of 0.493 cores.
    """

    name = "baro"
    family = Family.METRIC

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        return rank_by_deviation(incident, ROBUST)
