"""TraceRCA: sets of components that abnormal traces share, and the component at which their abnormal calls end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number, percent, quantity
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.ties import steady
from methods.answer.types import Cell, Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted
from methods.telemetry.item_sets import closed_sets
from methods.telemetry.matrix import Floats
from methods.telemetry.spans import Codes, Flags, SpanTable, after_onset, encode
from methods.telemetry.trace_calls import TraceCalls

_SHOWN = 12
_LEAST_SPREAD = 0.01


class TraceRca(Method):
    """TraceRCA: suspicious sets of components, mined from abnormal traces.

    Idea:
        If many abnormal and few normal traces pass a set of components, the cause is likely in the set. A call is
        abnormal when its latency leaves its history. Whether latency counts for a kind of call is decided anew for each
        incident, so that noisy latencies do not vote. Within a set, the component at which abnormal calls end is to
        blame, not the one that passes the delay on.

    Formula:
        A call of kind c (caller, callee, operation) is abnormal if |latency - μ_c| > n σ_c (history before the onset),
        or if it failed. Latency counts for c only if r_after - r_before > δ r_before, with r the share of abnormal
        calls. Over traces after the onset: support(X) = P(X ⊆ trace | abnormal), confidence(X) = P(abnormal | X ⊆
        trace), JI(X) = 1 / (1 / support + 1 / confidence - 1). Among abnormal traces that contain X, in(i) is the share
        of all abnormal traces with an abnormal call to i, out(i) that with an abnormal call from i. score(i) = max over
        closed frequent X with i of JI(X) max(0, in(i) - out(i)).

    Inputs:
        Spans with trace, parent, component, operation and duration [s]. The onset, with traces on both sides of it.

    Parameters:
        n_sigma: n, 3.
        delta: δ, 1 as the threshold in the authors' public code.
        min_support: smallest support of a frequent set, 0.1 as there.

    Fails when:
        Every trace passes every component, so that sets cannot differ. A caller records one span for a request and none
        for its call: then the network between them counts as the caller. Latencies with heavy tails make σ large and
        abnormal calls few.

        NoRanking without an onset or spans, without traces on one side of the onset, and when no call is abnormal or no
        set is frequent.

    Cost:
        O(S log S) for S spans, and O(K M) for M closed sets of K distinct abnormal traces, with M limited to some
        thousands.

    Reference:
        Li et al., Practical Root Cause Localization for Microservice Systems via Trace Analysis, IWQoS 2021.

    Deviations:
        The study's code mines no sets and selects no features: it ranks operations by the harmonic mean of support and
        confidence of single abnormal spans, misses drops, and raises KeyError for unseen operations. Here a call to an
        operation that the baseline does not contain is abnormal, and the explanation lists it. The latency of a call is
        the caller's measurement (its span around the call) where there is one, else the callee's: only the former shows
        a slow network. The authors' code blames |in - out|, which blames a front door that only passes delay on (it has
        to exclude the gateway by name), and scores sets of one; here it is in - out, over all closed sets. The paper's
        resource metrics of calls are left out: this is the trace-only method of the study.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.tracerca import TraceRca
        >>> ranking = TraceRca().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway']
        >>> print(ranking.explanation.steps[-1].claim)
        100 % of the abnormal traces contain an abnormal call to replica-1, 0 % an abnormal call from it: score 1.
    """

    name: ClassVar[str] = "tracerca"
    family: ClassVar[Family] = Family.TRACE

    def __init__(self, n_sigma: float = 3.0, delta: float = 1.0, min_support: float = 0.1) -> None:
        self.n_sigma = n_sigma
        self.delta = delta
        self.min_support = min_support

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        table = encode(incident)
        if isinstance(table, NoRanking):
            return table
        calls = TraceCalls.of(table)
        judged = self._judge(table, calls)
        if not judged.abnormal.any():
            detail = f"none of {int(calls.late.sum())} calls after the onset is abnormal"
            return NoRanking(Reason.NOT_APPLICABLE, detail)
        found = self._mine(table, calls, judged.abnormal)
        scores = steady({table.components[i]: float(found.score[i]) for i in np.flatnonzero(found.passed)})
        if not scores:
            detail = f"no set of components occurs in {percent(self.min_support)} of the abnormal traces"
            return NoRanking(Reason.NOT_APPLICABLE, detail)
        steps = [
            self._calls_step(incident, table, calls, judged),
            _traces_step(incident, table, calls, judged, found),
            _sets_step(incident, table, found, self.min_support),
            _ends_step(incident, table, found),
        ]
        unseen = _unseen_step(incident, table, calls, judged)
        if unseen:
            steps.insert(1, unseen)
        return caveats_for(by_components(scores, Explanation(tuple(steps))), incident)

    def _judge(self, table: SpanTable, calls: TraceCalls) -> _Judged:
        late, kind, kinds = calls.late, calls.kind, calls.kinds
        history = np.bincount(kind[~late], minlength=kinds)
        recent = np.bincount(kind[late], minlength=kinds)
        mean = np.bincount(kind[~late], weights=calls.latency[~late], minlength=kinds) / np.maximum(history, 1)
        apart = (calls.latency - mean[kind]) ** 2
        spread = np.sqrt(np.bincount(kind[~late], weights=apart[~late], minlength=kinds) / np.maximum(history, 1))
        spread = np.maximum(spread, _LEAST_SPREAD * mean)
        outside = (np.abs(calls.latency - mean[kind]) > self.n_sigma * spread[kind]) & (history[kind] > 1)
        before = np.bincount(kind[~late], weights=outside[~late], minlength=kinds) / np.maximum(history, 1)
        after = np.bincount(kind[late], weights=outside[late], minlength=kinds) / np.maximum(recent, 1)
        useful = after - before > self.delta * before
        unseen = history == 0
        failed = table.failed[calls.row]
        abnormal = late & ((outside & useful[kind]) | failed | unseen[kind])
        return _Judged(mean, spread, before, after, useful, unseen, abnormal)

    def _mine(self, table: SpanTable, calls: TraceCalls, abnormal: Flags) -> _Found:
        size = len(table.components)
        passes = _marks(table.traces, size, calls.trace, calls.callee)
        ends = _marks(table.traces, size, calls.trace[abnormal], calls.callee[abnormal])
        internal = abnormal & (calls.caller < size)
        begins = _marks(table.traces, size, calls.trace[internal], calls.caller[internal])
        bad = np.zeros(table.traces, dtype=bool)
        bad[calls.trace[abnormal]] = True
        distinct, kind, counts = np.unique(passes[bad], axis=0, return_inverse=True, return_counts=True)
        normal_distinct, normal_counts = np.unique(passes[table.late & ~bad], axis=0, return_counts=True)
        total = int(bad.sum())
        inward = np.zeros((len(distinct), size))
        outward = np.zeros((len(distinct), size))
        np.add.at(inward, kind.reshape(-1), ends[bad])
        np.add.at(outward, kind.reshape(-1), begins[bad])

        sets, complete = closed_sets(distinct, [int(c) for c in counts], self.min_support)
        score, into, out = np.zeros(size), np.zeros(size), np.zeros(size)
        best: list[int] = [-1] * size
        measures = np.zeros((len(sets), 3))
        for place, items in enumerate(sets):
            members = list(items)
            holding = distinct[:, members].all(axis=1)
            abnormal_holding = int(counts[holding].sum())
            normal_holding = int(normal_counts[normal_distinct[:, members].all(axis=1)].sum())
            support, confidence = abnormal_holding / total, abnormal_holding / (abnormal_holding + normal_holding)
            jaccard = 1.0 / (1.0 / support + 1.0 / confidence - 1.0)
            measures[place] = support, confidence, jaccard
            ending, passing = inward[holding].sum(axis=0) / total, outward[holding].sum(axis=0) / total
            for i in members:
                value = jaccard * max(0.0, ending[i] - passing[i])
                if best[i] < 0 or value > score[i]:
                    score[i], into[i], out[i], best[i] = value, ending[i], passing[i], place
        return _Found(bad, sets, measures, complete, score, into, out, best)

    def _calls_step(self, incident: Incident, table: SpanTable, calls: TraceCalls, judged: _Judged) -> Step:
        useful = np.flatnonzero(judged.useful)
        order = useful[np.argsort(-(judged.after - judged.before)[useful], kind="stable")][:_SHOWN]
        failed = int((table.failed[calls.row] & calls.late).sum())
        claim = (
            f"The latency of {len(useful)} of {calls.kinds} kinds of calls changes at the onset; "
            f"{int(judged.abnormal.sum())} of {int(calls.late.sum())} calls after it are abnormal "
            f"({failed} of them failed)."
        )
        if len(order):
            c = int(order[0])
            caller, callee, operation = calls.name(table, c)
            claim += (
                f" {caller} → {callee} {operation} took {quantity(float(judged.mean[c]), 's')} before the onset; "
                f"{percent(judged.after[c])} of its calls after it deviate by more than {number(self.n_sigma)} "
                f"standard deviations ({percent(judged.before[c])} before)."
            )
        rows = tuple(
            (
                *calls.name(table, int(c)),
                float(judged.mean[c]),
                float(judged.spread[c]),
                float(judged.before[c]),
                float(judged.after[c]),
            )
            for c in order
        )
        columns = ("caller", "callee", "operation", "mean", "sigma", "abnormal before", "abnormal after")
        return Step(
            "Abnormal calls",
            claim,
            {"kinds of calls": calls.kinds, "useful": len(useful), "abnormal calls": int(judged.abnormal.sum())},
            table=Table(columns, rows, {"mean": "s", "sigma": "s"}),
            pointers=tuple(after_onset(incident, *calls.name(table, int(c))[1:]) for c in order[:3]),
        )


@dataclass(frozen=True, eq=False)
class _Judged:
    """By kind of call: history [s], shares of calls outside of it, usefulness; by call: whether it is abnormal."""

    mean: Floats
    spread: Floats
    before: Floats
    after: Floats
    useful: Flags
    unseen: Flags
    abnormal: Flags


@dataclass(frozen=True, eq=False)
class _Found:
    """Item sets with (support, confidence, JI), and for each component its score and the set that gave it."""

    bad: Flags
    sets: list[tuple[int, ...]]
    measures: Floats
    complete: bool
    score: Floats
    into: Floats
    out: Floats
    best: list[int]

    @property
    def passed(self) -> Flags:
        """(C,) components that are in at least one frequent set."""
        return np.array([place >= 0 for place in self.best], dtype=bool)


def _marks(traces: int, size: int, trace: Codes, component: Codes) -> Flags:
    marks = np.zeros((traces, size), dtype=bool)
    marks[trace, component] = True
    return marks


def _unseen_step(incident: Incident, table: SpanTable, calls: TraceCalls, judged: _Judged) -> Step | None:
    fresh = np.flatnonzero(judged.unseen)
    if not len(fresh):
        return None
    count = np.bincount(calls.kind[calls.late], minlength=calls.kinds)
    order = [int(c) for c in fresh[np.argsort(-count[fresh], kind="stable")][:_SHOWN]]
    caller, callee, operation = calls.name(table, order[0])
    return Step(
        "Calls not in the baseline",
        f"{counted(len(fresh), 'new kind')} of calls after the onset, such as {caller} → {callee} {operation} "
        f"({int(count[order[0]])} calls). Such calls are abnormal.",
        {"kinds": len(fresh), "calls": int(count[fresh].sum())},
        table=Table(
            ("caller", "callee", "operation", "calls"), tuple((*calls.name(table, c), int(count[c])) for c in order)
        ),
        pointers=(after_onset(incident, callee, operation),),
    )


def _traces_step(incident: Incident, table: SpanTable, calls: TraceCalls, judged: _Judged, found: _Found) -> Step:
    late, bad = int(table.late.sum()), int(found.bad.sum())
    count = np.bincount(calls.callee[judged.abnormal], minlength=len(table.components))
    most = int(np.argmax(count))
    return Step(
        "Abnormal traces",
        f"{bad} of {late} traces after the onset contain an abnormal call; most abnormal calls go to "
        f"{table.components[most]} ({int(count[most])}).",
        {"abnormal traces": bad, "traces after the onset": late},
        pointers=(after_onset(incident, table.components[most]),),
    )


def _sets_step(incident: Incident, table: SpanTable, found: _Found, least: float) -> Step:
    order = np.argsort(-found.measures[:, 2], kind="stable")[:_SHOWN]
    top = int(order[0])
    support, confidence, jaccard = (float(x) for x in found.measures[top])
    claim = (
        f"{counted(len(found.sets), 'closed set')} of components in at least {percent(least)} of the abnormal traces. "
        f"{_names(table, found.sets[top])}: support {number(support)}, confidence {number(confidence)}, "
        f"JI {number(jaccard)}."
    )
    if not found.complete:
        claim += " The number of sets is limited: those of the rarest traces are left out."
    rows: list[tuple[Cell, ...]] = [(_names(table, found.sets[s]), *map(float, found.measures[s])) for s in order]
    return Step(
        "Sets of components",
        claim,
        {"sets": len(found.sets), "support": support, "confidence": confidence, "JI": jaccard},
        table=Table(("set", "support", "confidence", "JI"), tuple(rows)),
        pointers=tuple(after_onset(incident, table.components[i]) for i in found.sets[top][:1]),
    )


def _ends_step(incident: Incident, table: SpanTable, found: _Found) -> Step:
    order = [int(i) for i in np.argsort(-found.score, kind="stable")[:_SHOWN] if found.best[i] >= 0]
    rows: list[tuple[Cell, ...]] = []
    for i in order:
        jaccard = float(found.measures[found.best[i], 2])
        ends = (float(found.into[i]), float(found.out[i]))
        rows.append(
            (table.components[i], _names(table, found.sets[found.best[i]]), jaccard, *ends, float(found.score[i]))
        )
    top = order[0]
    return Step(
        "Where abnormal calls end",
        f"{percent(found.into[top])} of the abnormal traces contain an abnormal call to {table.components[top]}, "
        f"{percent(found.out[top])} an abnormal call from it: score {number(float(found.score[top]))}.",
        {"in": float(found.into[top]), "out": float(found.out[top]), "score": float(found.score[top])},
        table=Table(("component", "best set", "JI", "in", "out", "score"), tuple(rows)),
        pointers=tuple(after_onset(incident, table.components[i]) for i in order[:3]),
    )


def _names(table: SpanTable, items: tuple[int, ...]) -> str:
    return "{" + ", ".join(sorted(table.components[i] for i in items)) + "}"
