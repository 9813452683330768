"""Anomaly attribution of dowhy.gcm: how much of the front door's anomaly each component's own noise explains."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cluster.incident.model import Incident
from cluster.text.quantities import number
from cluster.text.times import clock_time
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.refusals import NO_CHANGE
from methods.answer.ties import steady
from methods.answer.types import Cell, Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted
from methods.telemetry.call_nodes import CallNodes, call_nodes
from methods.telemetry.matrix import Floats, content_order

_LEAST_BEFORE = 10
_MOST_COMPONENTS = 30
_SHOWN = 12
_MISSING = NoRanking(
    Reason.NOT_APPLICABLE, "the package dowhy is not installed: install it with pip install 'rca-tui[beyond]'"
)


class AnomalyAttribution(Method):
    """Anomaly attribution (dowhy.gcm): Shapley values of each component's own noise in the front door's anomaly.

    Idea:
        A structural causal model says what each component adds to what it inherits from its callees: its noise. After
        the onset the noise of each component is recovered. Replacing that of some components by normal noise makes the
        front door less anomalous; the Shapley value shares this out among all components fairly.

    Formula:
        Latency of a component = linear function of the latencies of its callees + noise, fitted before the onset. For a
        set U of components, v(U) = log P(g >= g(x)), where g is the anomaly of the front door when components in U have
        their noise of the anomalous sample x, and the others normal noise. score(c) = Shapley value of c in v. The
        scores sum to -log P(g >= g(x)) under normal operation.

    Inputs:
        Latency of calls (T × E edges), in any unit, or where none is measured, what components report; topology with
        calls and front door. The onset, with at least 10 samples before it. The package dowhy, which is not
        installed with the tool: `pip install 'rca-tui[beyond]'`.

    Parameters:
        samples: drawn from the model of normal operation, 3000 as in dowhy; the score of the front door is at most
            log(2 samples + 1).

    Fails when:
        A fault is not in the latency: a component that answers nothing has none. The anomalous sample lies far outside
        of what the model was fitted on: where the relation is not linear there, the caller's noise takes half of the
        blame or more, as in the example. Answers of two seeds differ by some hundredths.

        NoRanking without dowhy, a front door, an onset or latencies of calls, with fewer than 10 samples before the
        onset, with more than 30 components, when calls form a circle, and when the front door does not change.

    Cost:
        Up to 2^C evaluations of the model on `samples` draws for C components, fewer from 6 on; 3 s for 5 components.

    Reference:
        Budhathoki, Minorics, Blöbaum, Janzing, Causal structure-based root cause analysis of outliers, ICML 2022;
        Blöbaum et al., DoWhy-GCM, Journal of Machine Learning Research 2024.

    Deviations:
        The anomalous sample is the one at which the latency of the front door is furthest from its median. The causal
        graph is the call graph, every relation linear, noise and roots empirical, as usual on PetShop. dowhy draws from
        NumPy's global generator: it is seeded from `rng`, and put back as it was.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.anomaly_attribution import AnomalyAttribution
        >>> ranking = AnomalyAttribution().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]  # the gateway waits for the slower one: not linear
        ['gateway', 'replica-1', 'replica-0']
        >>> print(ranking.explanation.steps[0].claim)
        At 00:19:00 UTC the latency of gateway has an anomaly score of 8.7; the own noise of gateway explains 4.85 of
        it, that of 2 other components the rest.
    """

    name: ClassVar[str] = "anomaly_attribution"
    family: ClassVar[Family] = Family.BEYOND

    def __init__(self, samples: int = 3000) -> None:
        self.samples = samples

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        nodes = call_nodes(incident, _LEAST_BEFORE)
        if isinstance(nodes, NoRanking):
            return nodes
        if importlib.util.find_spec("dowhy") is None:
            return _MISSING
        if len(nodes.components) > _MOST_COMPONENTS:
            detail = f"{len(nodes.components)} components, the sum over all subsets of them ends at {_MOST_COMPONENTS}"
            return NoRanking(Reason.NOT_APPLICABLE, detail)
        scale = np.maximum(np.abs(nodes.before).max(axis=0), np.abs(nodes.after).max(axis=0))
        scale = np.where(scale > 0, scale, 1.0)
        before, after = nodes.before / scale, nodes.after / scale
        distance = np.abs(after[:, nodes.target] - np.median(before[:, nodes.target]))
        if not distance.any():
            return NO_CHANGE
        trigger = int(np.argmax(distance))
        shares = self._attribute(nodes, before, after[trigger], rng)
        scores = steady(dict(zip(nodes.components, shares.tolist(), strict=True)))
        steps = _steps(nodes, scores, float(nodes.times[trigger]))
        return caveats_for(by_components(scores, Explanation(steps)), incident)

    def _attribute(self, nodes: CallNodes, before: Floats, observed: Floats, rng: np.random.Generator) -> Floats:
        """(C,) Shapley values. dowhy sees numbers for names, in an order that the names of components do not decide."""
        gcm: Any = importlib.import_module("dowhy.gcm")
        graph = importlib.import_module("networkx").DiGraph()
        order = content_order(np.vstack([before, observed]), nodes.components)
        graph.add_nodes_from(order)
        graph.add_edges_from((parent, i) for i in order for parent in order if parent in nodes.parents[i])
        model = gcm.InvertibleStructuralCausalModel(graph)
        for i in order:
            linear = gcm.AdditiveNoiseModel(gcm.ml.create_linear_regressor())
            model.set_causal_mechanism(i, linear if nodes.parents[i] else gcm.EmpiricalDistribution())
        normal = pd.DataFrame({i: before[:, i] for i in order})
        sample = pd.DataFrame({i: [observed[i]] for i in order})
        gcm.config.disable_progress_bars()
        # Processes of its own would outlive the deadline.
        gcm.config.set_default_n_jobs(1)
        state = np.random.get_state()
        try:
            np.random.seed(int(rng.integers(2**32)))
            gcm.fit(model, normal)
            found = gcm.attribute_anomalies(model, nodes.target, sample, num_distribution_samples=self.samples)
        finally:
            np.random.set_state(state)
        return np.array([float(found[i][0]) if i in found else 0.0 for i in range(len(nodes.components))])


def _steps(nodes: CallNodes, scores: dict[str, float], at: float) -> tuple[Step, ...]:
    order = sorted(range(len(nodes.components)), key=lambda i: (-scores[nodes.components[i]], nodes.components[i]))
    total = sum(scores.values())
    first, target = nodes.components[order[0]], nodes.components[nodes.target]
    rows: list[tuple[Cell, ...]] = [(nodes.components[i], scores[nodes.components[i]]) for i in order[:_SHOWN]]
    return (
        Step(
            "Shares of the anomaly",
            f"At {clock_time(at)} the latency of {target} has an anomaly score of {number(total)}; the own noise of "
            f"{first} explains {number(scores[first])} of it, that of {counted(len(order) - 1, 'other component')} the "
            f"rest.",
            {"score": total, **{nodes.components[i]: scores[nodes.components[i]] for i in order[:_SHOWN]}},
            table=Table(("component", "share"), tuple(rows)),
            graph=nodes.graph(order[0]),
            pointers=(nodes.pointers[order[0]], nodes.pointers[nodes.target]),
        ),
    )
