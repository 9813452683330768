"""CausalRCA: a causal graph learnt by gradient descent, then PageRank from effects to causes."""

from __future__ import annotations

import bisect
from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.types import Explanation, Family, Graph, GraphEdge, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted
from methods.graph.dag_gnn import Fit, Schedule, fit
from methods.graph.pagerank import pagerank
from methods.graph.screening import screen, why_unranked
from methods.telemetry.matrix import Floats, SignalMatrix, prepare

_EDGES_SHOWN = 40
_SIGNALS_SHOWN = 8
# Seconds of one epoch on one core: for each sample of each signal, and for each multiplication of a matrix product.
_PER_VALUE = 1.4e-8
_PER_PRODUCT = 4e-11
_USUAL_STEPS = 24


class CausalRca(Method):
    """CausalRCA: DAG-GNN over all signals, then PageRank from effects to causes.

    Idea:
        A structural autoencoder learns to reproduce the signals through a weighted graph, which training makes acyclic.
        Edges with a large weight are taken as causal. PageRank follows them from effects to causes, so it is large
        where the fault started.

    Formula:
        Z = (I - Aᵀ) f1(X), X' = f2((I - Aᵀ)⁻¹ Z). Training minimises |X - X'|²/2T + |Z|²/2T + 100 tr(A∘A) + λ h(A) + c
        h(A)²/2 with h(A) = tr((I + A∘A/N)^N) - N, which is 0 for an acyclic A. Edges: |A_ij| >= threshold, i cause of
        j. Score: PageRank on the edges j → i weighted by |A_ij|.

    Inputs:
        Metrics (T × N), standardised. No onset. At least 10 samples and 2 varying signals. Of more signals than can be
        learnt in `most_seconds`, those that changed most (`methods.graph.screening`).

    Parameters:
        threshold: smallest weight of an edge, 0.3.
        damping: of PageRank, 0.85.
        outer_steps: of the augmented Lagrangian, at most 100.
        epochs: of each inner minimisation, 500.
        most_seconds: limit of the estimated run time [s], 20: where all signals would take longer, those that changed
            most are learnt.

    Fails when:
        Samples are few for the number of signals: the graph fits noise, and two runs with different initial weights
        differ. The direction of edges is not identified: standardised signals fit as well the other way round, and in
        chains of three signals 2 of 6 came out right. Signals of one component are near copies: the edges between them
        take the weight.

        NoRanking with too few samples or signals, when no edge reaches the threshold, and NOT_CONVERGED when the graph
        is still cyclic.

    Cost:
        About 12,000 epochs of O(T N + T N² + N³ log N): 8 s for 78 signals × 241 samples on one core. `rng` draws the
        initial weights.

    Reference:
        Xin, Chen, Zhao, CausalRCA: Causal inference based precise fine-grained root cause localization for microservice
        applications, Journal of Systems and Software 203, 2023. DAG-GNN: Yu, Chen, Gao, Yu, ICML 2019.

    Deviations:
        The study's code transposes the adjacency twice, so its PageRank flows from cause to effect. It divides by the
        maximum of a column (0 or negative for some), never applies its seed, and returns the order of columns for an
        empty graph. Here PageRank flows from effect to cause, signals are standardised, and an empty graph gives
        NoRanking. Identical signals are learnt once and share their score.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.causalrca import CausalRca
        >>> ranking = CausalRca().rank(slow_replica(), np.random.default_rng(0))
        >>> ranking.components[0].component
        'replica-1'
        >>> print(ranking.explanation.steps[1].claim)  # doctest: +ELLIPSIS
        replica-1:latency_p90 has a PageRank of 0.2...; an even share is 0.111.
    """

    name: ClassVar[str] = "causalrca"
    family: ClassVar[Family] = Family.METRIC

    def __init__(
        self,
        threshold: float = 0.3,
        damping: float = 0.85,
        outer_steps: int = 100,
        epochs: int = 500,
        most_seconds: float = 20.0,
    ) -> None:
        self.threshold = threshold
        self.damping = damping
        self.schedule = Schedule(outer_steps=outer_steps, epochs=epochs)
        self.most_seconds = most_seconds

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        varying = prepare(incident, fill=True).varying()
        chosen, screened = screen(varying, incident, self._most(varying.samples))
        matrix, twins = chosen.unique()
        if matrix.signals < 2 or matrix.samples < 10:
            return NoRanking(
                Reason.NOT_APPLICABLE,
                f"at least 2 varying signals and 10 samples are needed, the incident has {matrix.signals} and "
                f"{matrix.samples}",
            )
        learned = fit(matrix.standardized(), rng, self.schedule)
        if not learned.converged:
            return NoRanking(
                Reason.NOT_CONVERGED,
                f"the graph is still cyclic after {learned.epochs} epochs (h = {number(learned.acyclicity)})",
            )
        weights = np.where(np.abs(learned.adjacency) >= self.threshold, np.abs(learned.adjacency), 0.0)
        np.fill_diagonal(weights, 0.0)
        if not weights.any():
            return NoRanking(Reason.NOT_APPLICABLE, f"no edge of the learned graph weighs {self.threshold} or more")
        mass = pagerank(weights.T, damping=self.damping)
        scores = {twin: float(m) for m, group in zip(mass, twins, strict=True) for twin in group}
        left_out = () if screened is None else (screened.step(),)
        outcome = by_signals(scores, Explanation(left_out + self._steps(matrix, learned, weights, mass)))
        return caveats_for(outcome, incident, onset_used=False, unranked_as=why_unranked("", screened))

    def _most(self, samples: int) -> int:
        """As many signals as can be learnt in `most_seconds`, at least 2."""
        return bisect.bisect_right(range(3, 10_000), self.most_seconds, key=lambda n: self._estimate(samples, n)) + 2

    def _estimate(self, samples: int, signals: int) -> float:
        """Approximate seconds of training on one core."""
        products = 3 * samples * signals**2 + 12 * signals**3
        return _USUAL_STEPS * self.schedule.epochs * (_PER_VALUE * samples * signals + _PER_PRODUCT * products)

    def _steps(self, matrix: SignalMatrix, learned: Fit, weights: Floats, mass: Floats) -> tuple[Step, ...]:
        names = [f"{component}:{signal}" for component, signal in matrix.keys]
        causes, effects = np.nonzero(weights)
        heavy = np.argsort(-weights[causes, effects])[:_EDGES_SHOWN]
        pairs = [(causes[e], effects[e]) for e in heavy]
        edges = tuple(GraphEdge(names[i], names[j], float(learned.adjacency[i, j])) for i, j in pairs)
        nodes = tuple(sorted({edge.cause for edge in edges} | {edge.effect for edge in edges}))
        order = np.argsort(-mass, kind="stable")[:_SIGNALS_SHOWN]
        steps = [
            Step(
                "Learned graph",
                f"{len(causes)} edges between {matrix.signals} signals weigh {self.threshold} or more after "
                f"{counted(learned.epochs, 'epoch')}. The graph is acyclic: h = {number(learned.acyclicity)}.",
                {
                    "edges": float(len(causes)),
                    "epochs": float(learned.epochs),
                    "h": learned.acyclicity,
                    "loss": learned.loss,
                },
                graph=Graph(nodes, edges),
            ),
            Step(
                "PageRank from effect to cause",
                f"{names[order[0]]} has a PageRank of {number(float(mass[order[0]]))}; an even share is "
                f"{number(1 / len(mass))}.",
                {"even share": 1 / len(mass)},
                table=Table(
                    ("component", "signal", "PageRank"), tuple((*matrix.keys[i], float(mass[i])) for i in order)
                ),
            ),
        ]
        start, end = float(matrix.times[0]), float(matrix.times[-1])
        for i in order:
            below = np.argsort(-weights[i])[:3]
            acted_on = [names[j] for j in below if weights[i, j] > 0]
            steps.append(
                Step(
                    f"{matrix.keys[i][1]} of {matrix.keys[i][0]}",
                    f"PageRank {number(float(mass[i]))}; "
                    + (f"it is a cause of {', '.join(acted_on)}." if acted_on else "it is a cause of no other signal."),
                    {"PageRank": float(mass[i]), "effects": float(np.count_nonzero(weights[i]))},
                    pointers=(matrix.pointer(matrix.keys[i], start, end),),
                )
            )
        return tuple(steps)
