"""MonitorRank: a random walk on the call graph, weighted by correlation with the front door's latency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number, percent
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.refusals import NO_FRONT_DOOR
from methods.answer.ties import steady
from methods.answer.types import (
    Explanation,
    Family,
    Graph,
    GraphEdge,
    Method,
    NoRanking,
    Outcome,
    Pointer,
    Reason,
    Step,
    Table,
)
from methods.graph.restart_walk import visits
from methods.telemetry.calls import CallLatencies, call_latencies, similarity
from methods.telemetry.matrix import Floats

_SHOWN = 12
_UNRANKED = "no latency of theirs was measured"


class MonitorRank(Method):
    """MonitorRank: visits of a random walk along calls, with restarts.

    Idea:
        A component whose latency correlates with the front door's is suspect, and more so when its callees do not. A
        walk on the call graph prefers callees that correlate with the front door, may step back to a caller, and stays
        where no callee correlates as much. Where it spends its time is the ranking.

    Formula:
        S_i = |corr(latency of the front door, latency of i)|. Steps from i: to a callee j with weight S_j; back to a
        caller j (that i does not call) with ρ S_j; staying with max(0, S_i - max of S over the callees of i), never at
        the front door. Rows of P sum to 1, restarts u ∝ S without the front door, score π = α π P + (1 - α) u.

    Inputs:
        Latency of calls (T × E edges) or of components (any unit, T samples); topology with calls and front door. The
        onset is not used.

    Parameters:
        rho: ρ in [0, 1), 0.5 as in the study's code.
        alpha: share of steps along edges, 0.85 as there. Both are free parameters in the paper.

    Fails when:
        All latencies move together (one load for all): similarity then says nothing. A replica that is slow in the
        whole window varies little and correlates little. The front door's latency is a sum of the same calls, so the
        call that varies most correlates most, on noise too (up to 0.94 was seen); the front door's own report instead
        was worse on data of others.

        NoRanking without a front door or latencies of calls, and when no latency correlates with that of the front
        door.

    Cost:
        O(E T) correlations, and O(V³) for the walk over V components.

    Reference:
        Kim, Sumbaly, Shah, Root Cause Detection in a Service-Oriented Architecture, SIGMETRICS 2013.

    Deviations:
        The public code builds these weights and then reverses the graph, which turns the walk around; here the walk
        steps from callers to callees, as in the paper. It names the entry point in the code; here it is the front door
        of the topology, whose latency is the sum over its own calls. It drops steps into the entry and rounds
        similarities. The paper also adds external factors from clusters of pseudo-anomalies in weeks of history; one
        incident has no such history, so this is left out. The stationary visits are solved for, not sampled; without a
        solution the public code answers at random, here there is NoRanking.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.monitorrank import MonitorRank
        >>> ranking = MonitorRank().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'replica-0']
        >>> print(ranking.explanation.steps[0].claim)
        replica-1 has the latency most similar to that of gateway: |r| = 0.993; next is replica-0 with 0.234. The
        latency of gateway is the sum of 2 calls, so each of them correlates with it by construction: by 0.707 if all
        are equal noise.
    """

    name: ClassVar[str] = "monitorrank"
    family: ClassVar[Family] = Family.METRIC

    def __init__(self, rho: float = 0.5, alpha: float = 0.85) -> None:
        self.rho = rho
        self.alpha = alpha

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        front = incident.topology.front_door
        if front is None:
            return NO_FRONT_DOOR
        calls = call_latencies(incident)
        if isinstance(calls, NoRanking):
            return calls
        seen = {c: found for c in sorted(incident.topology.ids) if (found := calls.latency(c, front))}
        if front not in seen:
            return NoRanking(Reason.NOT_APPLICABLE, f"the latency of the front door {front} was not measured")
        columns = np.stack([series for series, _ in seen.values()], axis=1)
        alike = {c: float(s) for c, s in zip(seen, similarity(seen[front][0], columns), strict=True)}
        others = {c: s for c, s in alike.items() if c != front}
        if not any(others.values()):
            return NoRanking(
                Reason.NOT_APPLICABLE, f"no component's latency correlates with that of the front door {front}"
            )
        nodes = tuple(sorted({end for edge in calls.calls for end in edge} | set(alike)))
        weights = self._weights(calls, nodes, alike, front)
        restart = np.array([others.get(node, 0.0) for node in nodes])
        visited = visits(weights, restart, self.alpha)
        if visited is None:
            return NoRanking(Reason.NOT_CONVERGED, "the walk on the call graph has no solution")
        scores = steady({node: float(visited[i]) for i, node in enumerate(nodes) if node in alike})
        pointers = {c: pointer for c, (_, pointer) in seen.items()}
        explanation = Explanation(
            (
                _similarity_step(calls, front, alike, pointers),
                self._graph_step(nodes, weights, front, pointers),
                _visits_step(scores, alike, pointers),
            )
        )
        return caveats_for(by_components(scores, explanation), incident, onset_used=False, unranked_as=_UNRANKED)

    def _weights(self, calls: CallLatencies, nodes: tuple[str, ...], alike: dict[str, float], front: str) -> Floats:
        place = {node: i for i, node in enumerate(nodes)}
        like = np.array([alike.get(node, 0.0) for node in nodes])
        called = np.zeros((len(nodes), len(nodes)), dtype=bool)
        for source, target in calls.calls:
            called[place[source], place[target]] = True
        weights = np.where(called, like[None, :], np.where(called.T, self.rho * like[None, :], 0.0))
        below = np.where(called, like[None, :], 0.0).max(axis=1)
        np.fill_diagonal(weights, np.maximum(0.0, like - below))
        weights[place[front], place[front]] = 0.0
        return weights

    def _graph_step(self, nodes: tuple[str, ...], weights: Floats, front: str, pointers: Mapping[str, Pointer]) -> Step:
        rows, columns = np.nonzero(weights)
        edges = tuple(
            # The walk steps from effects to causes, so an edge points against the step.
            GraphEdge(nodes[j], nodes[i], float(weights[i, j]), "stays" if i == j else "")
            for i, j in zip(rows, columns, strict=True)
        )
        stays = sorted(((float(weights[i, i]), nodes[i]) for i in range(len(nodes)) if weights[i, i] > 0), reverse=True)
        held = (
            f"Staying weighs most at {stays[0][1]} ({number(stays[0][0])})."
            if stays
            else "It never stays: every component has a callee that is at least as similar."
        )
        return Step(
            "Steps of the walk",
            f"The walk on the call graph of {front} has {len(edges)} possible steps: to a callee, back to a caller at "
            f"{self.rho} of the weight, or to stay. {held}",
            {"rho": self.rho, "alpha": self.alpha, "steps": len(edges)},
            graph=Graph(nodes, edges),
            pointers=(pointers[stays[0][1] if stays else front],),
        )


def _similarity_step(
    calls: CallLatencies, front: str, alike: dict[str, float], pointers: Mapping[str, Pointer]
) -> Step:
    order = sorted((c for c in alike if c != front), key=lambda c: (-alike[c], c))[:_SHOWN]
    return Step(
        "Similarity to the front door",
        f"{order[0]} has the latency most similar to that of {front}: |r| = {number(alike[order[0]])}"
        + (f"; next is {order[1]} with {number(alike[order[1]])}." if len(order) > 1 else ".")
        + calls.by_construction(front),
        {c: alike[c] for c in order},
        table=Table(("component", "|r| with the front door"), tuple((c, alike[c]) for c in order)),
        pointers=(pointers[order[0]], pointers[front]),
    )


def _visits_step(scores: dict[str, float], alike: dict[str, float], pointers: Mapping[str, Pointer]) -> Step:
    order = sorted(scores, key=lambda c: (-scores[c], c))[:_SHOWN]
    return Step(
        "Visits of the walk",
        f"The walk spends {percent(scores[order[0]])} of its steps at {order[0]}"
        + (f" and {percent(scores[order[1]])} at {order[1]}." if len(order) > 1 else "."),
        {c: scores[c] for c in order},
        table=Table(("component", "visits", "|r|"), tuple((c, scores[c], alike[c]) for c in order)),
        pointers=tuple(pointers[c] for c in order[:3]),
    )
