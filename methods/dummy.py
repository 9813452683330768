"""Dummy: the guess that every method must beat."""

from __future__ import annotations

import numpy as np

from cluster.incident.model import Incident
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.types import Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.telemetry.matrix import prepare


class Dummy(Method):
    """Guesses: a random order of the signals.

    Idea: The signals are put into an order drawn at random, and a component stands where its first signal stands. It
        looks at no value. What a method scores above this is what it has learnt from the telemetry.

    Formula: score(i) = (N - position(i)) / N, the position being that of signal i in a uniformly random permutation.

    Inputs: the columns of the metrics (T × N); their values only decide that a column is not empty.

    Parameters: none.

    Fails when: always, in the sense of an answer. A component with many signals is guessed more often than one with
        few. NoRanking when there are no metrics.

    Cost: O(N) besides reading the metrics.

    Reference: none; the random baseline of the study (Scheinert et al., ICPE Companion 2026).

    Deviations: the permutation is drawn from the given generator over columns that are ordered by content, so that a
        seed gives one answer whatever the columns are called; the public code draws from an unseeded global generator.
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
        return caveats_for(by_signals(scores, Explanation((step,))), incident)
