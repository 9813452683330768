"""CausalAI's root-cause detector: which signals does the onset itself point to?"""

from __future__ import annotations

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import TIME, number
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.types import Explanation, Family, Graph, GraphEdge, Method, NoRanking, Outcome, Reason, Step, Table
from methods.graph.context import Pointed, children_of_context
from methods.graph.mixed import Floats
from methods.graph.signals import Signals, correlate, distinct

SHOWN = 40
ONSET = "onset"


class CausalAi(Method):
    """PC with the onset as a variable: root causes are the signals that it acts on directly.

    Idea: A fault is an intervention from outside, so whether a sample lies before or after the onset is a variable that
        nothing in the system acts on. Signals that merely inherit the fault become independent of that variable once
        the signals that they inherit it from are held fixed. Those that no set of others can shield from it are the
        root causes.

    Formula: F(t) = 1 from the onset on, else 0; i is a root cause if |ρ(F, i | S)| >= tanh(z(1 - α/2) / sqrt(T - |S|
        - 3)) for every set S, at most `max_set` large, of other signals that still are candidates. All edges at F
        point away from it. All root causes score 1, so they tie.

    Inputs: metrics (T × N), each signal in any unit: only correlations count; the onset. Gaps are filled with the last
        value or the median.

    Parameters: `alpha`: 0.001, the level of each test; `max_set`: 4 signals, the library's.

    Fails when: several signals change alike at the onset (which of them stays is then chance), when the fault ends
        long before the window does (F says "after" throughout), or with few samples after the onset. NoRanking
        without an onset, with fewer than 4 samples on either side of it or 2 signals that vary, and when no signal
        changes with the onset.

    Cost: O(N^(`max_set` + 1)) tests in the worst case, in practice 10³ to 10⁵; bounded: when larger sets would be too
        many, the search stops and says so.

    Reference: Arora et al., Salesforce CausalAI Library: A Fast and Scalable Framework for Causal Analysis of Time
        Series and Tabular Data, arXiv 2301.10859, 2023 (its RootCauseDetector).

    Deviations: F is the flag before/after. The public code passes the raw clock as that variable, whose correlation
        finds trends instead of changes. The library searches the whole graph; only the edges at F decide, so only
        they are searched here, the weakest candidate first and taken out at once, or signals that change alike would
        all shield each other. The library returns an unordered list: the root causes tie, and signals that are none
        are unranked.
    """

    name = "causalai"
    family = Family.METRIC

    def __init__(self, alpha: float = 0.001, max_set: int = 4) -> None:
        self.alpha = alpha
        self.max_set = max_set

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        if incident.onset is None:
            return NoRanking(Reason.NOT_APPLICABLE, "the onset is not known: set it, or record an incident with an SLI")
        signals = distinct(incident)
        if isinstance(signals, NoRanking):
            return signals
        flag = (signals.matrix.times >= incident.onset.time).astype(np.float64)
        after = int(flag.sum())
        if min(after, signals.samples - after) < 4:
            sentence = (
                f"{signals.samples - after} samples before the onset and {after} after it: at least 4 each are needed"
            )
            return NoRanking(Reason.NOT_APPLICABLE, sentence)
        correlation = correlate(np.column_stack([signals.values, (flag - flag.mean()) / flag.std()]))
        found = children_of_context(correlation, signals.samples, self.alpha, self.max_set)
        if not found.children:
            sentence = f"no signal changes with the onset at level {self.alpha}"
            return NoRanking(Reason.NOT_APPLICABLE, sentence)
        steps = (signals.step(), *self._explain(signals, correlation, found, incident.onset.time))
        scores = signals.spread(np.where(np.isin(np.arange(signals.count), found.children), 1.0, np.nan))
        return caveats_for(by_signals(scores, Explanation(steps)), incident)

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
        claim = f"{found.tests:,} tests: {len(shielded)} signals change with the onset, but not given other signals."
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
            f"Given any other signals, the onset still changes {listed}. These root causes ({len(roots)}) are tied.",
            {"roots": len(roots), "onset": onset},
            units={"onset": TIME},
            table=Table(
                ("signal", "correlation with onset"), tuple((names[i], float(correlation[flag, i])) for i in roots[:10])
            ),
            graph=Graph((ONSET, *(edge.effect for edge in edges)), edges),
            pointers=tuple(signals.pointer(i) for i in roots[:4]),
        )
        return shields, causes
