"""PDiagnose: metrics, logs and spans vote for the component at fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from cluster.incident.model import Incident
from cluster.text.quantities import number, percent
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.refusals import NO_ONSET
from methods.answer.ties import steady
from methods.answer.types import Cell, Explanation, Family, Method, NoRanking, Outcome, Pointer, Reason, Step, Table
from methods.answer.wording import counted
from methods.telemetry import log_templates
from methods.telemetry.log_templates import LogTable
from methods.telemetry.matrix import Floats, Key, SignalMatrix, halves, prepare
from methods.telemetry.spans import SpanTable, after_onset, encode

_SHOWN = 12
_LEAST_SPREAD = 0.01
_CHATTY = 0.5


class PDiagnose(Method):
    """PDiagnose: one vote of each kind of telemetry.

    Idea:
        Each source has a simple detector without training: density and moving average for metrics, keywords and unusual
        templates for logs, slow and failed spans for traces. Each source turns its anomalies into a vote for every
        component. The component with the most votes is blamed, even if one source shows nothing.

    Formula:
        Metrics: a weighted moving average of `window` samples smooths a signal (the newest weighs most). A sample after
        the onset is anomalous if its two-sided tail probability under the kernel density of the smoothed baseline is
        below `tail`; vote_m = largest share of anomalous samples of any of the component's signals. Logs: a line is
        anomalous if it reports an error, or if its template occurs more often than before by more than n standard
        deviations of a Poisson count; vote_l = max(0, share of anomalous lines after - before). Spans: a span is
        anomalous if it failed, or if its own time is outside μ ± n σ of its operation before the onset; vote_t = max(0,
        share after - before). score = (vote_m + vote_l + vote_t) / number of sources.

    Inputs:
        Metrics (T × N, each in any unit), log lines, spans with durations [s]: one of them is enough. The onset.

    Parameters:
        tail: tail probability of an anomalous sample, 0.01.
        window: of the moving average, 3 samples.
        n_sigma: n, 3. The paper sets such thresholds for its data sets; these are our own.

    Fails when:
        The fault silences a component: without lines and spans, only its metrics vote; without those either it is not
        ranked. A surge of load changes the metrics of all components, and votes then say little. Components with many
        noisy signals have more chances of a large share.

        NoRanking without an onset, and when no metric, log line or span is anomalous.

    Cost:
        O(N T²) for the densities, linear in lines and spans.

    Reference:
        Hou, Jia, Wu, Li, Han, Diagnosing Performance Issues in Microservices with Heterogeneous Data Source, ISPA 2021.

    Deviations:
        The public code uses neither density nor moving average, but mean + 3 standard deviations of raw samples,
        upwards only. It adds numbers of samples, of error lines in the whole file (before the fault too) and of spans,
        so the component with most requests, signals or log lines wins; here each source votes with a share between 0
        and 1. Of metrics it is that of the worst signal: a mean over signals would hide an anomaly among calm ones, and
        favour components with few. It raises KeyError for a component with logs and without metrics, and for an
        operation that the baseline lacks; here such an operation does not vote. The own time of a span counts, so that
        a caller is not blamed for its callees.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.pdiagnose import PDiagnose
        >>> ranking = PDiagnose().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'node', 'replica-0']
        >>> print(ranking.explanation.steps[-1].claim)
        replica-1 has the largest votes: metrics 1, logs 0.254, spans 1; their mean is 0.751 of at most 1.
    """

    name: ClassVar[str] = "pdiagnose"
    family: ClassVar[Family] = Family.MULTI_SOURCE

    def __init__(self, tail: float = 0.01, window: int = 3, n_sigma: float = 3.0) -> None:
        self.tail = tail
        self.window = window
        self.n_sigma = n_sigma

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        if incident.onset is None:
            return NO_ONSET
        onset = incident.onset.time
        sides = halves(prepare(incident), incident.onset)
        logs, spans = log_templates.parse(incident), encode(incident)
        ballots: dict[str, _Ballot] = {}
        if not isinstance(sides, NoRanking):
            ballots["metrics"] = self._metrics(*sides)
        if logs is not None and (logs.time < onset).any() and (logs.time >= onset).any():
            ballots["logs"] = self._logs(incident, logs, onset)
        if not isinstance(spans, NoRanking):
            ballots["spans"] = self._spans(incident, spans)
        if not any(vote > 0 for ballot in ballots.values() for vote in ballot.votes.values()):
            return NoRanking(Reason.NOT_APPLICABLE, "no metric, log line or span is anomalous after the onset")
        components = sorted({c for ballot in ballots.values() for c in ballot.votes})
        scores = steady(
            {c: sum(ballot.votes.get(c, 0.0) for ballot in ballots.values()) / len(ballots) for c in components}
        )
        signals = ballots["metrics"].signals if "metrics" in ballots else {}
        steps = (*(ballot.step for ballot in ballots.values()), _count_step(ballots, scores))
        explanation = Explanation(steps, _chatty(scores, ballots, logs))
        return caveats_for(by_components(scores, explanation, signals), incident)

    def _metrics(self, before: SignalMatrix, after: SignalMatrix) -> _Ballot:
        shares: dict[Key, float] = {}
        for i, key in enumerate(before.keys):
            share = _share_of_anomalies(before.values[:, i], after.values[:, i], self.window, self.tail)
            if share is not None:
                shares[key] = share
        of: dict[str, list[float]] = {}
        for (component, _), share in shares.items():
            of.setdefault(component, []).append(share)
        votes = {component: max(found) for component, found in of.items()}
        order = sorted(shares, key=lambda key: (-shares[key], key))[:_SHOWN]
        anomalous = sum(share > 0 for share in shares.values())
        claim = (
            f"{anomalous} of {len(shares)} signals have samples after the onset that the baseline's density makes "
            "improbable."
        )
        start, end = float(after.times[0]), float(after.times[-1]) + after.step
        if order and shares[order[0]] > 0:
            claim += (
                f" {order[0][1]} of {order[0][0]}: {percent(shares[order[0]])} of {counted(after.samples, 'sample')}."
            )
        step = Step(
            "Votes of the metrics",
            claim,
            {"signals": len(shares), "anomalous": anomalous, "tail": self.tail},
            table=Table(("component", "signal", "share anomalous"), tuple((*key, shares[key]) for key in order)),
            pointers=tuple(after.pointer(key, start, end) for key in order[:3]),
        )
        return _Ballot(votes, step, shares)

    def _logs(self, incident: Incident, logs: LogTable, onset: float) -> _Ballot:
        size = len(logs.templates)
        kind = logs.component * size + logs.template
        late = logs.time >= onset
        # Rates over the time in which anything was logged: recording may have begun late or stopped early.
        spans = [max(float(np.ptp(logs.time[side])), 1.0) for side in (~late, late)]
        kinds, group = np.unique(kind, return_inverse=True)
        earlier = np.bincount(group[~late], minlength=len(kinds)).astype(np.float64)
        later = np.bincount(group[late], minlength=len(kinds)).astype(np.float64)
        expected = earlier * spans[1] / spans[0]
        multiplied = later > expected + self.n_sigma * np.sqrt(expected + 1.0)
        anomalous = logs.trouble | (late & multiplied[group])
        votes = _excess(logs.component, len(logs.components), late, anomalous)
        order = [int(g) for g in np.argsort(-(later - expected), kind="stable")[:_SHOWN] if multiplied[g]]
        names = [(logs.components[int(kinds[g]) // size], logs.templates[int(kinds[g]) % size]) for g in order]
        rows: list[tuple[Cell, ...]] = [
            (*name, int(earlier[g]), float(expected[g]), int(later[g])) for name, g in zip(names, order, strict=True)
        ]
        claim = (
            f"{int((anomalous & late).sum())} of {int(late.sum())} lines after the onset are anomalous: "
            f"{int((logs.trouble & late).sum())} report an error; {counted(int(multiplied.sum()), 'template')} more "
            f"frequent than expected."
        )
        if order:
            times = f"{int(later[order[0]])} times, {number(float(expected[order[0]]))} expected"
            claim += f' {names[0][0]}: "{names[0][1]}" {times}.'
        step = Step(
            "Votes of the logs",
            claim,
            {"lines": len(logs.time), "templates": len(kinds), "multiplied": int(multiplied.sum())},
            table=Table(("component", "template", "before", "expected", "after"), tuple(rows)),
            pointers=tuple(log_templates.pointer(incident, *name) for name in names[:3]),
        )
        return _Ballot(_heard(logs.components, logs.component[late], votes), step, {})

    def _spans(self, incident: Incident, spans: SpanTable) -> _Ballot:
        late = spans.late[spans.trace]
        of, kinds = spans.operation, len(spans.operations)
        count = np.bincount(of[~late], minlength=kinds)
        mean = np.bincount(of[~late], weights=spans.own_time[~late], minlength=kinds) / np.maximum(count, 1)
        apart = (spans.own_time - mean[of]) ** 2
        spread = np.sqrt(np.bincount(of[~late], weights=apart[~late], minlength=kinds) / np.maximum(count, 1))
        spread = np.maximum(spread, _LEAST_SPREAD * mean)
        off = (np.abs(spans.own_time - mean[of]) > self.n_sigma * spread[of]) & (count[of] > 1)
        anomalous = off | spans.failed
        votes = _excess(spans.component, len(spans.components), late, anomalous)
        excess = _excess(of, kinds, late, anomalous)
        order = [int(o) for o in np.argsort(-excess, kind="stable")[:_SHOWN] if excess[o] > 0]
        claim = (
            f"{int((anomalous & late).sum())} of {int(late.sum())} spans after the onset are anomalous "
            f"({int((spans.failed & late).sum())} failed), {int((anomalous & ~late).sum())} of {int((~late).sum())} "
            f"before."
        )
        if order:
            component, operation = spans.operations[order[0]]
            claim += f" {operation} of {component}: the share of anomalous spans rises by {percent(excess[order[0]])}."
        pointers: list[Pointer] = [after_onset(incident, *spans.operations[o]) for o in order[:3]]
        step = Step(
            "Votes of the spans",
            claim,
            {"spans": spans.spans, "anomalous after": int((anomalous & late).sum())},
            table=Table(
                ("component", "operation", "mean own time", "sigma", "excess share"),
                tuple((*spans.operations[o], float(mean[o]), float(spread[o]), float(excess[o])) for o in order),
                {"mean own time": "s", "sigma": "s"},
            ),
            pointers=tuple(pointers),
        )
        return _Ballot(_heard(spans.components, spans.component[late], votes), step, {})


@dataclass(frozen=True, eq=False)
class _Ballot:
    """Votes of one source in [0, 1] by component, the step that explains them, and the signals behind them."""

    votes: dict[str, float]
    step: Step
    signals: dict[Key, float]


def _heard(components: Sequence[str], late: NDArray[np.int64], votes: Floats) -> dict[str, float]:
    """The votes of components with an event after the onset: the others are silent, which is not a vote for health."""
    return {components[c]: float(votes[c]) for c in np.unique(late).tolist()}


def _share_of_anomalies(before: Floats, after: Floats, window: int, tail: float) -> float | None:
    """Share of the smoothed samples after the onset that are improbable under the baseline; None without samples."""
    largest = float(np.nanmax(np.abs(np.concatenate([before, after])), initial=0.0)) or 1.0
    both = _weighted_average(np.concatenate([before, after]) / largest, window)
    base, new = both[: len(before)], both[len(before) :]
    base, new = base[np.isfinite(base)], new[np.isfinite(new)]
    if len(base) < 2 or not len(new):
        return None
    # Scott's rule. A constant baseline has no width; then it is a thousandth of its level.
    width = max(1.06 * float(base.std()) * len(base) ** -0.2, 1e-3 * float(np.abs(base).max()), 1e-9)
    below = ndtr((new[:, None] - base[None, :]) / width).mean(axis=1)
    return float((2.0 * np.minimum(below, 1.0 - below) < tail).mean())


def _weighted_average(series: Floats, window: int) -> Floats:
    """(T,) linearly weighted mean of the last `window` samples without gaps; NaN where the sample itself is a gap."""
    total, weight = np.zeros(len(series)), np.zeros(len(series))
    for lag in range(min(window, len(series))):
        shifted = np.concatenate([np.full(lag, np.nan), series[: len(series) - lag]])
        there = np.isfinite(shifted)
        total[there] += (window - lag) * shifted[there]
        weight[there] += window - lag
    mean = np.divide(total, weight, out=np.full(len(series), np.nan), where=weight > 0)
    return np.where(np.isfinite(series), mean, np.nan)


def _excess(
    group: np.ndarray[tuple[int], np.dtype[np.int64]],
    groups: int,
    late: np.ndarray[tuple[int], np.dtype[np.bool_]],
    anomalous: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> Floats:
    """(G,) share of anomalous events after the onset minus that before it, at least 0."""
    shares = []
    for side in (late, ~late):
        count = np.bincount(group[side], minlength=groups)
        shares.append(np.bincount(group[side], weights=anomalous[side], minlength=groups) / np.maximum(count, 1))
    return np.maximum(shares[0] - shares[1], 0.0)


def _count_step(ballots: dict[str, _Ballot], scores: dict[str, float]) -> Step:
    order = sorted(scores, key=lambda c: (-scores[c], c))[:_SHOWN]
    top = order[0]
    parts = ", ".join(f"{source} {number(ballot.votes.get(top, 0.0))}" for source, ballot in ballots.items())
    rows: list[tuple[Cell, ...]] = [(c, *(b.votes.get(c) for b in ballots.values()), scores[c]) for c in order]
    return Step(
        "The count",
        f"{top} has the largest votes: {parts}; their mean is {number(scores[top])} of at most 1.",
        {c: scores[c] for c in order},
        table=Table(("component", *ballots, "score"), tuple(rows)),
    )


def _chatty(scores: dict[str, float], ballots: dict[str, _Ballot], logs: LogTable | None) -> tuple[str, ...]:
    top = min(scores, key=lambda c: (-scores[c], c))
    votes = {source: ballot.votes.get(top, 0.0) for source, ballot in ballots.items()}
    if logs is None or "logs" not in votes or votes["logs"] < max(votes.values()):
        return ()
    share = float(np.mean(np.array(logs.components)[logs.component] == top))
    if share < _CHATTY:
        return ()
    return (
        f"{top} is first by its logs, and it writes {percent(share)} of all lines: most lines are its own in "
        "any incident.",
    )
