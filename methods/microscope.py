"""Microscope: follows abnormal components down the call graph to the last one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import TIME, number, percent
from cluster.window import Onset
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.refusals import NO_FRONT_DOOR, NO_ONSET
from methods.answer.ties import steady
from methods.answer.types import (
    Cell,
    EdgePointer,
    Explanation,
    Family,
    Graph,
    GraphEdge,
    Method,
    NoRanking,
    Outcome,
    Reason,
    SeriesPointer,
    Step,
    Table,
)
from methods.answer.wording import counted, unit_of
from methods.telemetry.calls import CallLatencies, call_latencies, similarity
from methods.telemetry.matrix import Floats

_LEAST_SPREAD = 0.01
_SHOWN = 12
_UNRANKED = "the search for abnormal callees does not reach them"


class Microscope(Method):
    """Microscope: candidates are the abnormal components without an abnormal callee.

    Idea:
        Trouble spreads from callees to callers, so the cause is an abnormal component without an abnormal callee. The
        search starts at the front door and follows abnormal callees only. Candidates are ranked by the correlation of
        their latency with the front door's.

    Formula:
        A component is abnormal if at least a `share` of its latencies after the onset lie outside μ ± n σ of those
        before it. Visited: the front door and every abnormal component that it reaches over abnormal ones. Candidates:
        the visited components without an abnormal callee. score = |corr(latency of the front door, latency)| of a
        candidate, and the same minus 1 of another visited component.

    Inputs:
        Latency of calls (T × E edges) or of components (any unit, T samples); topology with calls and front door. The
        onset, with at least 2 samples before it and 1 after it.

    Parameters:
        n_sigma: n, 3 as in the paper.
        share: 0.1, so that one sample of many is no abnormality; not in the paper.

    Fails when:
        One false alarm below the cause hides it behind its callee. One miss on the way hides everything below. Without
        an abnormal callee, only the front door remains and is blamed. The front door's latency is a sum of the same
        calls, so among candidates the call that varies most correlates most, on noise too.

        NoRanking without a front door, an onset or latencies of calls, with too few samples, and when no visited
        component is abnormal.

    Cost:
        O(V T + E) for V components and E calls.

    Reference:
        Lin, Chen, Zheng, Microscope: Pinpoint Performance Issues with Causal Graphs in Micro-service Environments,
        ICSOC 2018.

    Deviations:
        The study's code detects abnormal calls with BIRCH, and correlates with the component that its search visited
        last; here the three-sigma rule is applied to components, and the correlation is with the front door. Its entry
        point is a name in the code, and its order depends on string hashes. It returns only the candidates; here the
        other visited components are ranked below them. The paper's impact graph of services on one host (by PC) is left
        out: all replicas on one node would be neighbours, so calls alone decide. Drops count as rises do.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.microscope import Microscope
        >>> ranking = Microscope().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway']
        >>> print(ranking.explanation.steps[1].claim)
        The search follows abnormal callees from gateway and visits 2 components; 1 of them calls no abnormal component:
        replica-1.
    """

    name: ClassVar[str] = "microscope"
    family: ClassVar[Family] = Family.METRIC

    def __init__(self, n_sigma: float = 3.0, share: float = 0.1) -> None:
        self.n_sigma = n_sigma
        self.share = share

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        front = incident.topology.front_door
        if front is None:
            return NO_FRONT_DOOR
        if incident.onset is None:
            return NO_ONSET
        calls = call_latencies(incident)
        if isinstance(calls, NoRanking):
            return calls
        late = calls.times >= incident.onset.time
        if (~late).sum() < 2 or not late.any():
            early = counted(int((~late).sum()), "sample")
            detail = f"{early} before and {int(late.sum())} after the onset, at least 2 and 1 are needed"
            return NoRanking(Reason.NOT_APPLICABLE, detail)
        states = self._states(incident, calls, late, front)
        if front not in states:
            return NoRanking(Reason.NOT_APPLICABLE, f"the latency of the front door {front} was not measured")
        visited, candidates = _search(calls, states, front)
        if candidates == {front} and not states[front].abnormal:
            detail = "neither the front door nor any component that it calls is abnormal"
            return NoRanking(Reason.NOT_APPLICABLE, detail)
        columns = np.stack([states[c].series for c in visited], axis=1)
        alike = steady(dict(zip(visited, similarity(states[front].series, columns).tolist(), strict=True)))
        scores = steady({c: alike[c] - (0.0 if c in candidates else 1.0) for c in visited})
        explanation = Explanation(
            (
                self._abnormal_step(incident.telemetry.units, states, incident.onset),
                _search_step(calls, states, visited, candidates, front),
                _candidates_step(calls, states, candidates, alike, front),
            )
        )
        return caveats_for(by_components(scores, explanation), incident, unranked_as=_UNRANKED)

    def _states(
        self, incident: Incident, calls: CallLatencies, late: np.ndarray[tuple[int], np.dtype[np.bool_]], front: str
    ) -> dict[str, _State]:
        states = {}
        for component in sorted(incident.topology.ids):
            found = calls.latency(component, front)
            state = self._state(*found, late) if found else None
            if state:
                states[component] = state
        # The calls of the front door do not show its own part of the latency; its own metric does.
        own = calls.reported(front)
        reported = self._state(*own, late) if own else None
        if reported and reported.abnormal and front in states and not states[front].abnormal:
            states[front] = reported
        return states

    def _state(
        self, series: Floats, pointer: EdgePointer | SeriesPointer, late: np.ndarray[tuple[int], np.dtype[np.bool_]]
    ) -> _State | None:
        largest = float(np.nanmax(np.abs(series), initial=0.0)) or 1.0
        before, after = (series / largest)[~late], (series / largest)[late]
        before, after = before[np.isfinite(before)], after[np.isfinite(after)]
        if len(before) < 2 or not len(after):
            return None
        mean = float(before.mean())
        spread = max(float(before.std()), _LEAST_SPREAD * abs(mean), 1e-12)
        outside = float((np.abs(after - mean) > self.n_sigma * spread).mean())
        abnormal = outside > 0 and outside >= self.share
        return _State(series, pointer, mean * largest, spread * largest, outside, abnormal)

    def _abnormal_step(self, units: Mapping[str, str], states: dict[str, _State], onset: Onset) -> Step:
        abnormal = [c for c in states if states[c].abnormal]
        order = sorted(states, key=lambda c: (-states[c].outside, c))[:_SHOWN]
        top = states[order[0]]
        rows: list[tuple[Cell, ...]] = [
            (c, states[c].mean, states[c].spread, states[c].outside, states[c].abnormal) for c in order
        ]
        levels = {
            "mean before": top.mean,
            f"+{number(self.n_sigma)} sigma": top.mean + self.n_sigma * top.spread,
            f"-{number(self.n_sigma)} sigma": top.mean - self.n_sigma * top.spread,
        }
        listed = tuple(unit_of(units, states[c].pointer.signal) for c in order)
        return Step(
            "Abnormal components",
            f"{len(abnormal)} of {len(states)} components are abnormal: at least {percent(self.share)} of their "
            f"latencies after the onset are more than {number(self.n_sigma)} standard deviations from the mean before "
            f"it. {order[0]}: {percent(top.outside)}.",
            {"abnormal": len(abnormal), "components": len(states), "onset": onset.time},
            levels,
            Table(
                ("component", "mean before", "sigma", "share outside", "abnormal"),
                tuple(rows),
                {"mean before": listed, "sigma": listed},
            ),
            pointers=tuple(states[c].pointer for c in order[:3]),
            units={**dict.fromkeys(levels, listed[0]), "onset": TIME},
        )


@dataclass(frozen=True, eq=False)
class _State:
    """Latency of one component (T,), a pointer to it, its baseline, and the share of later samples outside of that."""

    series: Floats
    pointer: EdgePointer | SeriesPointer
    mean: float
    spread: float
    outside: float
    abnormal: bool


def _search(calls: CallLatencies, states: dict[str, _State], front: str) -> tuple[tuple[str, ...], set[str]]:
    """Components reached from the front door over abnormal callees, and those of them without an abnormal callee."""
    visited, waiting = {front}, [front]
    candidates = set()
    while waiting:
        component = waiting.pop()
        below = [c for c in calls.callees(component) if c in states and states[c].abnormal and c != component]
        if not below:
            candidates.add(component)
        fresh = set(below) - visited
        visited |= fresh
        waiting.extend(fresh)
    # A cycle of abnormal components has no last one: then every visited component is a candidate.
    return tuple(sorted(visited)), candidates or visited


def _search_step(
    calls: CallLatencies, states: dict[str, _State], visited: tuple[str, ...], candidates: set[str], front: str
) -> Step:
    within = [(s, t) for s, t in calls.calls if s in visited and t in visited]
    edges = tuple(GraphEdge(target, source, 1.0, "end" if target in candidates else "") for source, target in within)
    return Step(
        "Down the call graph",
        f"The search follows abnormal callees from {front} and visits {len(visited)} components; {len(candidates)} of "
        f"them call{'s' if len(candidates) == 1 else ''} no abnormal component: {', '.join(sorted(candidates)[:5])}.",
        {"visited": len(visited), "candidates": len(candidates)},
        graph=Graph(visited, edges),
        pointers=tuple(states[c].pointer for c in sorted(candidates)[:3]),
    )


def _candidates_step(
    calls: CallLatencies, states: dict[str, _State], candidates: set[str], alike: dict[str, float], front: str
) -> Step:
    order = sorted(candidates, key=lambda c: (-alike[c], c))[:_SHOWN]
    return Step(
        "Candidates by correlation",
        f"The latency of {order[0]} correlates most with that of {front}: |r| = {number(alike[order[0]])}"
        + (f"; next is {order[1]} with {number(alike[order[1]])}." if len(order) > 1 else ".")
        + calls.by_construction(front),
        {c: alike[c] for c in order},
        table=Table(("component", "|r| with the front door"), tuple((c, alike[c]) for c in order)),
        pointers=(states[order[0]].pointer, states[front].pointer),
    )
