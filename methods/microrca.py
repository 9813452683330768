"""MicroRCA: personalised PageRank on the graph of anomalous calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number, percent, quantity
from cluster.topology import Relation
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
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
from methods.answer.wording import counted, unit_of
from methods.graph.restart_walk import visits
from methods.telemetry.calls import CallLatencies, Edge, call_latencies, similarity
from methods.telemetry.edge_anomaly import clusters
from methods.telemetry.matrix import Floats

_RESOURCES = ("cpu", "mem", "net", "disk", "io", "sys", "gpu", "kv", "slots")
_LEAST_SIMILARITY = 0.01
_SHOWN = 12
_UNRANKED = "only services in or beside anomalous calls are scored"


class MicroRca(Method):
    """MicroRCA: personalised PageRank on the subgraph of anomalous calls, weighted by correlation with resources.

    Idea:
        A call whose response times form more than one cluster is anomalous, and its callee is suspect. The suspects,
        their neighbours and their hosts form a subgraph. Its edges weigh as much as they correlate with the response
        times of the suspects. A walk restarts at suspects whose own resources correlate with their response times, and
        visits the cause most. Hosts guide the walk; only components that make or receive calls are ranked.

    Formula:
        A call is anomalous if BIRCH finds more than one cluster in its smoothed, L2-normalised latency. rt(s) is the
        mean latency of the anomalous calls to s. Weights: α of an anomalous call; |corr(rt(s), latency)| of another
        call to or from s; mean weight into s × max over metrics u of its host |corr(rt(s), u)| of the edge to that
        host. Personalisation of s: mean weight of the calls at s × max over its resources u of |corr(rt(s), u)| /
        degree(s). Score: π = d π P + (1 - d) v, with P the weights by row and v the personalisation, of each component
        that makes or receives calls.

    Inputs:
        Latency of calls (T × E edges, any unit) and topology; resource metrics (T × N, any unit) where present. The
        onset is not used.

    Parameters:
        alpha: α, weight of an anomalous call, 0.55 as in the paper.
        threshold: BIRCH's radius, 0.045 as in the authors' public code.
        smoothing: samples of the rolling mean, 12 as there.
        damping: d, 0.85.

    Fails when:
        No call changes its latency: the fault shows in errors or inside one component only. All calls change: then
        every callee is suspect, and correlations, which a shared load raises everywhere, decide alone. The front door
        is at fault: nothing calls it. A host is at fault: its guests are blamed.

        NoRanking without latencies of calls or fewer than 3 samples of them, and when no call is anomalous.

    Cost:
        O(E) clusterings of 30 points, O(N T) correlations, and O(V³) for the walk over the V components of the
        subgraph.

    Reference:
        Wu, Tordsson, Elmroth, Kao, MicroRCA: Root Cause Localization of Performance Issues in Microservices, NOMS 2020.

    Deviations:
        The public code reverses the calls before the walk, so blame flows to callers; its reversal also tests a stale
        variable and leaves hosts as sources. Here the walk steps from a caller to its callees and hosts. The public
        code allows negative weights and overwrites the response time when two anomalous calls share a callee; here
        weights are absolute, and the response time is the mean, as in the paper. Series are averaged to 30 points, the
        authors' own window, before clustering: otherwise the threshold would depend on the length of the window. Names
        of services, hosts and metrics are not hard-coded; a resource is a metric named after one (cpu, memory, network,
        disk, gpu, kv cache, slots). The study adds both ends of a call, which were the same measurement. Where the walk
        has no solution, the public code returns a random ranking; here there is NoRanking.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.microrca import MicroRca
        >>> ranking = MicroRca().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway']
        >>> print(ranking.explanation.steps[0].claim)
        1 of 2 calls have latencies in more than one cluster (BIRCH, radius 0.045): gateway → replica-1 has 2, from 230
        ms to 462 ms.
    """

    name: ClassVar[str] = "microrca"
    family: ClassVar[Family] = Family.METRIC

    def __init__(
        self, alpha: float = 0.55, threshold: float = 0.045, smoothing: int = 12, damping: float = 0.85
    ) -> None:
        self.alpha = alpha
        self.threshold = threshold
        self.smoothing = smoothing
        self.damping = damping

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        calls = call_latencies(incident)
        if isinstance(calls, NoRanking):
            return calls
        centres = {
            edge: clusters(calls.values[:, i], threshold=self.threshold, smoothing=self.smoothing)
            for i, edge in enumerate(calls.edges)
        }
        anomalous = tuple(edge for edge in calls.edges if len(centres[edge]) > 1)
        if not anomalous:
            detail = f"no call is anomalous: the latencies of each of {len(calls.edges)} calls form one cluster"
            return NoRanking(Reason.NOT_APPLICABLE, detail)
        sub = self._subgraph(incident, calls, anomalous)
        nodes = tuple(sorted({end for edge in sub.weights for end in edge}))
        place = {node: i for i, node in enumerate(nodes)}
        matrix = np.zeros((len(nodes), len(nodes)))
        for (source, target), weight in sub.weights.items():
            matrix[place[source], place[target]] = weight
        restart = np.array([sub.personalisation.get(node, 0.0) for node in nodes])
        visited = visits(matrix, restart, self.damping)
        if visited is None:
            return NoRanking(Reason.NOT_CONVERGED, "the walk on the anomalous subgraph has no solution")
        services = {end for edge in calls.calls for end in edge}
        scores = steady({node: float(visited[i]) for node, i in place.items() if node in services})
        resources = {(c, s): value for c, (s, value) in sub.resources.items() if s}
        explanation = Explanation(
            (
                self._calls_step(incident, calls, centres, anomalous),
                self._subgraph_step(calls, sub, nodes, anomalous),
                _personalisation_step(calls, sub),
                _walk_step(calls, sub, scores),
            )
        )
        return caveats_for(
            by_components(scores, explanation, resources), incident, onset_used=False, unranked_as=_UNRANKED
        )

    def _subgraph(self, incident: Incident, calls: CallLatencies, anomalous: tuple[Edge, ...]) -> _Subgraph:
        suspects = sorted({target for _, target in anomalous})
        response = {
            s: np.mean([calls.values[:, calls.edges.index(e)] for e in anomalous if e[1] == s], axis=0)
            for s in suspects
        }
        weights: dict[Edge, float] = dict.fromkeys(anomalous, self.alpha)
        for suspect in suspects:
            alike = dict(zip(calls.edges, similarity(response[suspect], calls.values), strict=True))
            for edge in calls.calls:
                if suspect in edge and edge not in anomalous and edge in alike:
                    weights[edge] = max(float(alike[edge]), weights.get(edge, 0.0))
        around = dict(weights)
        resources = {s: _closest(calls, s, response[s], resource=True) for s in suspects}
        for suspect in suspects:
            inward = float(np.mean([w for (_, target), w in around.items() if target == suspect]))
            for used in incident.topology.edges:
                if used.source == suspect and used.relation is not Relation.CALLS:
                    _, value = _closest(calls, used.target, response[suspect], resource=False)
                    weights[suspect, used.target] = inward * value
        personalisation = {}
        for suspect in suspects:
            own = [w for edge, w in around.items() if suspect in edge]
            degree = sum(suspect in edge for edge in weights)
            personalisation[suspect] = float(np.mean(own)) * resources[suspect][1] / degree
        return _Subgraph(weights, response, resources, personalisation)

    def _calls_step(
        self, incident: Incident, calls: CallLatencies, centres: dict[Edge, Floats], anomalous: tuple[Edge, ...]
    ) -> Step:
        order = sorted(anomalous, key=lambda e: (-float(centres[e][-1] / max(centres[e][0], 1e-300)), e))[:_SHOWN]
        top = order[0]
        listed = tuple(unit_of(incident.telemetry.units, calls.signals[calls.edges.index(e)]) for e in order)
        unit = listed[0]
        low, high = float(centres[top][0]), float(centres[top][-1])
        return Step(
            "Anomalous calls",
            f"{len(anomalous)} of {len(calls.edges)} calls have latencies in more than one cluster (BIRCH, radius "
            f"{self.threshold}): {top[0]} → {top[1]} has {len(centres[top])}, from {quantity(low, unit)} to "
            f"{quantity(high, unit)}.",
            {"anomalous calls": len(anomalous), "calls": len(calls.edges), "threshold": self.threshold},
            {"lowest cluster": low, "highest cluster": high},
            Table(
                ("caller", "callee", "clusters", "lowest centre", "highest centre"),
                tuple((*e, len(centres[e]), float(centres[e][0]), float(centres[e][-1])) for e in order),
                {"lowest centre": listed, "highest centre": listed},
            ),
            units={"lowest cluster": unit, "highest cluster": unit},
            pointers=tuple(calls.pointer(calls.edges.index(e)) for e in order[:3]),
        )

    def _subgraph_step(
        self, calls: CallLatencies, sub: _Subgraph, nodes: tuple[str, ...], anomalous: tuple[Edge, ...]
    ) -> Step:
        suspects = sorted(sub.response)
        drawn = tuple(
            # What is called acts on its caller.
            GraphEdge(target, source, weight, "anomalous" if (source, target) in anomalous else "")
            for (source, target), weight in sorted(sub.weights.items())
        )
        return Step(
            "Anomalous subgraph",
            f"Anomalous calls lead to {counted(len(suspects), 'suspect')}; with neighbours and hosts they form a graph "
            f"of {counted(len(nodes), 'component')} and {counted(len(drawn), 'edge')}. An anomalous call weighs "
            f"{self.alpha}, any other edge as much as it correlates with a suspect's response time.",
            {"suspects": len(suspects), "components": len(nodes), "edges": len(drawn), "alpha": self.alpha},
            graph=Graph(nodes, drawn),
            pointers=(calls.pointer(calls.edges.index(anomalous[0])),),
        )


@dataclass(frozen=True, eq=False)
class _Subgraph:
    """Weights of the edges (source, target), and for each suspect: response time, closest resource, restart weight."""

    weights: dict[Edge, float]
    response: dict[str, Floats]
    resources: dict[str, tuple[str, float]]
    personalisation: dict[str, float]


def _closest(calls: CallLatencies, component: str, response: Floats, *, resource: bool) -> tuple[str, float]:
    """The metric of a component that is most like a response time, and its similarity (at least 0.01, as published)."""
    signals = [str(column[1]) for column in calls.metrics.columns.tolist() if column[0] == component]
    if resource:
        signals = [s for s in signals if s.startswith(_RESOURCES)]
    if not signals:
        return "", _LEAST_SIMILARITY
    columns = calls.metrics[[(component, s) for s in signals]].to_numpy(dtype=np.float64)
    alike = similarity(response, columns)
    best = max(range(len(signals)), key=lambda i: (alike[i], signals[i]))
    return (signals[best], float(alike[best])) if alike[best] > _LEAST_SIMILARITY else ("", _LEAST_SIMILARITY)


def _personalisation_step(calls: CallLatencies, sub: _Subgraph) -> Step:
    order = sorted(sub.personalisation, key=lambda s: (-sub.personalisation[s], s))[:_SHOWN]
    top = order[0]
    signal, value = sub.resources[top]
    why = (
        f"its {signal} correlates with its response time, |r| = {number(value)}"
        if signal
        else "none of its resources correlates with its response time"
    )
    pointers: list[Pointer] = [calls.series_pointer(s, sub.resources[s][0]) for s in order if sub.resources[s][0]]
    restarts = sub.personalisation[top] / sum(sub.personalisation.values())
    return Step(
        "Where the walk restarts",
        f"The walk restarts most often at {top} ({percent(restarts)}): {why}.",
        {s: sub.personalisation[s] for s in order},
        table=Table(
            ("component", "closest resource", "|r|", "personalisation"),
            tuple((s, *sub.resources[s], sub.personalisation[s]) for s in order),
        ),
        pointers=tuple(pointers[:3]),
    )


def _walk_step(calls: CallLatencies, sub: _Subgraph, scores: dict[str, float]) -> Step:
    order = sorted(scores, key=lambda s: (-scores[s], s))[:_SHOWN]
    top = order[0]
    into = [i for i, (_, target) in enumerate(calls.edges) if target == top and (calls.edges[i]) in sub.weights]
    return Step(
        "Visits of the walk",
        f"The walk steps from callers to callees and hosts. It spends {percent(scores[top])} of its steps at {top}"
        + (f" and {percent(scores[order[1]])} at {order[1]}." if len(order) > 1 else "."),
        {s: scores[s] for s in order},
        table=Table(("component", "visits"), tuple((s, scores[s]) for s in order)),
        pointers=tuple(calls.pointer(i) for i in into[:3]),
    )
