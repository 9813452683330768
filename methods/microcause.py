"""MicroCause: a lagged causal graph, a partial-correlation walk on it, and an anomaly degree of each signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number, quantity
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.types import Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted, unit_of
from methods.graph.blame import sli_column, walk_step
from methods.graph.mixed import Bools, Marks, as_graph, directed, effect_to_cause
from methods.graph.pcmci import LaggedLinks, TooLarge, partial_correlation, pcmci
from methods.graph.random_walk import mean_visits, transitions
from methods.graph.screening import why_unranked
from methods.graph.signals import Signals, distinct
from methods.graph.symptoms import symptoms
from methods.telemetry.matrix import Floats
from methods.telemetry.spot import extreme_bound

SHOWN = 10
LEAST_SAMPLES = 24
LEAST_BASELINE = 20
_MOST_SIGNALS = 150
"""Each is a column at every lag."""
_UNRANKED = "they have no varying signal, symptoms at the front door aside"


@dataclass(frozen=True, eq=False)
class _Anomaly:
    """(N,) each: baseline median, extreme-value bound on deviations from it, largest deviation after the onset, η."""

    median: Floats
    bound: Floats
    largest: Floats
    eta: Floats


class MicroCause(Method):
    """MicroCause: path condition time series (PCMCI), then a temporal cause-oriented random walk.

    Idea:
        Faults travel between metrics with delays, so the causal graph is learnt from lagged dependencies. A walk starts
        at the SLI, follows the edges from effects to causes, and prefers metrics with a high partial correlation with
        the SLI. The visits of the walk and the deviation of each metric from its own normal range give the ranking.

    Formula:
        PCMCI finds links (i, lag) → j. w(i) = |ρ(i, SLI | parents of the SLI and of i)|. From i the walk steps to a
        cause c with weight w(c), back to an effect e with `rho` w(e), or stays with max(0, w(i) - max w(c)), each
        divided by their sum. score(i) = `weight` v(i) / max v + (1 - `weight`) η(i) / max η, with v the mean visits of
        a walk of `steps` steps, and η(i) = max over t >= onset of (|x_i(t) - median_i| - z_i) / z_i, at least 0, with
        z_i the extreme-value bound.

    Inputs:
        Metrics (T × N), each signal in any unit, at an even step. The SLI: the latency of the front door. The onset,
        without which only visits count. Gaps are filled with the last value or the median. Of more than 150 signals,
        those that changed most (`methods.graph.screening`).

    Parameters:
        tau_max: largest lag, 10 samples, fewer where T is small.
        pc_alpha: level of the condition selection, 0.1.
        alpha: level of a link, 0.001.
        rho: weight of a step back, 0.2.
        steps: length of the walk, 1,000.
        weight: of the visits in the score, 0.5. These are the public code's defaults.
        risk: probability that a baseline value exceeds z_i, 0.001.

    Fails when:
        Signals are related non-linearly. Drifts and jumps make every signal predict every other. Samples are few for
        many parents. A front door at fault shows by its resources only.

        NoRanking with fewer than 24 samples or 2 varying signals, without an SLI, and without a link from it to a
        possible cause.

    Cost:
        O(T (N `tau_max`)²) for the lagged correlations, and N² `tau_max` tests of O(p³) with p the parents of two
        signals.

    Reference:
        Meng et al., Localizing Failure Root Causes in a Microservice through Causality Inference, IWQoS 2020. PCMCI:
        Runge et al., Science Advances 5(11), 2019. SPOT: Siffer et al., KDD 2017.

    Deviations:
        The public code stores edges from effect to cause and walks them in the other direction, so its walk steps from
        causes to effects; here it steps to causes. It samples a million steps unseeded; here expected visits are
        computed. It sets every η to 1; here η counts, with a fixed bound instead of SPOT's moving one. Links at lag 0
        have no direction in PCMCI and are walked in both. The public code starts at the latency of the service that it
        is to find; here the walk starts at the front door's. The SLI and what else users notice at the front door
        (latencies, errors, numbers of requests) are symptoms, which resemble the SLI whatever its cause: the walk
        passes through them, but they are not ranked.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.microcause import MicroCause
        >>> ranking = MicroCause().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'node', 'replica-0']
        >>> print(ranking.explanation.steps[3].claim)
        replica-1:latency_p90 deviates by up to 356 ms from its baseline median; the extreme-value bound is 43.3 ms: η =
        7.22.
    """

    name = "microcause"
    family = Family.METRIC

    def __init__(
        self,
        tau_max: int = 10,
        pc_alpha: float = 0.1,
        alpha: float = 0.001,
        rho: float = 0.2,
        steps: int = 1000,
        weight: float = 0.5,
        risk: float = 0.001,
    ) -> None:
        self.tau_max = tau_max
        self.pc_alpha = pc_alpha
        self.alpha = alpha
        self.rho = rho
        self.steps = steps
        self.weight = weight
        self.risk = risk

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        signals = distinct(incident, LEAST_SAMPLES, _MOST_SIGNALS)
        if isinstance(signals, NoRanking):
            return signals
        start = sli_column(incident, signals)
        if isinstance(start, NoRanking):
            return start
        # At least half of the samples remain for the tests.
        tau_max = min(self.tau_max, signals.samples // 4)
        try:
            links = pcmci(signals.values, tau_max, self.pc_alpha)
        except TooLarge as error:
            return NoRanking(Reason.NOT_APPLICABLE, f"MicroCause: {error}")
        marks = self._collapse(links)
        climbs = effect_to_cause(marks)
        likeness = self._likeness(signals, climbs, start)
        visits = mean_visits(transitions(climbs, likeness, self.rho), start, self.steps)
        felt = symptoms(incident)
        others = signals.ranked(felt)
        others[start] = False
        if visits[others].max(initial=0.0) <= 0:
            sentence = f"no link leads from the SLI {signals.names[start]} to a possible cause"
            return NoRanking(Reason.NOT_APPLICABLE, f"MicroCause: {sentence}")
        anomaly = self._anomaly(incident, signals)
        score = visits / visits[others].max()
        if anomaly is not None and anomaly.eta[others].max() > 0:
            score = self.weight * score + (1 - self.weight) * anomaly.eta / anomaly.eta[others].max()
        score[~others] = np.nan
        steps = (
            *signals.steps(),
            self._links_step(signals, links, marks, np.nan_to_num(score, nan=1.0)),
            walk_step(signals, start, visits, likeness, felt, {"rho": self.rho, "steps": self.steps}),
            *self._anomaly_steps(incident, signals, anomaly, others),
            self._score_step(signals, score, visits, anomaly),
        )
        outcome = by_signals(signals.spread(score, felt), Explanation(steps))
        return caveats_for(outcome, incident, unranked_as=why_unranked(_UNRANKED, signals.screened))

    def _collapse(self, links: LaggedLinks) -> Marks:
        """One edge for all lags: directed where a lag says so, undirected for links at lag 0."""
        linked = links.p_values <= self.alpha
        causes: Bools = linked[:, :, 1:].any(axis=2) | linked[:, :, 0] | linked[:, :, 0].T
        np.fill_diagonal(causes, False)
        return directed(causes)

    def _likeness(self, signals: Signals, climbs: Bools, start: int) -> Floats:
        """(N,) |ρ(i, SLI | parents of the SLI and of i)|, 1 for the SLI itself."""
        likeness = np.ones(signals.count)
        room = signals.samples - 5
        for i in range(signals.count):
            if i != start:
                given = np.nonzero((climbs[start] | climbs[i]) & ~np.isin(np.arange(signals.count), (i, start)))[0]
                likeness[i] = abs(partial_correlation(signals.correlation, i, start, given[:room].tolist()))
        return likeness

    def _anomaly(self, incident: Incident, signals: Signals) -> _Anomaly | None:
        if incident.onset is None:
            return None
        early = signals.matrix.times < incident.onset.time
        before, after = signals.matrix.values[early], signals.matrix.values[~early]
        if len(before) < LEAST_BASELINE or not len(after):
            return None
        median = np.median(before, axis=0)
        largest = np.abs(after - median).max(axis=0)
        bound = np.array([extreme_bound(column, self.risk) for column in np.abs(before - median).T])
        # A constant baseline has no tail: its bound is a tenth of the largest deviation after it, so that η is 9.
        bound = np.where(bound > 0, bound, largest / 10)
        eta = np.divide(largest - bound, bound, out=np.zeros_like(bound), where=bound > 0)
        return _Anomaly(median, bound, largest, np.clip(eta, 0.0, None))

    def _links_step(self, signals: Signals, links: LaggedLinks, marks: Marks, relevance: Floats) -> Step:
        linked = [tuple(int(k) for k in link) for link in np.argwhere(links.p_values <= self.alpha)]
        across = [(i, j, lag) for i, j, lag in linked if i != j and (lag > 0 or i < j)]
        across.sort(key=lambda link: (-(relevance[link[0]] + relevance[link[1]]), -abs(links.correlation[link])))
        rows = tuple(
            (
                signals.names[i],
                signals.names[j],
                lag,
                float(links.correlation[i, j, lag]),
                float(links.p_values[i, j, lag]),
            )
            for i, j, lag in across[:SHOWN]
        )
        claim = (
            f"{counted(links.tests, 'test')} over {links.samples} samples find {counted(len(across), 'link')} "
            f"between different signals at level {self.alpha}."
        )
        if rows:
            cause, effect, lag, partial, _ = rows[0]
            when = f"{counted(lag, 'sample')} later" if lag else "in the same sample, direction unknown"
            claim += f" {cause} and {effect}: partial correlation {number(partial)}, {when}."
        return Step(
            "Lagged links",
            claim,
            {"tests": links.tests, "links": len(across), "pc_alpha": self.pc_alpha, "alpha": self.alpha},
            table=Table(("cause", "effect", "lag in samples", "partial correlation", "p"), rows),
            graph=as_graph(marks, signals.names, np.abs(links.correlation).max(axis=2), relevance),
            pointers=tuple(signals.pointer(i) for i in across[0][:2]) if across else (),
        )

    def _anomaly_steps(
        self, incident: Incident, signals: Signals, anomaly: _Anomaly | None, ranked: Bools
    ) -> tuple[Step, ...]:
        if anomaly is None:
            claim = "Only the visits count: without an onset, or with too few samples before it, there is no baseline."
            return (Step("Anomaly degree", claim),)
        order = [int(i) for i in np.argsort(-anomaly.eta, kind="stable") if ranked[i]][:SHOWN]
        top = order[0]
        component, signal = signals.matrix.keys[top]
        unit = unit_of(incident.telemetry.units, signal)
        rows = tuple(
            (signals.names[i], float(anomaly.bound[i]), float(anomaly.largest[i]), float(anomaly.eta[i])) for i in order
        )
        claim = (
            f"{component}:{signal} deviates by up to {quantity(float(anomaly.largest[top]), unit)} from its baseline "
            f"median; the extreme-value bound is {quantity(float(anomaly.bound[top]), unit)}: "
            f"η = {number(float(anomaly.eta[top]))}."
        )
        middle, bound = float(anomaly.median[top]), float(anomaly.bound[top])
        levels = {"baseline median": middle, "extreme above": middle + bound, "extreme below": middle - bound}
        listed = tuple(unit_of(incident.telemetry.units, signals.matrix.keys[i][1]) for i in order)
        units = dict.fromkeys(levels, unit)
        table = Table(
            ("signal", "bound", "largest deviation", "η"), rows, {"bound": listed, "largest deviation": listed}
        )
        pointers = tuple(signals.pointer(i) for i in order[:3])
        return (Step("Anomaly degree", claim, {"risk": self.risk}, levels, table, pointers=pointers, units=units),)

    def _score_step(self, signals: Signals, score: Floats, visits: Floats, anomaly: _Anomaly | None) -> Step:
        order = [int(i) for i in np.argsort(-np.nan_to_num(score, nan=-1.0), kind="stable")][:SHOWN]
        top = order[0]
        rows = tuple(
            (signals.names[i], float(score[i]), float(visits[i]), None if anomaly is None else float(anomaly.eta[i]))
            for i in order
            if np.isfinite(score[i])
        )
        by_both = anomaly is not None and anomaly.eta[np.isfinite(score)].max() > 0
        by = "visits and anomaly degree" if by_both else "visits alone"
        claim = f"{signals.names[top]} scores {number(float(score[top]))} of at most 1, by {by}."
        table = Table(("signal", "score", "share of visits", "η"), rows)
        weight = {"weight": self.weight} if by_both else {}
        return Step("Score", claim, weight, table=table, pointers=(signals.pointer(top),))
