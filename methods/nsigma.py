"""NSigma: the largest deviation after the onset, in standard deviations of the baseline."""

from __future__ import annotations

import numpy as np

from cluster.incident.model import Incident
from methods.answer.types import Family, Method, Outcome
from methods.telemetry.deviation import SIGMA, rank_by_deviation


class NSigma(Method):
    """The n-sigma rule: the largest deviation after the onset, in standard deviations of the baseline.

    Idea:
        Before the onset a signal varies around its mean with some standard deviation. Signals that the fault affects
        deviate by many of them. A component is as suspect as its worst signal.

    Formula:
        score(i) = max over t >= onset of |x_i(t) - mean_i| / max(sd_i, 0.1 |mean_i|), with mean_i and sd_i over t <
        onset. A signal with one value in more than half of the baseline is scored by how often it leaves that value
        (`methods.telemetry.departures`), in standard deviations as well.

    Inputs:
        Metrics (T × N), each signal in any unit: the score has none. The onset. Gaps are left out.

    Parameters:
        None. The paper's rule has a threshold of 3, which a ranking does not need.

    Fails when:
        The baseline has spikes (they increase sd), or a signal drifts. The cause's own signals change less than those
        of its callers: a steady rate that falls to zero falls by 10 least spreads, while the latency of those who wait
        has no bound. One noisy sample decides.

        NoRanking without an onset, without metrics, with fewer than 2 samples before the onset or none after it, and
        when no signal changes.

    Cost:
        O(N T).

    Reference:
        The 3-sigma rule, as the baseline NSigma in Li et al., Causal Inference-Based Root Cause Analysis for Online
        Service Systems with Intervention Recognition, KDD 2022.

    Deviations:
        Each is measured on the page "Onset and deviation". The absolute deviation counts, so that a drop (token rate,
        ready pods) is as suspect as a rise; the public code takes the signed maximum. The spread is at least a tenth of
        the signal's level, because a steady request rate has hardly any. Signals that were constant before the onset
        are kept, and a blip in them decides nothing; the public code drops the constants and divides by the blip. The
        onset is estimated; the public code gets the injection time.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.nsigma import NSigma
        >>> ranking = NSigma().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'node', 'replica-0']
        >>> print(ranking.explanation.steps[1].claim)
        replica-1 cpu_usage reached 1.38 cores 38 s after the onset: 18.1 times the least sd that counts (0.0492 cores;
        it was 0.0375 cores) above its mean of 0.492 cores.
    """

    name = "nsigma"
    family = Family.METRIC

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        return rank_by_deviation(incident, SIGMA)
