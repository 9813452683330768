"""IDI: a cause is anomalous without an anomalous parent, and repairing it would repair the front door."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number
from cluster.text.times import clock_time
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.ties import steady
from methods.answer.types import Cell, Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted
from methods.telemetry.call_nodes import CallNodes, call_nodes
from methods.telemetry.matrix import Floats

_FLOOR = 0.05
_LEAST_BEFORE = 10
_SHOWN = 12


class Idi(Method):
    """IDI (in-distribution interventions): anomalous components by how much their repair would help the front door.

    Idea:
        A cause meets two conditions. Anomaly: it is anomalous and none of its causal parents is. Fix: had it had its
        usual value, the front door would not be anomalous. The fix is computed by a model of normal operation that is
        only asked about normal values: the repaired component and all that depends on it get values that the model has
        seen, instead of a counterfactual with the noise of the anomaly.

    Formula:
        z(c) = |latency - mean| / sd at the sample at which z of the front door is largest. Candidates:
        z(c) >= threshold and z(p) < threshold for all callees p. Each latency is a linear function of the latencies of
        its callees plus noise, fitted before the onset. score(c) = z(front door) - mean of z(front door) after c is set
        to its predicted value and every component that depends on c is computed anew, with noise from the residuals.

    Inputs:
        Latency of calls (T × E edges), in any unit, or where none is measured, what components report; topology with
        calls and front door. The onset, with at least 10 samples before it.

    Parameters:
        threshold: of an anomaly in standard deviations, 5 as in the paper's experiments on cloud services; its
            synthetic ones have 2.
        draws: noise samples, 100; not in the paper, whose code draws one.

    Fails when:
        A fault is not in the latency: a component that answers nothing has none. The cause stays below the threshold,
        or one callee of it is above by chance. A caller's latency is no linear function of its callees' (a 90th
        percentile is not). Two callees move together before the onset: the fit cannot tell whose repair helps.

        NoRanking without a front door, an onset or latencies of calls, with fewer than 10 samples before the onset,
        when calls form a circle, and when no component is a candidate.

    Cost:
        C least-squares fits of O(T P²) for P callees, and C² draws.

    Reference:
        Nagalapatti, Srivastava, Sarawagi, Sharma, Robust Root Cause Diagnosis using In-Distribution Interventions, ICLR
        2025 (arXiv 2505.00930).

    Deviations:
        The score of the paper's experiments with a single cause; its Shapley values for several causes are left out.
        The public code does not require that a candidate is anomalous itself, and never ranks the front door; the text
        of the paper is followed for the first, and the front door is a candidate like any other. Scores of 0 and less
        are ranked too. The causal graph is the call graph, as in the paper's experiments on cloud services.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.idi import Idi
        >>> ranking = Idi().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1']
        >>> print(ranking.explanation.steps[1].claim)
        With the latency of replica-1 as usual, that of gateway would be 0.594 instead of 14.7 standard deviations off.
    """

    name: ClassVar[str] = "idi"
    family: ClassVar[Family] = Family.BEYOND

    def __init__(self, threshold: float = 5.0, draws: int = 100) -> None:
        self.threshold = threshold
        self.draws = draws

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        nodes = call_nodes(incident, _LEAST_BEFORE)
        if isinstance(nodes, NoRanking):
            return nodes
        nodes = _scaled(nodes)
        model = _fit(nodes)
        later = np.abs(nodes.after - model.mean) / model.spread
        trigger = int(np.argmax(later[:, nodes.target]))
        observed, z = nodes.after[trigger], later[trigger]
        abnormal = z >= self.threshold
        candidates = [i for i, parents in enumerate(nodes.parents) if abnormal[i] and not abnormal[list(parents)].any()]
        if not candidates:
            far = f"{number(self.threshold)} standard deviations off"
            detail = f"no component's latency is {far} while those of its callees are not"
            return NoRanking(Reason.NOT_APPLICABLE, detail)
        # The same noise for every candidate: they are compared with each other.
        noise = model.residuals[rng.integers(len(model.residuals), size=self.draws)]
        repaired = {i: _after_repair(nodes, model, observed, i, noise) for i in candidates}
        helped = {nodes.components[i]: float(z[nodes.target] - after) for i, after in repaired.items()}
        scores = steady(helped)
        steps = self._steps(nodes, z, candidates, scores, float(nodes.times[trigger]))
        return caveats_for(by_components(scores, Explanation(steps)), incident)

    def _steps(
        self, nodes: CallNodes, z: Floats, candidates: list[int], scores: dict[str, float], at: float
    ) -> tuple[Step, ...]:
        named = nodes.components
        order = sorted(candidates, key=lambda i: (-scores[named[i]], named[i]))
        by_z = sorted(range(len(named)), key=lambda i: (-z[i], named[i]))[:_SHOWN]
        rows: list[tuple[Cell, ...]] = [
            (named[i], float(z[i]), max((float(z[p]) for p in nodes.parents[i]), default=None), i in candidates)
            for i in by_z
        ]
        first, target = order[0], nodes.target
        left = float(z[target]) - scores[named[first]]
        claim = (
            f"With the latency of {named[first]} as usual, that of {named[target]} would be {number(left)} instead of "
            f"{number(z[target])} standard deviations off"
        )
        if len(order) > 1:
            claim += f"; next is {named[order[1]]}, whose repair takes away {number(scores[named[order[1]]])}"
        return (
            Step(
                "Anomaly condition",
                f"At {clock_time(at)}, when {named[target]} is furthest from its mean, "
                f"{counted(len(candidates), 'component')} of {len(named)} "
                f"{'is' if len(candidates) == 1 else 'are'} {number(self.threshold)} standard deviations off or more "
                f"without an anomalous callee: {', '.join(named[i] for i in order[:5])}.",
                {"threshold": self.threshold, "candidates": len(candidates), "components": len(named)},
                table=Table(("component", "z", "largest z of its callees", "candidate"), tuple(rows)),
                pointers=tuple(nodes.pointers[i] for i in by_z[:3]),
            ),
            Step(
                "Fix condition",
                f"{claim}.",
                {named[i]: scores[named[i]] for i in order[:_SHOWN]},
                graph=nodes.graph(first),
                pointers=(nodes.pointers[first], nodes.pointers[target]),
            ),
        )


@dataclass(frozen=True, eq=False)
class _Model:
    """The normal operation of C latencies.

    Attributes:
        mean, spread: (C,) before the onset.
        weights: for each component its intercept, then one weight a callee.
        residuals: (T0, C) of the fits before the onset; rows are kept together, so that shared noise stays shared.
    """

    mean: Floats
    spread: Floats
    weights: tuple[Floats, ...]
    residuals: Floats


def _scaled(nodes: CallNodes) -> CallNodes:
    """Latencies over the largest of their component: squares do not overflow, and z and the fix do not change."""
    largest = np.maximum(np.abs(nodes.before).max(axis=0), np.abs(nodes.after).max(axis=0))
    largest = np.where(largest > 0, largest, 1.0)
    return dataclasses.replace(nodes, before=nodes.before / largest, after=nodes.after / largest)


def _fit(nodes: CallNodes) -> _Model:
    mean, spread = nodes.before.mean(axis=0), nodes.before.std(axis=0)
    # A latency that never moved has no spread of its own.
    farthest = np.abs(nodes.after - mean).max(axis=0)
    spread = np.where(spread > 1e-9, spread, _FLOOR * farthest)
    spread = np.where(spread > 0, spread, 1.0)
    weights = []
    residuals = np.zeros_like(nodes.before)
    for i, parents in enumerate(nodes.parents):
        design = np.column_stack([np.ones(len(nodes.before)), nodes.before[:, list(parents)]])
        fitted = np.linalg.lstsq(design, nodes.before[:, i], rcond=None)[0]
        weights.append(np.asarray(fitted, dtype=np.float64))
        residuals[:, i] = nodes.before[:, i] - design @ fitted
    return _Model(mean, spread, tuple(weights), residuals)


def _after_repair(nodes: CallNodes, model: _Model, observed: Floats, repaired: int, noise: Floats) -> float:
    """Mean z of the front door when one component has its predicted value and all that depends on it follows."""
    values = np.tile(observed, (len(noise), 1))
    changed = {repaired}
    for i, parents in enumerate(nodes.parents):
        if i != repaired and not changed.intersection(parents):
            continue
        changed.add(i)
        predicted = model.weights[i][0] + values[:, list(parents)] @ model.weights[i][1:]
        values[:, i] = predicted if i == repaired else predicted + noise[:, i]
    target = nodes.target
    return float(np.mean(np.abs(values[:, target] - model.mean[target]) / model.spread[target]))
