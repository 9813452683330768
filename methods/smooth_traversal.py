"""Smooth Traversal: the cause is where the anomaly score jumps most from the callees to the caller."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.refusals import NO_CHANGE
from methods.answer.ties import steady
from methods.answer.types import Cell, Explanation, Family, Method, NoRanking, Outcome, Step, Table
from methods.answer.wording import counted
from methods.telemetry.call_nodes import CallNodes, call_nodes
from methods.telemetry.matrix import Floats
from methods.telemetry.surprise import LEAST_BASELINE, largest, mean_surprise

_SHOWN = 12


class SmoothTraversal(Method):
    """Smooth Traversal: components by how much more surprising their latency is than that of all they call.

    Idea:
        Trouble moves from callees to callers, so the causal parents of a component are its callees. Where the anomaly
        score jumps between the parents and a component, the parents do not explain it: there the mechanism changed. A
        traversal that asks "abnormal or not" needs a threshold; the jump needs none.

    Formula:
        S(c) = mean over t >= onset of -log p, the surprise of the component's latency (`methods.telemetry.surprise`).
        score(c) = S(c) without callees, else max(0, S(c) - max of S over its callees).

    Inputs:
        Latency of calls (T × E edges), in any unit, or where none is measured, what components report; topology with
        calls and front door. The onset, with at least 10 samples before it.

    Parameters:
        None. The paper has none.

    Fails when:
        A fault is not in the latency: a component that answers nothing has none. Callees and caller reach the largest
        score that the baseline can give: then the jump is 0, and only a callee can be blamed. Two callees share a
        cause that is not measured, such as their machine.

        NoRanking without a front door, an onset or latencies of calls, with fewer than 10 samples before the onset,
        when calls form a circle, and when no latency changes.

    Cost:
        O(C T log T + E) for C components and E calls.

    Reference:
        Orchard, Okati, Garrido Mejia, Blöbaum, Janzing, Root Cause Analysis of Outliers with Missing Structural
        Knowledge, NeurIPS 2025 (SMOOTH TRAVERSAL; arXiv 2406.05014).

    Deviations:
        As in `score_ordering`: the mean over the samples after the onset instead of one sample, and a rank p-value. The
        paper takes any causal graph; here it is the call graph, as in its experiments on cloud services. Components
        that the front door does not reach by calls, machines among them, are not ranked.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.smooth_traversal import SmoothTraversal
        >>> ranking = SmoothTraversal().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'replica-0', 'gateway']
        >>> print(ranking.explanation.steps[1].claim)
        The jump is largest at replica-1: its latency has 3.24, and it calls nothing that was measured; next is
        replica-0 with a jump of 0.555.
    """

    name: ClassVar[str] = "smooth_traversal"
    family: ClassVar[Family] = Family.BEYOND

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        nodes = call_nodes(incident, LEAST_BASELINE)
        if isinstance(nodes, NoRanking):
            return nodes
        surprises = mean_surprise(nodes.before, nodes.after)
        if not surprises.any():
            return NO_CHANGE
        above = np.array([max((surprises[p] for p in parents), default=0.0) for parents in nodes.parents])
        gaps = np.maximum(surprises - above, 0.0)
        scores = steady(dict(zip(nodes.components, gaps.tolist(), strict=True)))
        steps = _steps(nodes, surprises, above, scores)
        return caveats_for(by_components(scores, Explanation(steps)), incident)


def _steps(nodes: CallNodes, surprises: Floats, above: Floats, scores: dict[str, float]) -> tuple[Step, ...]:
    order = sorted(range(len(nodes.components)), key=lambda i: (-scores[nodes.components[i]], nodes.components[i]))
    named = nodes.components
    rows: list[tuple[Cell, ...]] = [
        (named[i], float(surprises[i]), float(above[i]) if nodes.parents[i] else None, scores[named[i]])
        for i in order[:_SHOWN]
    ]
    first = order[0]
    basis = (
        f"{number(surprises[first])}, its callees {number(above[first])} at most"
        if nodes.parents[first]
        else f"{number(surprises[first])}, and it calls nothing that was measured"
    )
    claim = f"The jump is largest at {named[first]}: its latency has {basis}"
    if len(order) > 1:
        claim += f"; next is {named[order[1]]} with a jump of {number(scores[named[order[1]]])}"
    return (
        Step(
            "Surprise of each latency",
            f"{counted(len(nodes.before), 'sample')} before the onset can give a score of "
            f"{number(largest(len(nodes.before)))} at most; the latency of the front door {named[nodes.target]} has "
            f"{number(surprises[nodes.target])}.",
            {"samples_before": len(nodes.before), "largest": largest(len(nodes.before)), "components": len(named)},
            pointers=(nodes.pointers[nodes.target],),
        ),
        Step(
            "Jumps along the calls",
            f"{claim}.",
            {named[i]: scores[named[i]] for i in order[:_SHOWN]},
            table=Table(("component", "score", "of its callees", "jump"), tuple(rows)),
            graph=nodes.graph(first),
            pointers=tuple(nodes.pointers[i] for i in order[:3]),
        ),
    )
