"""CausalAI's root-cause detector: signals that depend on the onset given any other signals."""

from __future__ import annotations

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import TIME, number
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.refusals import NO_ONSET
from methods.answer.types import Explanation, Family, Graph, GraphEdge, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted
from methods.graph.context import Pointed, children_of_context
from methods.graph.screening import why_unranked
from methods.graph.signals import Signals, correlate, distinct
from methods.telemetry.matrix import Floats

SHOWN = 40
ONSET = "onset"

_UNRANKED = "no signal of theirs changes with the onset, or others explain the change"


class CausalAi(Method):
    """PC with the onset as a variable: root causes are the signals that the onset affects directly.

    Idea:
        A fault is an intervention from outside. So the indicator F (before or after the onset) is a variable that
        nothing in the system affects. Signals that inherit the fault are independent of F given the signals that they
        inherit it from. Signals that no set of others makes independent of F are the root causes.

    Formula:
        F(t) = 1 from the onset on, else 0. Signal i is a root cause if |ρ(F, i | S)| >= tanh(z(1 - α/2) / sqrt(T - |S|
        - 3)) for every set S of at most `max_set` other candidates. All edges at F point away from it. All root causes
        score 1, so they tie.

    Inputs:
        Metrics (T × N), each signal in any unit: only correlations count. The onset. Gaps are filled with the last
        value or the median. Of more than 1,000 signals, those that changed most (`methods.graph.screening`).

    Parameters:
        alpha: level of each test, 0.001.
        max_set: largest number of signals in S, 4 as in the library.

    Fails when:
        Several signals change alike at the onset: chance decides which of them remains. The fault ends long before the
        window does: F is 1 to the end. Samples after the onset are few.

        NoRanking without an onset, with fewer than 4 samples on one side of it or 2 varying signals, and when no signal
        changes with the onset.

    Cost:
        O(N^(`max_set` + 1)) tests in the worst case, in practice 10³ to 10⁵. They are bounded: when larger sets exceed
        the budget, the search stops and the explanation says so.

    Reference:
        Arora et al., Salesforce CausalAI Library: A Fast and Scalable Framework for Causal Analysis of Time Series and
        Tabular Data, arXiv 2301.10859, 2023 (its RootCauseDetector).

    Deviations:
        F is the indicator. The public code passes the raw clock instead, whose correlation finds trends and not
        changes. The library searches the whole graph; only the edges at F decide, so only they are searched here, the
        weakest candidate first and removed at once: otherwise signals that change alike would make each other
        independent of F. The library returns an unordered list: so root causes tie, and other signals are unranked.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.causalai import CausalAi
        >>> ranking = CausalAi().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1']
        >>> print(ranking.explanation.steps[-1].claim)
        Given any other signals, the onset still changes replica-1:cpu_usage: 1 root cause.
    """

    name = "causalai"
    family = Family.METRIC

    def __init__(self, alpha: float = 0.001, max_set: int = 4) -> None:
        self.alpha = alpha
        self.max_set = max_set

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        if incident.onset is None:
            return NO_ONSET
        signals = distinct(incident)
        if isinstance(signals, NoRanking):
            return signals
        flag = (signals.matrix.times >= incident.onset.time).astype(np.float64)
        after = int(flag.sum())
        if min(after, signals.samples - after) < 4:
            before = counted(signals.samples - after, "sample")
            sentence = f"{before} before the onset and {after} after it: at least 4 each are needed"
            return NoRanking(Reason.NOT_APPLICABLE, sentence)
        correlation = correlate(np.column_stack([signals.values, (flag - flag.mean()) / flag.std()]))
        found = children_of_context(correlation, signals.samples, self.alpha, self.max_set)
        if not found.children:
            sentence = f"no signal changes with the onset at level {self.alpha}"
            return NoRanking(Reason.NOT_APPLICABLE, sentence)
        steps = (*signals.steps(), *self._explain(signals, correlation, found, incident.onset.time))
        scores = signals.spread(np.where(np.isin(np.arange(signals.count), found.children), 1.0, np.nan))
        outcome = by_signals(scores, Explanation(steps))
        return caveats_for(outcome, incident, unranked_as=why_unranked(_UNRANKED, signals.screened))

    def _explain(self, signals: Signals, correlation: Floats, found: Pointed, onset: float) -> tuple[Step, ...]:
        flag = signals.count
        names = (*signals.names, ONSET)
        strength = np.abs(correlation[flag, :-1])
        roots = found.children
        shielded = [i for i, why in found.separations.items() if why.given]
        shielded.sort(key=lambda i: -strength[i])
        rows = []
        for i in shielded[:10]:
            why = found.separations[i]
            given = ", ".join(names[s] for s in why.given)
            rows.append((names[i], float(correlation[flag, i]), given, why.correlation, why.threshold))
        claim = (
            f"{number(found.tests)} tests: {counted(len(shielded), 'signal')} with a change at the onset that "
            "others explain."
        )
        if rows:
            claim += (
                f" {rows[0][0]} correlates with the onset by {number(rows[0][1])}, but given {rows[0][2]} only by "
                f"{number(rows[0][3])}."
            )
        if found.unfinished:
            claim += f" The search stopped there: tests given {found.unfinished} signals exceed the budget."
        shields = Step(
            "Indirect changes",
            claim,
            {"tests": found.tests, "alpha": self.alpha, "shielded": len(shielded)},
            table=Table(("signal", "correlation with onset", "given", "partial correlation", "threshold"), tuple(rows)),
            pointers=tuple(signals.pointer(i) for i in shielded[:3]),
        )
        listed = ", ".join(names[i] for i in roots[:5]) + (f" and {len(roots) - 5} more" if len(roots) > 5 else "")
        edges = tuple(GraphEdge(ONSET, names[i], float(strength[i])) for i in roots[:SHOWN])
        causes = Step(
            "Root causes",
            f"Given any other signals, the onset still changes {listed}: {counted(len(roots), 'root cause')}"
            f"{', all tied' if len(roots) > 1 else ''}.",
            {"roots": len(roots), "onset": onset},
            units={"onset": TIME},
            table=Table(
                ("signal", "correlation with onset"), tuple((names[i], float(correlation[flag, i])) for i in roots[:10])
            ),
            graph=Graph((ONSET, *(edge.effect for edge in edges)), edges),
            pointers=tuple(signals.pointer(i) for i in roots[:4]),
        )
        return shields, causes
