"""CIRCA: regresses each signal on its causal parents; the cause is where the regression breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cluster.incident.model import Incident
from cluster.text.quantities import number
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.types import Cell, Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted
from methods.graph.discovery import MOST_TESTED
from methods.graph.mixed import as_graph
from methods.graph.pc import Cpdag, pc
from methods.graph.screening import screen, why_unranked
from methods.graph.skeleton import TooManyTests
from methods.telemetry.departures import departures
from methods.telemetry.deviation import LEAST
from methods.telemetry.matrix import Floats, SignalMatrix, halves, prepare

_SHOWN = 8


class Circa(Method):
    """CIRCA: residuals of each signal given its causal parents, adjusted for descendants.

    Idea:
        A fault is an intervention: it changes how a signal depends on its causal parents, while signals further down
        keep their dependence. So each signal is regressed on its parents before the onset. A large residual after the
        onset marks the fault, however small the change of the signal itself. Of two abnormal signals, the one with
        abnormal descendants is preferred.

    Formula:
        r_i = x_i - (a + b · parents(i)), fitted before the onset; s_i = max over t >= onset of |r_i(t)| / max(sd_i, 0.1
        |median_i|). A signal with one value in more than half of the baseline has no residuals to speak of: its s_i
        counts how often it leaves that value (`methods.telemetry.departures`).
        Adjusted: s_i + max of s_j over the nearest descendants j of i with s_j >= threshold, if s_i >= threshold too.

    Inputs:
        Metrics (T × N), each signal in any unit. The onset, with at least 10 samples before it. Gaps are filled with
        the last value or the median. Of more than 250 signals, those that changed most (`methods.graph.screening`).

    Parameters:
        alpha: level of the independence tests of the graph search, 0.05.
        threshold: of an abnormal residual in standard deviations, 3.

    Fails when:
        The graph is wrong: an effect taken for a parent explains the fault away. Without directed edges (see the
        example) the score is that of the n-sigma rule. Short baselines with many parents overfit: then every residual
        after the onset looks large.

        NoRanking without an onset, and with fewer than 10 samples before it.

    Cost:
        The PC search (`methods.graph.skeleton`) and N regressions of O(T parents²).

    Reference:
        Li et al., Causal Inference-Based Root Cause Analysis for Online Service Systems with Intervention Recognition,
        KDD 2022.

    Deviations:
        The paper draws its graph from the architecture and the meaning of each metric. Signals of an unknown stack have
        no known meaning, so PC searches the graph here, as in the study. The public code regresses on causal children
        by a reversed graph, skips the adjustment for descendants, drops columns whose names have three parts and nodes
        without an edge, and assumes a step of 1 s. Here the regression is on parents (directed edges only; those that
        two colliders direct both ways are bidirected, and are not used), and all samples before the onset are training
        data. The least spread and the count of departures are ours, too: the public code divides by whatever spread a
        near-constant signal has.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.circa import Circa
        >>> ranking = Circa().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'node', 'replica-0']
        >>> print(ranking.explanation.steps[0].claim)
        PC finds 0 directed edges between 9 signals (alpha 0.05); undirected edges are not used.
    """

    name: ClassVar[str] = "circa"
    family: ClassVar[Family] = Family.METRIC

    def __init__(self, alpha: float = 0.05, threshold: float = 3.0) -> None:
        self.alpha = alpha
        self.threshold = threshold

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        chosen, screened = screen(prepare(incident, fill=True).varying(), incident, MOST_TESTED)
        matrix, twins = chosen.unique()
        sides = halves(matrix, incident.onset, least_before=10)
        if isinstance(sides, NoRanking):
            return sides
        before = sides[0].samples
        values = matrix.standardized()
        try:
            correlation = np.atleast_2d(values.T @ values / matrix.samples)
            graph = pc(correlation, matrix.samples, self.alpha)
        except TooManyTests as beyond:
            return NoRanking(Reason.NOT_APPLICABLE, str(beyond))
        residuals = _residuals(values, before, graph.parents, _least(matrix.values, values, before))
        descendants = _nearest_abnormal(graph.parents, residuals.scores, self.threshold)
        added = np.array([max((residuals.scores[j] for j in below), default=0.0) for below in descendants])
        added[residuals.scores < self.threshold] = 0.0
        adjusted = residuals.scores + added
        scores = {twin: float(s) for s, group in zip(adjusted, twins, strict=True) for twin in group}
        steps = self._steps(matrix, sides[1], graph, correlation, residuals, added)
        left_out = () if screened is None else (screened.step(),)
        outcome = by_signals(scores, Explanation(left_out + steps))
        return caveats_for(outcome, incident, unranked_as=why_unranked("", screened))

    def _steps(
        self,
        matrix: SignalMatrix,
        after: SignalMatrix,
        graph: Cpdag,
        correlation: Floats,
        residuals: _Residuals,
        added: Floats,
    ) -> tuple[Step, ...]:
        names = [f"{component}:{signal}" for component, signal in matrix.keys]
        adjusted = residuals.scores + added
        order = np.argsort(-adjusted, kind="stable")[:_SHOWN]
        edges = int(np.count_nonzero(graph.parents))
        abnormal = int(np.count_nonzero(residuals.scores >= self.threshold))
        rows: list[tuple[Cell, ...]] = [
            (
                *matrix.keys[i],
                float(residuals.scores[i]),
                float(added[i]),
                float(adjusted[i]),
                int(graph.parents[:, i].sum()),
            )
            for i in order
        ]
        steps = [
            Step(
                "Causal graph",
                f"PC finds {counted(edges, 'directed edge')} between {matrix.signals} signals (alpha {self.alpha}); "
                f"undirected edges are not used.",
                {"edges": float(edges), "signals": float(matrix.signals)},
                graph=as_graph(graph.marks, names, np.abs(correlation), adjusted),
            ),
            Step(
                "Residuals after the onset",
                f"{abnormal} of {matrix.signals} signals deviate from the prediction of their causal parents by "
                f"{self.threshold:g} standard deviations or more.",
                {"abnormal": float(abnormal), "threshold": self.threshold},
                table=Table(("component", "signal", "residual z", "from descendants", "score", "parents"), tuple(rows)),
            ),
        ]
        start, end = float(after.times[0]), float(after.times[-1]) + after.step
        for i in order:
            parents = [names[j] for j in np.nonzero(graph.parents[:, i])[0]]
            basis = (
                f"given {', '.join(parents[:3])}{' and others' if len(parents) > 3 else ''}"
                if parents
                else ("from its own mean: it has no causal parent")
            )
            size = f"Largest residual {number(float(residuals.scores[i]))} standard deviations, {basis}"
            if residuals.spread[i] == 0:
                size = (
                    f"It left its usual value, as unusual as {number(float(residuals.scores[i]))} standard deviations"
                )
            steps.append(
                Step(
                    f"{matrix.keys[i][1]} of {matrix.keys[i][0]}",
                    size
                    + (
                        f"; plus {number(float(added[i]))} for its most abnormal descendant: score "
                        f"{number(float(adjusted[i]))}."
                        if added[i]
                        else "."
                    ),
                    {
                        "z": float(residuals.scores[i]),
                        "descendant": float(added[i]),
                        "score": float(adjusted[i]),
                        "sd": float(residuals.spread[i]),
                    },
                    pointers=(matrix.pointer(matrix.keys[i], start, end),),
                )
            )
        return tuple(steps)


@dataclass(frozen=True, slots=True)
class _Residuals:
    """(N,) each: largest |z| after the onset, and the standard deviation of the residual before it (standardised).

    A signal that left its usual value has its score from `methods.telemetry.departures` and a spread of 0.
    """

    scores: Floats
    spread: Floats


def _least(raw: Floats, values: Floats, before: int) -> Floats:
    """(N,) `LEAST` of each signal's level before the onset, in units of its standardised column; none is constant."""
    return np.asarray(LEAST * np.abs(np.median(raw[:before], axis=0)) * np.ptp(values, axis=0) / np.ptp(raw, axis=0))


