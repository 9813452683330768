"""MedianShift: how far the median of a signal moves at the onset."""

from __future__ import annotations

import numpy as np

from cluster import Incident
from methods import (
    Explanation,
    Family,
    Method,
    NoRanking,
    Outcome,
    Step,
    prepare_matrix,
    rank_by_signals,
    split_at_onset,
)


class MedianShift(Method):
    """Ranks components by |median after - median before| / (|median before| + 1), the largest over their signals."""

    name = "median_shift"
    family = Family.METRIC

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        parts = split_at_onset(prepare_matrix(incident, fill=True), incident.onset)
        if isinstance(parts, NoRanking):
            return parts
        before, after = (np.median(part.values, axis=0) for part in parts)
        scores = dict(zip(parts[0].keys, np.abs(after - before) / (np.abs(before) + 1.0), strict=True))
        (component, signal), shift = max(scores.items(), key=lambda item: item[1])
        step = Step("The largest shift", f"{signal} of {component} moved by {shift:.3g} of its baseline.")
        return rank_by_signals(scores, Explanation((step,)))
