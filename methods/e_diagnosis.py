"""ε-Diagnosis: signals whose distribution changes at the onset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cluster.incident.model import Incident
from cluster.text.quantities import number, quantity
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.types import Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted, unit_of
from methods.telemetry.matrix import Floats, SignalMatrix, halves, prepare

_SHOWN = 10
_TABLE_SIZE = 12

_UNRANKED = "the test finds no change in any signal of theirs"


class EDiagnosis(Method):
    """ε-Diagnosis: a two-sample test of every signal by energy statistics.

    Idea:
        During a short period of long-tail latency, the signals of the faulty part have another distribution than just
        before. The energy statistic measures the difference between two samples of any distribution. A permutation test
        says whether chance explains it. Only signals that pass the test are blamed.

    Formula:
        E = 2 E|X - Y| - E|X - X'| - E|Y - Y'| = 2 ∫ (F - G)² dx for the samples X before and Y after the onset, with
        their empirical distributions F and G. Score: H = E / (2 E|X - Y|), 0 for equal distributions, 1 for different
        constants. p = (1 + #{permutations with E* >= E}) / (1 + permutations).

    Inputs:
        Metrics (T × N), each signal in any unit: H has none. The onset, with at least 5 samples on each side.

    Parameters:
        alpha: significance level, 0.01 as in the paper's experiments.
        permutations: of the test, 199; the paper bootstraps its threshold with 200 replicates.

    Fails when:
        Neighbouring samples depend on each other: permutations then vary too little, and too many signals pass. A
        change of the load changes every distribution, and everything passes with a similar score.

        NoRanking without an onset, with fewer than 5 samples on one side of it, and when no signal passes.

    Cost:
        O(N T (log T + permutations)).

    Reference:
        Shan et al., ε-Diagnosis: Unsupervised and Real-time Diagnosis of Small-window Long-tail Latency in Large-scale
        Microservice Platforms, WWW 2019. Energy statistics: Székely & Rizzo, Journal of Statistical Planning and
        Inference, 2013.

    Deviations:
        The public code correlates the two halves of a signal, which pairs unrelated points in time. It takes one
        threshold for each bootstrap replicate, assigns it to a column by position, and keeps three signals. Here the
        two samples are tested as in the paper, and all signals that pass are ranked.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.e_diagnosis import EDiagnosis
        >>> ranking = EDiagnosis().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'node']
        >>> print(ranking.explanation.steps[1].claim)
        H = 0.914, p = 0.005: the median changes from 0.493 cores to 1.2 cores.
    """

    name: ClassVar[str] = "e_diagnosis"
    family: ClassVar[Family] = Family.METRIC

    def __init__(self, alpha: float = 0.01, permutations: int = 199) -> None:
        self.alpha = alpha
        self.permutations = permutations

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        matrix = prepare(incident, fill=True)
        sides = halves(matrix, incident.onset, least_before=5, least_after=5)
        if isinstance(sides, NoRanking):
            return sides
        before, after = sides
        late = np.zeros(matrix.samples, dtype=bool)
        late[before.samples :] = True
        draws = rng.permuted(np.tile(late, (self.permutations, 1)), axis=1)
        inhomogeneity, p_values = _energy_tests(matrix.values, late, draws)
        passed = p_values <= self.alpha
        if not passed.any():
            least = number(float(p_values.min(initial=1.0)))
            return NoRanking(
                Reason.NOT_APPLICABLE, f"no distribution changes at the onset (alpha {self.alpha}, smallest p {least})"
            )
        scores = {key: float(h) for key, h, ok in zip(matrix.keys, inhomogeneity, passed, strict=True) if ok}
        explanation = Explanation(self._steps(before, after, inhomogeneity, p_values, passed, incident.telemetry.units))
        return caveats_for(by_signals(scores, explanation), incident, unranked_as=_UNRANKED)

    def _steps(
        self,
        before: SignalMatrix,
        after: SignalMatrix,
        inhomogeneity: Floats,
        p_values: Floats,
        passed: NDArray[np.bool_],
        units: Mapping[str, str],
    ) -> tuple[Step, ...]:
        start, end = float(after.times[0]), float(after.times[-1])
        order = np.lexsort((p_values, -inhomogeneity))
        listed = [i for i in order if passed[i]]
        screening = Step(
            "Two-sample tests",
            f"{int(passed.sum())} of {after.signals} signals have another distribution in the "
            f"{counted(after.samples, 'sample')} after the onset than in the {before.samples} before it "
            f"(permutation test, alpha {self.alpha}).",
            {"tested": float(after.signals), "passed": float(passed.sum()), "alpha": self.alpha},
            table=Table(
                ("component", "signal", "H", "p"),
                tuple((*after.keys[i], float(inhomogeneity[i]), float(p_values[i])) for i in listed[:_TABLE_SIZE]),
            ),
        )
        steps = [screening]
        for i in listed[:_SHOWN]:
            component, signal = after.keys[i]
            low, high = float(np.median(before.values[:, i])), float(np.median(after.values[:, i]))
            unit = unit_of(units, signal)
            steps.append(
                Step(
                    f"{signal} of {component}",
                    f"H = {number(float(inhomogeneity[i]))}, p = {number(float(p_values[i]))}: "
                    f"the median changes from {quantity(low, unit)} to {quantity(high, unit)}.",
                    {"H": float(inhomogeneity[i]), "p": float(p_values[i])},
                    {"median before": low, "median after": high},
                    units={"median before": unit, "median after": unit},
                    pointers=(after.pointer(after.keys[i], start, end),),
                )
            )
        return tuple(steps)


def _energy_tests(values: Floats, late: NDArray[np.bool_], draws: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(N,) coefficients of inhomogeneity and permutation p-values; a constant signal gets 0 and 1."""
    signals = values.shape[1]
    inhomogeneity, p_values = np.zeros(signals), np.ones(signals)
    labels = np.vstack([late, draws])
    many, few = int(late.sum()), int((~late).sum())
    for column in range(signals):
        order = np.argsort(values[:, column], kind="stable")
        gaps = np.diff(values[order, column])
        if not (gaps > 0).any():
            continue
        gaps = gaps / gaps.sum()
        after = np.cumsum(labels[:, order], axis=1)[:, :-1] / many
        before = np.cumsum(~labels[:, order], axis=1)[:, :-1] / few
        energy = 2.0 * ((before - after) ** 2 @ gaps)
        across = float((before[0] * (1 - after[0]) + after[0] * (1 - before[0])) @ gaps)
        inhomogeneity[column] = energy[0] / (2.0 * across) if across > 0 else 0.0
        # Equally extreme permutations count, in spite of rounding.
        p_values[column] = (1 + np.sum(energy[1:] >= energy[0] * (1 - 1e-12))) / len(labels)
    return inhomogeneity, p_values
