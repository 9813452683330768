"""Dummy: a random ranking, the baseline that every other method must beat."""

from __future__ import annotations

import numpy as np

from cluster.incident.model import Incident
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.types import Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.telemetry.matrix import prepare


class Dummy(Method):
    """Random order of the signals: the baseline that every other method must beat.

    Idea:
        The method draws a random order of the signals, and a component gets the rank of its first signal. It reads no
        value. The difference between its accuracy and that of another method is what the other method gains from the
        telemetry.

    Formula:
        score(i) = (N - position(i)) / N, with position(i) of signal i in a uniformly random permutation.

    Inputs:
        The columns of the metrics (T × N). Values only decide whether a column is empty.

    Parameters:
        None.

    Fails when:
        Always: the ranking has no evidence. A component with many signals is first more often than one with few.

        NoRanking without metrics.

    Cost:
        O(N), plus reading the metrics.

    Reference:
        The random baseline of the study: Scheinert et al., ICPE Companion 2026.

    Deviations:
        The permutation comes from `rng` and is over columns in the order of their content, so a seed gives one answer
        whatever the names of the columns. The public code uses an unseeded global generator.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.dummy import Dummy
        >>> ranking = Dummy().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-0', 'replica-1', 'gateway', 'node']
        >>> print(ranking.explanation.steps[0].claim)
        replica-0 is first because its cpu_usage was drawn first of 9 signals. No value was read.
    """

    name = "dummy"
    family = Family.METRIC

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        matrix = prepare(incident)
        if not matrix.signals:
            return NoRanking(Reason.NOT_APPLICABLE, "the incident has no metrics")
        order = rng.permutation(matrix.signals)
        n = matrix.signals
        scores = {matrix.keys[int(i)]: (n - position) / n for position, i in enumerate(order)}
        first = matrix.keys[int(order[0])]
        step = Step(
            title="Random draw",
            claim=f"{first[0]} is first because its {first[1]} was drawn first of {n} signals. No value was read.",
            numbers={"signals": n},
            table=Table(
                ("draw", "component", "signal"), tuple((k + 1, *matrix.keys[int(i)]) for k, i in enumerate(order[:8]))
            ),
            pointers=(matrix.pointer(first, incident.window.start, incident.window.end),),
        )
        return caveats_for(by_signals(scores, Explanation((step,))), incident, onset_used=False)
