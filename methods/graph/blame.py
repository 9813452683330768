"""Turns a causal graph over signals into a ranking of components: by PageRank, or by a walk from the SLI."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number, percent
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.types import Explanation, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted
from methods.graph.discovery import Discovery
from methods.graph.mixed import Mark, as_graph, effect_to_cause, parents
from methods.graph.pagerank import pagerank
from methods.graph.random_walk import transitions, visits
from methods.graph.screening import why_unranked
from methods.graph.signals import Signals
from methods.graph.symptoms import symptoms
from methods.telemetry.matrix import Floats, Key
from methods.telemetry.sli import NoSli, error_key, latency_key

SHOWN = 10
UNVISITED = 1e-12
"""Share of all visits up to which a signal counts as not visited: rounding alone gives less."""


@dataclass(frozen=True, slots=True)
class PageRank:
    """Components by the PageRank of their best signal, flowing from effects to causes.

    Attributes:
        damping: probability of following an edge instead of jumping anywhere, in [0, 1).
    """

    damping: float

    def __call__(self, incident: Incident, signals: Signals, found: Discovery) -> Outcome:
        """NoRanking(NOT_APPLICABLE) for a graph without edges."""
        if not np.any(found.marks):
            return NoRanking(Reason.NOT_APPLICABLE, _no_edges(found, signals))
        share = pagerank(effect_to_cause(found.marks), self.damping)
        order = np.argsort(-share, kind="stable")[:SHOWN]
        even = 1 / signals.count
        causes = effect_to_cause(found.marks)
        rows = tuple(
            (signals.names[i], float(share[i]), float(share[i] / even), int(causes[:, i].sum())) for i in order
        )
        step = Step(
            "PageRank of causes",
            f"PageRank flows from effects to causes. {signals.names[order[0]]} has {percent(share[order[0]])} "
            f"of it, {number(share[order[0]] / even)} times an even share ({percent(even)}).",
            {"damping": self.damping, "even_share": even, "largest_share": float(share[order[0]])},
            table=Table(("signal", "share", "times even", "effects"), rows),
            pointers=tuple(signals.pointer(int(i)) for i in order[:3]),
        )
        steps = (*signals.steps(), *found.evidence(share), _graph_step(signals, found, share), step)
        outcome = by_signals(signals.spread(share), Explanation(steps))
        return caveats_for(outcome, incident, onset_used=False, unranked_as=why_unranked("", signals.screened))


@dataclass(frozen=True, slots=True)
class Walk:
    """Components by the visits to their best signal of a walk that starts at the SLI.

    Attributes:
        rho: weight of a step back from a cause to its effect, in [0, 1].
        damping: probability of walking on instead of restarting at the SLI, in [0, 1).
    """

    rho: float
    damping: float

    def __call__(self, incident: Incident, signals: Signals, found: Discovery) -> Outcome:
        """Signals without visits are unranked, and so are the symptoms: the SLI and the rest of `symptoms`.

        NoRanking(NOT_APPLICABLE) without an SLI among the signals, without edges, or when no edge leads from it to
        anything but symptoms.
        """
        start = sli_column(incident, signals)
        if isinstance(start, NoRanking):
            return start
        if not np.any(found.marks):
            return NoRanking(Reason.NOT_APPLICABLE, _no_edges(found, signals))
        likeness = np.abs(signals.correlation[start])
        share = visits(transitions(effect_to_cause(found.marks), likeness, self.rho), start, self.damping)
        felt = symptoms(incident)
        rest = np.where(signals.ranked(felt), share, 0.0)
        rest[start] = 0.0
        if rest.max() <= UNVISITED:
            sentence = (
                f"no edge of the {found.algorithm} graph leads from the SLI {signals.names[start]} to a possible cause"
            )
            return NoRanking(Reason.NOT_APPLICABLE, sentence)
        relevance = rest / rest.max()
        relevance[start] = 1.0
        steps = (
            *signals.steps(),
            *found.evidence(relevance),
            _graph_step(signals, found, relevance, start),
            walk_step(signals, start, share, likeness, felt, {"rho": self.rho, "damping": self.damping}),
        )
        scores = np.where(rest > UNVISITED, rest, np.nan)
        outcome = by_signals(signals.spread(scores, felt), Explanation(steps))
        reason = "the walk from the SLI visits no signal of theirs, symptoms aside"
        return caveats_for(outcome, incident, onset_used=False, unranked_as=why_unranked(reason, signals.screened))


def walk_step(
    signals: Signals,
    start: int,
    share: Floats,
    likeness: Floats,
    felt: frozenset[Key],
    parameters: dict[str, float],
) -> Step:
    """The signals that a walk from `start` visits most, and how much of it passes through symptoms.

    Args:
        start: column of the SLI.
        share: (N,) share of the steps at each signal.
        likeness: (N,) similarity of each signal to the SLI.
        felt: symptoms, which are not listed.
        parameters: of the walk, by name.
    """
    ranked = signals.ranked(felt)
    ranked[start] = False
    others = [int(i) for i in np.argsort(-share, kind="stable") if ranked[i] and share[i] > UNVISITED][:SHOWN]
    top = others[0]
    passed = float(share[~ranked].sum() - share[start])
    through = (
        f" {percent(passed)} pass through other symptoms at the front door, which are not ranked."
        if passed >= 0.01
        else ""
    )
    rows = tuple((signals.names[i], float(share[i]), float(likeness[i])) for i in others)
    return Step(
        "Walk from the SLI",
        f"A walk from {signals.names[start]} that prefers signals similar to it spends {percent(share[top])} of "
        f"its steps at {signals.names[top]} (similarity {number(likeness[top])}).{through}",
        {
            **parameters,
            "largest_share": float(share[top]),
            "start_share": float(share[start]),
            "symptoms_share": passed,
        },
        table=Table(("signal", "share of steps", "similarity to the SLI"), rows),
        pointers=(signals.pointer(top), signals.pointer(start), *(signals.pointer(i) for i in others[1:3])),
    )


def sli_column(incident: Incident, signals: Signals) -> int | NoRanking:
    """The column of the SLI: the front door's latency, or its errors where the latency is constant."""
    try:
        wanted = [latency_key(incident)]
    except NoSli as missing:
        return NoRanking(Reason.NOT_APPLICABLE, str(missing))
    errors = error_key(incident)
    if errors is not None:
        wanted.append(errors)
    for key in wanted:
        for column, group in enumerate(signals.groups):
            if key in group:
                return column
    component, signal = wanted[0]
    return NoRanking(Reason.NOT_APPLICABLE, f"the SLI {component}:{signal} is constant, so there is nothing to explain")