def _residuals(values: Floats, before: int, parents: NDArray[np.bool_], least: Floats) -> _Residuals:
    """Regress each column on its parents over the first `before` rows, and score the rest.

    A signal with more parents than half the training rows is scored against its own mean: the fit would be arbitrary.
    A signal with one usual value has no residuals to speak of: what counts is how often it leaves that value. `least`
    (N,) is the least standard deviation of a residual.
    """
    count = values.shape[1]
    left = departures(values[:before], values[before:])
    scores, spread = np.where(left.still, left.scores, 0.0), np.zeros(count)
    for i in np.flatnonzero(~left.still):
        chosen = np.nonzero(parents[:, i])[0]
        if len(chosen) > before // 2:
            chosen = chosen[:0]
        design = np.column_stack([np.ones(len(values)), values[:, chosen]])
        weights = np.linalg.lstsq(design[:before], values[:before, i], rcond=None)[0]
        residual = values[:, i] - design @ weights
        # Unbiased: a fit with many parents must not shrink the spread that its residuals are compared with.
        free = max(before - 1 - len(chosen), 1)
        spread[i] = np.sqrt((residual[:before] ** 2).sum() / free)
        spread[i] = max(spread[i], float(least[i]))
        largest = np.abs(residual[before:]).max()
        scores[i] = largest / spread[i] if spread[i] > 1e-12 else 0.0
    return _Residuals(scores, spread)


def _nearest_abnormal(parents: NDArray[np.bool_], scores: Floats, threshold: float) -> list[set[int]]:
    """For each node the abnormal descendants that are reached through normal nodes only, without the node itself."""
    children = [np.nonzero(row)[0].tolist() for row in parents]
    found: list[set[int]] = []
    for start in range(len(scores)):
        reached: set[int] = set()
        seen, waiting = {start}, list(children[start])
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            if scores[node] >= threshold:
                reached.add(node)
            else:
                waiting.extend(children[node])
        found.append(reached)
    return found
