"""NSigma: how many standard deviations a signal leaves its baseline."""

from __future__ import annotations

import numpy as np

from cluster.incident.model import Incident
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.types import Family, Method, NoRanking, Outcome, Reason
from methods.telemetry.deviation import deviations, explain, mean_and_deviation
from methods.telemetry.matrix import halves, prepare


class NSigma(Method):
    """The n-sigma rule: the largest deviation after the onset, in standard deviations of the baseline.

    Idea: Before the onset a signal scatters around its mean with some standard deviation. A signal that the fault
        touches leaves that band further than others do. A component is as suspect as its worst signal.

    Formula: score(i) = max over t >= onset of |x_i(t) - mean_i| / sd_i, with mean_i and sd_i over t < onset.

    Inputs: metrics (T × N), each signal in any unit: the score has none; the onset. Gaps are left out.

    Parameters: none; the paper's rule has a threshold of 3, which a ranking does not need.

    Fails when: the baseline holds spikes of its own (they widen sd), a signal drifts, the cause's own signals move less
        than those of its callers, or one noisy sample decides. NoRanking without an onset, without metrics, with fewer
        than 2 samples before the onset or none from it on, and when no signal moves at all.

    Cost: O(N T).

    Reference: the 3-sigma rule, as the baseline NSigma in Li et al., Causal Inference-Based Root Cause Analysis for
        Online Service Systems with Intervention Recognition, KDD 2022.

    Deviations: the absolute deviation counts, so that a collapse (token rate, ready pods) is as suspect as a rise; the
        public code takes the signed maximum and sees no drop. Signals that were constant before the onset are kept,
        with the bounded spread that `methods.telemetry.deviation` defines; the public code drops them. The onset is the
        incident's, estimated from the SLI, where the public code is given the injection time.
    """

    name = "nsigma"
    family = Family.METRIC

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        parts = halves(prepare(incident), incident.onset)
        if isinstance(parts, NoRanking):
            return parts
        found = deviations(*parts, mean_and_deviation)
        scores = found.by_signal()
        if not any(scores.values()):
            return NoRanking(Reason.NOT_APPLICABLE, "no signal changes after the onset")
        return caveats_for(by_signals(scores, explain(incident, found, centre="mean", spread="sd")), incident)