def _no_edges(found: Discovery, signals: Signals) -> str:
    return (
        f"{found.algorithm} finds no edge between {signals.count} signals over {signals.samples} samples, "
        "so no path leads from effects to causes"
    )


def _graph_step(signals: Signals, found: Discovery, relevance: Floats, start: int | None = None) -> Step:
    marks, causes = found.marks, effect_to_cause(found.marks)
    both = np.triu(marks != Mark.NONE, 1)
    known = int(parents(marks).sum())
    edges = int(both.sum())
    lonely = int((~(marks != Mark.NONE).any(axis=0)).sum())
    ranked = [int(i) for i in np.argsort(-relevance, kind="stable") if i != start]
    top = ranked[0]
    effects = [int(i) for i in np.argsort(-relevance, kind="stable") if causes[i, top]]
    claim = (
        f"{found.algorithm} finds {counted(edges, 'edge')} between {signals.count} signals; the direction of {known} "
        "is known."
    )
    if lonely:
        claim += f" {counted(lonely, 'signal')} without an edge."
    if effects:
        listed = ", ".join(signals.names[i] for i in effects[:3])
        more = f" and {len(effects) - 3} more" if len(effects) > 3 else ""
        claim += f" {signals.names[top]} may be a cause of {listed}{more}."
    numbers = {"edges": edges, "directed": known, "isolated": lonely}
    graph = as_graph(marks, signals.names, found.weights, relevance)
    return Step(
        "Causal graph", claim, numbers, graph=graph, pointers=tuple(signals.pointer(i) for i in (top, *effects[:3]))
    )
