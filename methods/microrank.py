"""MicroRank: operations that many abnormal and few normal traces cover."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number, quantity
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.ties import steady
from methods.answer.types import Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted
from methods.telemetry.matrix import Floats
from methods.telemetry.spans import Flags, SpanTable, after_onset, encode
from methods.telemetry.trace_coverage import Coverage, coverage, weights

_SHOWN = 12
_ROUNDING = 1e-9


class MicroRank(Method):
    """MicroRank: PageRank over abnormal and normal traces, then weighted spectrum analysis.

    Idea:
        An operation that many slow and few normal traces cover is suspect, as in spectrum-based debugging. Not all
        traces count alike. A personalised PageRank between operations and traces gives weight to operations on rare
        kinds of traces and on short ones, which leave little else to blame. The weights scale the four counts of the
        spectrum, and Dstar2 turns these into a score.

    Formula:
        A trace is abnormal if its own times exceed the expectation: Σ own_s > Σ (μ_op(s) + n σ_op(s)) over its spans s,
        with μ and σ of the own time of that operation before the onset. For each partition, iterate to convergence: s ←
        d (P_sr r + ω P_ss s) and r ← d P_rs s + (1 - d) θ, each over its maximum. P_sr holds 1 / operations of the
        trace, P_rs 1 / traces of the operation, P_ss 1 / callees of the caller. θ ∝ 1 / k in the normal partition, φ (1
        / n) / Σ (1 / n) + (1 - φ) (1 / k) / Σ (1 / k) in the abnormal one, with k traces of the same kind and n
        operations covered. With w = s · mean(s): ef = w_a c_a, nf = w_a (N_a - c_a), ep = w_n c_n, np = w_n (N_n - c_n)
        where c of N traces cover the operation, and score = ef² / (ep + nf). A component scores as its highest
        operation.

    Inputs:
        Spans with trace, parent, component, operation and duration [s]. The onset, with traces on both sides of it.

    Parameters:
        n_sigma: n, 1.5 as in the authors' public code.
        phi: φ, 0.5 as there.
        damping: d, 0.85 as there.
        omega: ω, 0.01 as there.
        unseen: number of normal traces, of weight 1, that count for an operation in none of them, 1; not in the paper.

    Fails when:
        Every trace covers the same operations (one path for all requests): counts cannot differ, and PageRank decides
        alone. A slow component whose time shows only in the own time of its caller (network): the caller is blamed.

        NoRanking without an onset or spans, without traces on one side of the onset, and when no trace is abnormal.
        NOT_CONVERGED when PageRank does not converge.

    Cost:
        O(S log S) for S spans, then O(coverage of the distinct kinds) for each iteration: 10⁵ spans take half a second.

    Reference:
        Yu et al., MicroRank: End-to-End Latency Issue Localization with Extended Spectrum Analysis in Microservice
        Environments, WWW 2021.

    Deviations:
        A trace with a failed span is abnormal too: a fast failure is not normal. The study's code uses all traces
        before and all after the onset and never its own partition; here the traces after the onset are partitioned (if
        all of them are abnormal, those before it are the normal ones). It raises KeyError for an operation unseen
        before the onset; here the expected time of such an operation is 0, so the time spent in it is evidence. It
        loses nearly all call edges by resetting them row by row, and compares traces pairwise; here coverage is hashed.
        It iterates 25 times, here until convergence. Own time is the duration without the union of the children's
        intervals, not without their sum.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.microrank import MicroRank
        >>> ranking = MicroRank().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'replica-0']
        >>> print(ranking.explanation.steps[2].claim)
        generate of replica-1 is in 50 of 56 abnormal and 0 of 44 normal traces: Dstar2 = ef²/(ep + nf) = 28.8²/(1 +
        3.45) = 186. 1 listed operation in no normal trace.
    """

    name: ClassVar[str] = "microrank"
    family: ClassVar[Family] = Family.TRACE

    def __init__(
        self, n_sigma: float = 1.5, phi: float = 0.5, damping: float = 0.85, omega: float = 0.01, unseen: float = 1.0
    ) -> None:
        self.n_sigma = n_sigma
        self.phi = phi
        self.damping = damping
        self.omega = omega
        self.unseen = unseen

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        table = encode(incident)
        if isinstance(table, NoRanking):
            return table
        own, expected = self._latencies(table)
        slow = own > expected * (1 + _ROUNDING)
        failed = np.bincount(table.trace, weights=table.failed, minlength=table.traces) > 0
        abnormal = table.late & (slow | failed)
        if not abnormal.any():
            detail = f"none of {int(table.late.sum())} traces after the onset is slower than expected, and none failed"
            return NoRanking(Reason.NOT_APPLICABLE, detail)
        normal = table.late & ~abnormal
        borrowed = not normal.any()
        if borrowed:
            normal = ~table.late
        bad, good = coverage(table, abnormal), coverage(table, normal)
        bad_weights = weights(bad, rare=1.0 - self.phi, damping=self.damping, call_weight=self.omega)
        good_weights = weights(good, rare=1.0, damping=self.damping, call_weight=self.omega)
        if bad_weights is None or good_weights is None:
            return NoRanking(Reason.NOT_CONVERGED, "PageRank between operations and traces did not converge")
        spectrum = self._spectrum(bad, good, bad_weights, good_weights)
        operations = {table.operations[o]: float(spectrum[o, 4]) for o in np.flatnonzero(bad.covering > 0)}
        operations = steady(operations)
        scores: dict[str, float] = {}
        for (component, _), score in operations.items():
            scores[component] = max(score, scores.get(component, 0.0))
        steps = (
            self._partition_step(incident, table, own, expected, abnormal, failed, borrowed, good.traces),
            _weights_step(incident, table, bad_weights, good_weights),
            _spectrum_step(incident, table, bad, good, spectrum),
        )
        return caveats_for(by_components(scores, Explanation(steps), operations), incident)

    def _latencies(self, table: SpanTable) -> tuple[Floats, Floats]:
        """(R,) own time of all spans of each trace, and the largest that the baseline predicts for it, in seconds."""
        early = ~table.late[table.trace]
        of, kinds = table.operation, len(table.operations)
        count = np.maximum(np.bincount(of[early], minlength=kinds), 1)
        mean = np.bincount(of[early], weights=table.own_time[early], minlength=kinds) / count
        apart = (table.own_time - mean[of])[early] ** 2
        spread = np.sqrt(np.bincount(of[early], weights=apart, minlength=kinds) / count)
        expected = np.bincount(table.trace, weights=(mean + self.n_sigma * spread)[of], minlength=table.traces)
        own = np.bincount(table.trace, weights=table.own_time, minlength=table.traces)
        return own.astype(np.float64), expected.astype(np.float64)

    def _spectrum(self, bad: Coverage, good: Coverage, bad_weights: Floats, good_weights: Floats) -> Floats:
        """(O, 5): ef, nf, ep, np and the Dstar2 score."""
        ef, nf = bad_weights * bad.covering, bad_weights * (bad.traces - bad.covering)
        seen = good.covering > 0
        ep = np.where(seen, good_weights * good.covering, self.unseen)
        passed = np.where(seen, good_weights * (good.traces - good.covering), good.traces)
        below = ep + nf
        score = np.divide(ef**2, below, out=np.zeros_like(ef), where=below > 0)
        return np.stack([ef, nf, ep, passed, score], axis=1)

    def _partition_step(
        self,
        incident: Incident,
        table: SpanTable,
        own: Floats,
        expected: Floats,
        abnormal: Flags,
        failed: Flags,
        borrowed: bool,
        normal: int,
    ) -> Step:
        many, late = int(abnormal.sum()), int(table.late.sum())
        worst = int(np.argmax(np.where(abnormal, own - expected, -np.inf)))
        claim = (
            f"{many} of {late} traces after the onset are abnormal ({int((abnormal & failed).sum())} of them failed). "
            f"The slowest took {quantity(float(own[worst]), 's')}; the baseline predicts at most "
            f"{quantity(float(expected[worst]), 's')}."
        )
        if borrowed:
            claim += " None is normal, so the traces before the onset are taken as the normal ones."
        entry = table.operations[int(table.operation[np.flatnonzero(table.trace == worst)[0]])]
        return Step(
            "Abnormal and normal traces",
            claim,
            {
                "abnormal traces": many,
                "normal traces": normal,
                "traces before the onset": int((~table.late).sum()),
                "n_sigma": self.n_sigma,
            },
            pointers=(after_onset(incident, *entry),),
        )


def _weights_step(incident: Incident, table: SpanTable, bad: Floats, good: Floats) -> Step:
    order = np.argsort(-bad, kind="stable")[:_SHOWN]
    component, operation = table.operations[int(order[0])]
    return Step(
        "PageRank of operations",
        f"Among the abnormal traces, {operation} of {component} has the largest weight: "
        f"{number(float(bad[order[0]]))} (among the normal traces: {number(float(good[order[0]]))}).",
        {"operations": int((bad > 0).sum())},
        table=Table(
            ("component", "operation", "weight abnormal", "weight normal"),
            tuple((*table.operations[o], float(bad[o]), float(good[o])) for o in order if bad[o] > 0),
        ),
        pointers=(after_onset(incident, component, operation),),
    )


def _spectrum_step(incident: Incident, table: SpanTable, bad: Coverage, good: Coverage, spectrum: Floats) -> Step:
    order = [int(o) for o in np.argsort(-spectrum[:, 4], kind="stable")[:_SHOWN] if bad.covering[o] > 0]
    top = order[0]
    component, operation = table.operations[top]
    ef, nf, ep, passed, score = (float(x) for x in spectrum[top])
    claim = (
        f"{operation} of {component} is in {int(bad.covering[top])} of {bad.traces} abnormal and "
        f"{int(good.covering[top])} of {good.traces} normal traces: Dstar2 = ef²/(ep + nf) = "
        f"{number(ef)}²/({number(ep)} + {number(nf)}) = {number(score)}."
    )
    unseen = [o for o in order if good.covering[o] == 0]
    if unseen:
        claim += f" {counted(len(unseen), 'listed operation')} in no normal trace."
    return Step(
        "Weighted spectrum",
        claim,
        {"ef": ef, "nf": nf, "ep": ep, "np": passed, "score": score},
        table=Table(
            ("component", "operation", "ef", "nf", "ep", "np", "score"),
            tuple((*table.operations[o], *(float(x) for x in spectrum[o])) for o in order),
        ),
        pointers=tuple(after_onset(incident, *table.operations[o]) for o in order[:3]),
    )
