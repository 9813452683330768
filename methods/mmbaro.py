"""Multi-source BARO: one robust score for metrics, log counts, span latencies and span failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number, percent, quantity
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.refusals import NO_ONSET
from methods.answer.ties import steady
from methods.answer.types import Explanation, Family, Method, NoRanking, Outcome, Pointer, Reason, Step, Table
from methods.answer.wording import counted, unit_of
from methods.telemetry import event_series, log_templates
from methods.telemetry.deviation import ROBUST, Deviations, deviations
from methods.telemetry.log_templates import LogTable
from methods.telemetry.matrix import from_frame, halves, prepare
from methods.telemetry.spans import SpanTable, after_onset, encode

_SHOWN = 8
_CHATTY = 0.5


class MmBaro(Method):
    """Multi-source BARO: the largest robust deviation of any kind of telemetry.

    Idea:
        BARO scales each series by its median and interquartile range (IQR) before the onset, so series of any unit are
        comparable. Logs become series by counting the lines of each template, spans by the latency and the failures of
        each operation. The component with the largest scaled value of any source is blamed.

    Formula:
        score(i) = max over t >= onset of |x_i(t) - median_i| / spread_i, as in `baro`, with counts of departures for
        series with one usual value: most templates and failures are 0 nearly always. A component scores as its highest
        series.

    Inputs:
        Metrics (T × N, each in any unit), and log lines and spans where recorded, counted in buckets of 5 s that start
        at the onset. The onset. One of the sources is enough.

    Parameters:
        None. The quantiles 25 and 75 are BARO's, the buckets are the study's.

    Fails when:
        A rare operation or template has few buckets in the baseline, so its range says little. A component that writes
        many kinds of lines has many series, and so many chances of a large score.

        NoRanking without an onset, and when no series of any source changes.

    Cost:
        O(N T log T) over all series. Masking log lines and counting spans is linear in their number.

    Reference:
        Pham, Ha, Zhang, BARO: Robust Root Cause Analysis for Microservices via Multivariate Bayesian Online Change
        Point Detection, FSE 2024. Multi-source form: Pham et al., RCAEval: A Benchmark for Root Cause Analysis of
        Microservice Systems with Telemetry Data, WWW Companion 2025.

    Deviations:
        The public code takes the signed maximum, so it misses drops, and it drops constant series; here the absolute
        value counts and constants are kept, with the rules of `baro`. Where the IQR is 0 it divides by 1, which mixes
        counts with seconds and favours components with many log lines; here the departures of such series from their
        usual value are counted. The study's "latency" of a trace is a count of successful spans, and it loses the last
        two samples of the failures before the fault; here there are latencies and failures. Log lines are counted by
        template, not by container.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.mmbaro import MmBaro
        >>> ranking = MmBaro().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'node', 'replica-0']
        >>> print(ranking.explanation.steps[2].claim)
        Of 3 series of span latencies, latency: generate of replica-1 deviates most. It reaches 678 ms after the onset,
        17.7 interquartile ranges from its median of 200 ms.
    """

    name: ClassVar[str] = "mmbaro"
    family: ClassVar[Family] = Family.MULTI_SOURCE

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        if incident.onset is None:
            return NO_ONSET
        found: dict[str, tuple[Deviations, Mapping[tuple[str, str], str]]] = {}
        metrics = halves(prepare(incident), incident.onset)
        if not isinstance(metrics, NoRanking):
            found["metrics"] = deviations(*metrics, ROBUST), {}
        logs, spans = log_templates.parse(incident), encode(incident)
        for source, series in self._events(incident, logs, spans):
            sides = halves(from_frame(series.frame, incident), incident.onset)
            if not isinstance(sides, NoRanking):
                found[source] = deviations(*sides, ROBUST), series.meaning
        scores = steady({key: score for part, _ in found.values() for key, score in part.by_signal().items()})
        if not any(scores.values()):
            detail = "no metric, log count or span series changes after the onset"
            return NoRanking(Reason.NOT_APPLICABLE, detail)
        steps = [_step(incident, source, part, meaning) for source, (part, meaning) in found.items()]
        explanation = Explanation(
            (*(step for step in steps if step), _sources_step(scores, found)), _chatty(scores, found, logs)
        )
        return caveats_for(by_signals(scores, explanation), incident)

    def _events(
        self, incident: Incident, logs: LogTable | None, spans: SpanTable | NoRanking
    ) -> list[tuple[str, event_series.EventSeries]]:
        events = []
        if logs is not None:
            events.append(("log lines", event_series.of_logs(incident, logs)))
        if not isinstance(spans, NoRanking):
            events.append(("span latencies", event_series.of_latencies(incident, spans)))
            events.append(("span failures", event_series.of_failures(incident, spans)))
        return events


def _pointer(
    incident: Incident, source: str, found: Deviations, key: tuple[str, str], meaning: Mapping[tuple[str, str], str]
) -> Pointer:
    if source == "metrics":
        return found.after.pointer(key, float(found.after.times[0]), float(found.after.times[-1]) + found.after.step)
    if source == "log lines":
        return log_templates.pointer(incident, key[0], meaning[key])
    return after_onset(incident, key[0], meaning[key])


def _unit(incident: Incident, source: str, signal: str) -> str:
    if source == "metrics":
        return unit_of(incident.telemetry.units, signal)
    return "s" if source == "span latencies" else ""


def _step(incident: Incident, source: str, found: Deviations, meaning: Mapping[tuple[str, str], str]) -> Step | None:
    order = [int(i) for i in np.argsort(-found.scores, kind="stable") if found.scores[i] > 0][:_SHOWN]
    if not order:
        return None
    keys, top = found.before.keys, order[0]
    peaks = {i: float(found.after.values[found.peak[i], i]) for i in order}
    fresh = [i for i in order if source == "log lines" and found.centre[i] == 0 and not found.left.off_before[i]]
    units = tuple(_unit(incident, source, keys[i][1]) for i in order)
    unit = units[0]
    left = found.left
    how = (
        f"and leaves its usual {quantity(float(found.centre[top]), unit)} in {left.off_after[top]} of "
        f"{counted(left.after[top], 'sample')}, as unusual as {number(float(found.scores[top]))} interquartile ranges."
        if left.still[top]
        else f"{number(float(found.scores[top]))} interquartile ranges from its median of "
        f"{quantity(float(found.centre[top]), unit)}."
    )
    claim = (
        f"Of {len(keys)} series of {source}, {keys[top][1]} of {keys[top][0]} deviates most. It reaches "
        f"{quantity(peaks[top], unit)} after the onset, {how}"
    )
    if fresh:
        claim += f" {counted(len(fresh), 'listed template')} not seen before the onset."
    return Step(
        f"Largest deviation: {source}",
        claim,
        {"series": len(keys), "score": float(found.scores[top])},
        {"baseline median": float(found.centre[top])},
        Table(
            ("component", "signal", "median", "IQR", "peak", "score"),
            tuple(
                (*keys[i], float(found.centre[i]), float(found.spread[i]), peaks[i], float(found.scores[i]))
                for i in order
            ),
            dict.fromkeys(("median", "IQR", "peak"), units),
        ),
        units={"baseline median": unit},
        pointers=tuple(_pointer(incident, source, found, keys[i], meaning) for i in order[:3]),
    )


def _sources_step(
    scores: Mapping[tuple[str, str], float],
    found: Mapping[str, tuple[Deviations, Mapping[tuple[str, str], str]]],
) -> Step:
    rows: dict[str, dict[str, float]] = {}
    for source, (part, _) in found.items():
        for key in part.by_signal():
            best = rows.setdefault(key[0], {})
            best[source] = max(best.get(source, 0.0), scores[key])
    order = sorted(rows, key=lambda c: (-max(rows[c].values()), c))[:_SHOWN]
    source, score = max(rows[order[0]].items(), key=lambda item: (item[1], item[0]))
    return Step(
        "The strongest source decides",
        f"{order[0]} is first by its {source}: score {number(score)}.",
        {component: max(rows[component].values()) for component in order},
        table=Table(("component", *found), tuple((c, *(rows[c].get(s) for s in found)) for c in order)),
    )


def _chatty(
    scores: Mapping[tuple[str, str], float],
    found: Mapping[str, tuple[Deviations, Mapping[tuple[str, str], str]]],
    logs: LogTable | None,
) -> tuple[str, ...]:
    if logs is None or "log lines" not in found:
        return ()
    (component, signal), _ = max(scores.items(), key=lambda item: (item[1], item[0]))
    if (component, signal) not in found["log lines"][1]:
        return ()
    share = float(np.mean(np.array(logs.components)[logs.component] == component))
    if share < _CHATTY:
        return ()
    return (
        f"{component} is first by its log lines, and it writes {percent(share)} of all lines: a component with many "
        "log series has many chances of a large score.",
    )
